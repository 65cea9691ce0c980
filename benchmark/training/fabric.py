"""Lightning Fabric, imported without what it asks nothing but the version of.

It imports torchmetrics, and with it SciPy's signals and matplotlib, to set a flag for its detection of spikes, which is
not used here: more than two seconds at the start of every worker, every plan and every test of the command line.
"""

from __future__ import annotations

import sys

UNASKED = "torchmetrics"

_loaded = sys.modules.get(UNASKED)
if _loaded is None:
    sys.modules[UNASKED] = None  # type: ignore[assignment]
try:
    from lightning_fabric import Fabric
    from lightning_fabric.strategies import DDPStrategy
finally:
    if _loaded is None:
        del sys.modules[UNASKED]

__all__ = ["DDPStrategy", "Fabric"]
