"""The contact sheet of a drawn copy: pages of many series side by side, and one page with its labels over it.

``python -m inkbench.benchmark.data.synth.sheet ROOT OUT.jpg [SERIES.PAGE ...]`` writes it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

PAGE_WIDTH = 300
COLUMNS = 4
MARGIN = 8
FIRST = tuple((series, 0) for series in range(7))
COLOURS = {
    "panel": (30, 30, 30), "body": (20, 110, 220), "face": (220, 40, 40), "text": (20, 140, 60),
    "balloon": (235, 150, 20), "gaze": (190, 0, 190),
}  # fmt: skip


def sheet(root: Path, pages: Sequence[tuple[int, int]] = FIRST) -> Image.Image:
    """A picture of ``pages`` (series and page), then the last of them once more with its labels.

    Boxes: panels black, bodies blue, faces red, text green, balloons orange; one simulated viewer's gaze in purple.
    """
    folder = root / "comics" / "raw_page_images"
    pictures = [Image.open(folder / str(series) / f"{page}.jpg").convert("RGB") for series, page in pages]
    series, page = pages[-1]
    record = json.loads((root / "labels" / f"{series}.json").read_text())["pages"][page]
    pictures.append(labelled(pictures[-1], record))
    tall = round(PAGE_WIDTH * pictures[0].height / pictures[0].width)
    rows = -(-len(pictures) // COLUMNS)
    across, down = COLUMNS * (PAGE_WIDTH + MARGIN) + MARGIN, rows * (tall + MARGIN) + MARGIN
    picture = Image.new("RGB", (across, down), (70, 72, 78))
    for k, one in enumerate(pictures):
        spot = (MARGIN + (k % COLUMNS) * (PAGE_WIDTH + MARGIN), MARGIN + (k // COLUMNS) * (tall + MARGIN))
        picture.paste(one.resize((PAGE_WIDTH, tall), Image.Resampling.LANCZOS), spot)
    return picture


def labelled(image: Image.Image, page: dict[str, Any]) -> Image.Image:
    """A page, paler, with the boxes of everything on it and the way of its first viewer."""
    image = Image.blend(image, Image.new("RGB", image.size, (255, 255, 255)), 0.35)
    draw = ImageDraw.Draw(image)
    for panel in page["panels"]:
        x, y = panel["box"][:2]
        boxes = [("panel", [0, 0, *panel["size"]])]
        boxes += [(label, one[label]) for one in panel["characters"] for label in ("body", "face")]
        boxes += [
            (label, one[key]) for one in panel["texts"] for label, key in (("balloon", "balloon"), ("text", "box"))
        ]
        for label, box in boxes:
            if box:
                corners = (x + box[0], y + box[1], x + box[2] - 1, y + box[3] - 1)
                draw.rectangle(corners, outline=COLOURS[label], width=3)
    way = [(look[0], look[1]) for look in page["gaze"][0]]
    draw.line(way, fill=COLOURS["gaze"], width=2)
    for x, y in way:
        draw.ellipse((x - 5, y - 5, x + 5, y + 5), outline=COLOURS["gaze"], width=3)
    return image


def main() -> None:
    """Write the sheet of a copy as a JPEG that is fit for a page of documentation."""
    root, out, *chosen = sys.argv[1:]
    pages = [(int(one.partition(".")[0]), int(one.partition(".")[2])) for one in chosen]
    (sheet(Path(root), pages) if pages else sheet(Path(root))).save(out, quality=72, optimize=True, progressive=True)


if __name__ == "__main__":
    main()
