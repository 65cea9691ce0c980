"""Label-fraction subsets as files: drawn once for all time, and kept where a reader of a record can look them up."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inkbench.benchmark.contracts.dataset import Item
from inkbench.benchmark.store.files import write_atomic


def keep(items: Sequence[Item], of: int, folder: Path) -> dict[str, Any]:
    """Write the ids of a subset (a line each, in order) into ``folder`` under their sha256; what a record says of it.

    ``of`` is how many items it was drawn from.
    """
    text = "".join(f"{item.id}\n" for item in items).encode()
    content = hashlib.sha256(text).hexdigest()
    path = folder / f"{content[:20]}.txt"
    if not path.is_file():
        write_atomic(path, text)
    return {"n": len(items), "of": of, "sha256": content, "file": f"{folder.name}/{path.name}"}
