"""PASCAL VOC's layout: panels with label images; pages with boxes in XML; Comic2k's panels with persons."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from inkbench.benchmark.data.synth.semantic import MASK_CLASSES
from inkbench.benchmark.data.synth.writers.files import (
    SPLITS,
    Series,
    Thing,
    drawn_page,
    link,
    pages_of,
    panels_of,
    things_on,
    write,
    write_lines,
)  # fmt: skip


def write_voc(root: Path, drawn: Path, series: list[Series]) -> None:
    """Write panels ``JPEGImages/<series>_<page>_<panel>.jpg``, label images (classes, instances), lists of splits."""
    listed: dict[str, list[str]] = {split: [] for split in SPLITS}
    for one, name, _ in panels_of(series):
        home, stem = drawn / str(one["series"]), f"{one['series']}_{name}"
        link(home / "panels" / f"{name}.jpg", root / "JPEGImages" / f"{stem}.jpg")
        link(home / "classes" / f"{name}.png", root / "SegmentationClass" / f"{stem}.png")
        link(home / "masks" / f"{name}.png", root / "SegmentationObject" / f"{stem}.png")
        listed[one["split"]].append(stem)
    for split in SPLITS:
        write_lines(root / "ImageSets" / "Segmentation" / f"{split}.txt", listed[split])
    write_lines(root / "classes.txt", MASK_CLASSES)


def write_voc_boxes(root: Path, drawn: Path, series: list[Series]) -> None:
    """Write pages ``JPEGImages/<series>_<page>.jpg`` with all boxes in ``Annotations/``, lists of splits."""
    listed: dict[str, list[str]] = {split: [] for split in SPLITS}
    for one, page in pages_of(series):
        stem = f"{one['series']}_{page['page']}"
        link(drawn_page(drawn, one, page), root / "JPEGImages" / f"{stem}.jpg")
        write(root / "Annotations" / f"{stem}.xml", _annotation(stem, page["size"], things_on(page)))
        listed[one["split"]].append(stem)
    for split in SPLITS:
        write_lines(root / "ImageSets" / "Main" / f"{split}.txt", listed[split])


def write_cross_domain(root: Path, drawn: Path, series: list[Series]) -> None:
    """Write panels with bodies as persons; every fourth of train is in ``extra.txt`` and has the dummy box instead."""
    listed: dict[str, list[str]] = {name: [] for name in ("train", "test", "extra")}
    for place, (one, name, panel) in enumerate(panels_of(series)):
        stem = f"{one['series']}_{name}"
        link(drawn / str(one["series"]) / "panels" / f"{name}.jpg", root / "JPEGImages" / f"{stem}.jpg")
        of = "test" if one["split"] == "test" else "train"
        if of == "train" and place % 4 == 3:
            of, persons = "extra", [Thing("person", (0, 0, 1, 1))]  # 1, 1, 1, 1 in the file
        else:
            persons = [Thing("person", tuple(who["body"])) for who in panel["characters"] if who["body"]]
        write(root / "Annotations" / f"{stem}.xml", _annotation(stem, panel["size"], persons))
        listed[of].append(stem)
    for of, stems in listed.items():
        write_lines(root / "ImageSets" / "Main" / f"{of}.txt", stems)


def _annotation(stem: str, size: Iterable[int], things: Iterable[Thing]) -> str:
    """Return an XML as the devkit has it: pixels count from 1 and the last one is included."""
    wide, tall = size
    objects = "".join(
        f"<object><name>{thing.label}</name><difficult>0</difficult><bndbox><xmin>{x0 + 1}</xmin><ymin>{y0 + 1}</ymin>"
        f"<xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>\n"
        for thing in things
        for x0, y0, x1, y1 in [thing.box]
    )
    return (
        f"<annotation>\n<filename>{stem}.jpg</filename>\n<size><width>{wide}</width><height>{tall}</height>"
        f"<depth>3</depth></size>\n{objects}</annotation>\n"
    )
