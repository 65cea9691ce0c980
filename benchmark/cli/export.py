"""``export``: weights as a folder, and as a repository of the hub."""

from __future__ import annotations

import argparse
import os

from inkbench.benchmark.given.catalogue import mirror
from inkbench.benchmark.store.store import Store

ENDPOINT = "HF_ENDPOINT"
"""Where the hub's client looks for its hub; it reads this when it is imported."""


def export(flags: argparse.Namespace) -> int:
    """Carry out ``export``; gives the exit status.

    Weights are fetched from the mirror that ``$INKBENCH_WEIGHTS`` may name; what is pushed goes to the hub itself.
    """
    told = os.environ.get(ENDPOINT)
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    if address := mirror():
        os.environ[ENDPOINT] = address
    from inkbench.benchmark.running.export.folder import Wanted
    from inkbench.benchmark.running.export.folder import export as write

    if told is None:
        os.environ.pop(ENDPOINT, None)
    else:
        os.environ[ENDPOINT] = told
    formats = tuple(part.strip() for part in flags.format.split(","))
    wanted = Wanted(flags.out, formats, flags.push, flags.private, flags.backbone)
    print(write(Store(flags.results), flags.what, wanted))
    return 0
