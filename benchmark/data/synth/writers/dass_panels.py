"""DASS's panels: those that show a face and a body, with both in one JSON."""

from __future__ import annotations

from pathlib import Path

from inkbench.benchmark.data.synth.writers.dcm772 import DCM_CODES
from inkbench.benchmark.data.synth.writers.files import SPLITS, Series, link, panels_of, write_json, write_lines

PARTS = ("face", "body")


def write_dass_panels(root: Path, drawn: Path, series: list[Series]) -> None:
    """Write ``images/<book>/<page>_<panel>.jpg``, ``annots/annotations.json`` with DCM772's classes, lists of pages."""
    entries: dict[str, dict[str, list[list[int]]]] = {}
    pages: dict[str, dict[str, None]] = {split: {} for split in SPLITS}
    for one, name, panel in panels_of(series):
        boxes = {part: [[*who[part], DCM_CODES[part]] for who in panel["characters"] if who[part]] for part in PARTS}
        pages[one["split"]][f"{one['series']}/{name.partition('_')[0]}"] = None
        if all(boxes.values()):
            file = f"{one['series']}/{name}.jpg"
            link(drawn / str(one["series"]) / "panels" / f"{name}.jpg", root / "images" / file)
            entries[file] = boxes
    write_json(root / "annots" / "annotations.json", entries)
    for split in SPLITS:
        write_lines(root / f"{split}.txt", pages[split])
