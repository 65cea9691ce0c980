"""COCO's layout: pages and one JSON a split; with CoMix's categories and folders of books."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inkbench.benchmark.data.synth.writers.files import (
    SPLITS,
    Series,
    drawn_page,
    link,
    pages_of,
    things_on,
    write_json,
)

CATEGORIES = {"panel": "panel", "body": "body", "face": "face", "text": "text", "balloon": "balloon"}
COMIX = {"panel": "panel", "body": "character", "balloon": "balloon", "text": "text", "face": "face"}
COMIX_NAMES = ("panel", "character", "balloon", "text", "onomatopoeia", "link_sbsc", "face")


def write_coco(root: Path, drawn: Path, series: list[Series]) -> None:
    """Write pages ``images/<series>_<page>.jpg`` and ``annotations/instances_<split>.json``."""
    lists = _lists(root, drawn, series, "{}_{}.jpg", CATEGORIES, tuple(CATEGORIES.values()))
    for split, whole in lists.items():
        write_json(root / "annotations" / f"instances_{split}.json", whole)


def write_comix(root: Path, drawn: Path, series: list[Series]) -> None:
    """Write pages ``images/<series>/<page>.jpg`` and ``<split>.json`` with CoMix's seven categories."""
    for split, whole in _lists(root, drawn, series, "{}/{}.jpg", COMIX, COMIX_NAMES).items():
        write_json(root / f"{split}.json", whole)


def _lists(
    root: Path, drawn: Path, series: list[Series], name: str, called: dict[str, str], names: tuple[str, ...]
) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Return the JSON of every split; ids count from 1 (annotation 0 reads as "not matched" in COCO's evaluation)."""
    categories = [{"id": k, "name": text} for k, text in enumerate(names, start=1)]
    lists: dict[str, dict[str, list[dict[str, Any]]]] = {
        split: {"images": [], "categories": categories, "annotations": []} for split in SPLITS
    }
    for one, page in pages_of(series):
        whole = lists[one["split"]]
        file = name.format(one["series"], page["page"])
        link(drawn_page(drawn, one, page), root / "images" / file)
        wide, tall = page["size"]
        image = len(whole["images"]) + 1
        whole["images"].append({"id": image, "file_name": file, "width": wide, "height": tall})
        for thing in things_on(page):
            x0, y0, x1, y1 = thing.box
            whole["annotations"].append(
                {
                    "id": len(whole["annotations"]) + 1,
                    "image_id": image,
                    "category_id": names.index(called[thing.label]) + 1,
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "area": (x1 - x0) * (y1 - y0),
                    "iscrowd": 0,
                }
            )
    return lists
