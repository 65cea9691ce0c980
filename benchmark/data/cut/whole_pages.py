"""Detection of images that are taken for panels but are whole pages: told, never acted on."""

from __future__ import annotations

import numpy as np

from inkbench.benchmark.contracts.dataset import SPLITS, Dataset, Item
from inkbench.benchmark.data.cut.panels import panels_of
from inkbench.benchmark.data.images import BadImage, decode
from inkbench.benchmark.data.own import is_drawn
from inkbench.benchmark.errors import RunError, UsageError

LOOKED_AT = 24
PANELS = 3
"""So many panels by their gutters make a page; two may be a panel with a line through it."""
LEAST_SIDE = 400
"""Pixels of the longer side: smaller images are no readable pages."""
TALL = 6.0
"""Longer side to shorter: strips that scroll are no pages either."""
SHARE = 0.5


def told(dataset: Dataset) -> str:
    """Return a line that says how many of a few images, spread over all, look like whole pages; empty where few do.

    Asked of layouts in which every image counts as a panel; what a program draws and photographs are passed over.
    """
    if dataset.drawn or dataset.photographs or is_drawn(dataset.root):
        return ""
    try:
        offers = dataset.offers()
        if "panels" not in offers or "pages" in offers or "labelled" in offers:
            return ""
        items = [item for split in SPLITS for item in dataset.items("panels", split)]
    except (UsageError, RunError):
        return ""  # told where items are read
    whole = [item for item in items if item.crop is None]
    rows = sorted(set(np.linspace(0, len(whole) - 1, min(LOOKED_AT, len(whole))).astype(int).tolist())) if whole else []
    pages = sum(is_page(whole[row]) for row in rows)
    if not rows or pages < SHARE * len(rows):
        return ""
    return (
        f"{pages} of {len(rows)} sampled images have gutters like complete pages, but are treated as panels: cut them "
        f"with: data cut {dataset.root} --out DIR"
    )


def is_page(item: Item) -> bool:
    """Return whether an image has the size and shape of a page, and the gutters of three panels or more."""
    try:
        image = decode(item.path).image
    except BadImage:
        return False
    long, short = max(image.size), max(min(image.size), 1)
    if long < LEAST_SIDE or long > TALL * short:
        return False
    return len(panels_of(np.asarray(image.convert("L")))) >= PANELS
