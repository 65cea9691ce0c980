"""eBDtheque: an SVG a page, a group of polygons for each class."""

from __future__ import annotations

from pathlib import Path

from inkbench.benchmark.data.synth.writers.files import Series, drawn_page, link, pages_of, things_on, write

GROUPS = {"panel": "Panel", "balloon": "Balloon", "text": "Line", "body": "Character"}


def write_ebdtheque(root: Path, drawn: Path, series: list[Series]) -> None:
    """Write ``Pages/<series>_<page>.jpg`` and ``GT/<series>_<page>.svg``; one block of text for the real lines."""
    for one, page in pages_of(series):
        stem = f"{one['series']}_{page['page']}"
        link(drawn_page(drawn, one, page), root / "Pages" / f"{stem}.jpg")
        wide, tall = page["size"]
        groups = {"Page": [(0, 0, wide, tall)], **{name: [] for name in GROUPS.values()}}
        for thing in things_on(page):
            if thing.label in GROUPS:
                groups[GROUPS[thing.label]].append(thing.box)
        written = "".join(
            f'<svg class="{name}">\n{"".join(map(_polygon, boxes))}</svg>\n' for name, boxes in groups.items()
        )
        head = f'<svg xmlns="http://www.w3.org/2000/svg" version="1.1" width="{wide}" height="{tall}">'
        write(root / "GT" / f"{stem}.svg", f"{head}\n{written}</svg>\n")


def _polygon(box: tuple[int, int, int, int]) -> str:
    x0, y0, x1, y1 = box
    return f'<polygon points="{x0},{y0} {x1},{y0} {x1},{y1} {x0},{y1}"><metadata/></polygon>\n'
