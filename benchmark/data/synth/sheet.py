"""The contact sheet of a drawn copy: pages of many series side by side, and one page with its labels over it.

``python -m inkbench.benchmark.data.synth.sheet ROOT OUT.jpg [SERIES.PAGE ...]`` writes it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from inkbench.benchmark.drawing.marked import Marked
from inkbench.benchmark.drawing.places import fit
from inkbench.benchmark.drawing.sheet import Place, Sheet
from inkbench.benchmark.drawing.style import GAZE, PARTS, Colour

PAGE_WIDTH = 300
COLUMNS = 4
FIRST = tuple((series, 0) for series in range(7))
COLOURS: dict[str, Colour] = {**PARTS, "one viewer's gaze": GAZE}


def sheet(root: Path, pages: Sequence[tuple[int, int]] = FIRST) -> Image.Image:
    """Draw a picture of ``pages`` (series and page), then the last of them once more with its labels."""
    folder = root / "comics" / "raw_page_images"
    files = [folder / str(series) / f"{page}.jpg" for series, page in pages]
    pictures = [Image.open(file, formats=("JPEG",)).convert("RGB") for file in files]
    series, page = pages[-1]
    record = json.loads((root / "labels" / f"{series}.json").read_text())["pages"][page]
    drawn = Sheet(legend=list(COLOURS.items()))
    places = [Place(fit(np.asarray(one), PAGE_WIDTH, 2 * PAGE_WIDTH)) for one in pictures]
    drawn.flow([*places, Place(labelled(pictures[-1], record))], COLUMNS)
    return Image.fromarray(drawn.pixels)


def labelled(image: Image.Image, page: dict[str, Any]) -> np.ndarray:
    """Draw a page, small and paler, with the boxes of everything on it and the way of its first viewer."""
    pale = (np.asarray(image) * 0.65 + 255 * 0.35).round().astype(np.uint8)
    marked = Marked(pale, PAGE_WIDTH, 2 * PAGE_WIDTH)
    for panel in page["panels"]:
        x, y = panel["box"][:2]
        boxes = [("panel", [0, 0, *panel["size"]])]
        boxes += [(label, one[label]) for one in panel["characters"] for label in ("body", "face")]
        boxes += [
            (label, one[key]) for one in panel["texts"] for label, key in (("balloon", "balloon"), ("text", "box"))
        ]
        for label, box in boxes:
            if box:
                marked.box((x + box[0], y + box[1], x + box[2], y + box[3]), PARTS[label], width=2)
    marked.way(np.array([look[:2] for look in page["gaze"][0]]), GAZE)
    return marked.pixels


def main() -> None:
    """Write the sheet of a copy as a JPEG that is fit for a page of documentation."""
    root, out, *chosen = sys.argv[1:]
    pages = [(int(one.partition(".")[0]), int(one.partition(".")[2])) for one in chosen]
    (sheet(Path(root), pages) if pages else sheet(Path(root))).save(out, quality=72, optimize=True, progressive=True)


if __name__ == "__main__":
    main()
