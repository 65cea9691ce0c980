"""A sheet of pictures: a few images of each kind with what is annotated on them, for a look before a run."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from inkbench.benchmark.contracts.dataset import Item, Kind
from inkbench.benchmark.data.grey_map import read_map
from inkbench.benchmark.data.images import BadImage, clamp_crop, decode
from inkbench.benchmark.data.label_map import colours, read_labels

TILE, CAPTION, GAP, A_ROW = 260, 34, 8, 6
ROWS: tuple[Kind, ...] = (
    "pages", "panels", "saliency", "faces", "bodies", "labelled", "segmented",
)  # fmt: skip
INK = {"panel": (31, 119, 180), "face": (214, 39, 40), "body": (44, 160, 44), "text": (255, 127, 14),
       "balloon": (148, 103, 189)}  # fmt: skip
OTHER = (90, 90, 90)
DOT = 2


def sheet(items: Mapping[Kind, Sequence[Item]]) -> bytes | None:
    """A PNG with a row of images for each kind, spread evenly over the items; None where there is nothing to show."""
    rows = [(kind, [items[kind][k] for k in _spread(len(items[kind]))]) for kind in ROWS if items.get(kind)]
    if not rows:
        return None
    font = ImageFont.load_default(size=13)
    side = (GAP + A_ROW * (TILE + GAP), GAP + len(rows) * (TILE + CAPTION + GAP) + CAPTION)
    canvas = Image.new("RGB", side, "white")
    pen = ImageDraw.Draw(canvas)
    for row, (kind, chosen) in enumerate(rows):
        top = GAP + row * (TILE + CAPTION + GAP)
        for column, item in enumerate(chosen):
            left = GAP + column * (TILE + GAP)
            canvas.paste(tile(item), (left, top))
            pen.text((left, top + TILE + 1), _fit(pen, f"{kind}: {item.split}", font), "black", font)
            told = item.id if item.label is None else f"{item.label}: {item.id}"
            pen.text((left, top + TILE + 16), _fit(pen, told, font), "black", font)
    x = float(GAP)
    for label in sorted({box.label for _, chosen in rows for item in chosen for box in item.boxes}):
        pen.rectangle((x, side[1] - 26, x + 14, side[1] - 12), outline=INK.get(label, OTHER), width=3)
        pen.text((x + 20, side[1] - 27), label, "black", font)
        x += 44 + pen.textlength(label, font)
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG")
    return buffer.getvalue()


def tile(item: Item, side: int = TILE) -> Image.Image:
    """An image within ``side`` x ``side``, its labels drawn over it; a grey square with the reason where it is bad."""
    try:
        whole = decode(item.path).image
        image = whole if item.crop is None else whole.crop(clamp_crop(item.path, item.crop, *whole.size))
        scale = min(side / image.width, side / image.height)
        size = (max(round(image.width * scale), 1), max(round(image.height * scale), 1))
        small = _overlaid(item, image.resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0))
    except BadImage as error:
        small = Image.new("RGB", (side, side), (200, 200, 200))
        ImageDraw.Draw(small).text((6, 6), "\n".join(_wrapped(error.reason)), "black")
        return small
    pen = ImageDraw.Draw(small)
    for box in item.boxes:
        corners = (box.x0 * scale, box.y0 * scale, box.x1 * scale - 1, box.y1 * scale - 1)
        pen.rectangle((*corners[:2], max(corners[2], corners[0]), max(corners[3], corners[1])),
                      outline=INK.get(box.label, OTHER), width=2)  # fmt: skip
    for x, y in item.fixations if item.fixations is not None else ():
        pen.ellipse((x * scale - DOT, y * scale - DOT, x * scale + DOT, y * scale + DOT), fill=(0, 90, 255))
    return small


def _overlaid(item: Item, small: Image.Image) -> Image.Image:
    """The small image with its saliency as red, or its classes as VOC's colours, half seen through."""
    if item.map:
        values = read_map(item.map).astype(np.float64)
        heat = Image.fromarray((255 * values / max(values.max(), 1e-300)).astype(np.uint8)).resize(small.size)
        return Image.composite(Image.new("RGB", small.size, (255, 0, 0)), small, heat.point(lambda value: value * 0.7))
    if item.mask:
        labels = Image.fromarray(read_labels(item.mask)).resize(small.size, Image.Resampling.NEAREST)
        return Image.blend(small, Image.fromarray(colours()[np.asarray(labels)]), 0.5)
    return small


def _spread(count: int) -> list[int]:
    return sorted(set(np.linspace(0, count - 1, min(A_ROW, count)).astype(int).tolist()))


def _fit(pen: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """The end of a text that is too long for a tile, behind an ellipsis."""
    if pen.textlength(text, font) <= TILE:
        return text
    while text and pen.textlength(f"…{text}", font) > TILE:
        text = text[1:]
    return f"…{text}"


def _wrapped(text: str, width: int = 34) -> list[str]:
    return [text[start : start + width] for start in range(0, len(text), width)]
