"""The AI4VA saliency challenge: pages, square maps, fixations."""

from __future__ import annotations

from pathlib import Path

from inkbench.benchmark.data.synth.writers.files import Series, link, write_table


def write_ai4va(root: Path, drawn: Path, series: list[Series]) -> None:
    """Write ``images/<split>/<series>_<page>.jpg``, square maps of the same stem, and all fixations (x, y 1-based)."""
    rows = []
    for one in series:
        number, split = one["series"], one["split"]
        for page in one["pages"]:
            stem = f"{number}_{page['page']}"
            link(drawn / str(number) / "pages" / f"{page['page']}.jpg", root / "images" / split / f"{stem}.jpg")
            link(drawn / str(number) / "maps" / f"{page['page']}.png", root / "maps" / split / f"{stem}.png")
            for viewer, path in enumerate(page["gaze"]):
                rows += [(f"{stem}.jpg", viewer, round(x + 1, 1), round(y + 1, 1), d) for x, y, d in path]
    write_table(root / "fixations.csv", ("image", "subject", "x", "y", "duration_ms"), rows)
