"""A sheet of pictures: a few images of each kind with what is annotated on them, for a look before a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np
from PIL import Image

from inkbench.benchmark.contracts.dataset import Item, Kind
from inkbench.benchmark.data.grey_map import read_map
from inkbench.benchmark.data.images import BadImage, clamp_crop, decode
from inkbench.benchmark.data.label_map import read_labels
from inkbench.benchmark.drawing.labels import named_colours
from inkbench.benchmark.drawing.marked import Marked
from inkbench.benchmark.drawing.palette import colours
from inkbench.benchmark.drawing.places import fit, reason
from inkbench.benchmark.drawing.sheet import Place, Sheet, Text
from inkbench.benchmark.drawing.style import FAINT, FIXATION, PARTS, SALIENCY, Colour

TILE, A_ROW = 260, 6
ROWS: tuple[Kind, ...] = (
    "pages", "panels", "saliency", "faces", "bodies", "labelled", "segmented",
)  # fmt: skip


def sheet(items: Mapping[Kind, Sequence[Item]], classes: Sequence[str] = ()) -> bytes | None:
    """Draw a PNG with a row of images for each kind, spread evenly over the items; None where there are none.

    ``classes`` are the names of the numbers in the masks.
    """
    rows = [(kind, [items[kind][k] for k in _spread(len(items[kind]))]) for kind in ROWS if items.get(kind)]
    if not rows:
        return None
    drawn = Sheet(legend=legend([item for _, chosen in rows for item in chosen], classes), column=TILE + 2)
    for kind, chosen in rows:
        drawn.row([Place(tile(item), [f"{kind}: {item.split}", _told(item)]) for item in chosen])
    return drawn.png


def legend(items: Sequence[Item], classes: Sequence[str] = ()) -> list[tuple[str, Colour]]:
    """Return the names and colours of all that ``tile`` draws on some images."""
    labels = sorted({box.label for item in items for box in item.boxes})
    told = [(label, PARTS.get(label, FAINT)) for label in labels]
    told += [("saliency", SALIENCY)] if any(item.map for item in items) else []
    told += [("fixation", FIXATION)] if any(item.fixations is not None for item in items) else []
    codes: set[int] = set()
    for mask in {item.mask for item in items if item.mask}:
        with suppress(BadImage):  # which the tile says
            codes.update(np.unique(read_labels(mask)).tolist())
    named = named_colours(sorted(codes), classes)
    return told + [(f"pixels: {name}" if labels else name, colour) for name, colour in named]


def tile(item: Item, side: int = TILE) -> np.ndarray:
    """Draw an image within ``side`` x ``side`` with its labels; a grey square with the reason where it is bad."""
    try:
        whole = decode(item.path).image
        image = whole if item.crop is None else whole.crop(clamp_crop(item.path, item.crop, *whole.size))
        small = _overlaid(item, Image.fromarray(fit(np.asarray(image), side, side)))
    except BadImage as error:
        return reason(error.reason, side)
    marked = Marked(np.asarray(small), side, side, of=image.size)
    for box in item.boxes:
        marked.box((box.x0, box.y0, box.x1, box.y1), PARTS.get(box.label, FAINT), width=2)
    if item.fixations is not None:
        marked.dots(np.asarray(item.fixations), FIXATION)
    return marked.pixels


def _told(item: Item) -> Text:
    """Return a class and an id; of what is too long the end is kept, which tells one image from the next."""
    return Text(item.id if item.label is None else f"{item.label}: {item.id}", tail=True)


def _overlaid(item: Item, small: Image.Image) -> Image.Image:
    """Draw the small image with its saliency as red, or its classes as VOC's colours, half transparent."""
    if item.map:
        values = read_map(item.map).astype(np.float64)
        heat = Image.fromarray((255 * values / max(values.max(), 1e-300)).astype(np.uint8)).resize(small.size)
        red = Image.fromarray(np.full((small.height, small.width, 3), SALIENCY, dtype=np.uint8))
        return Image.composite(red, small, heat.point(lambda value: value * 0.7))
    if item.mask:
        labels = Image.fromarray(read_labels(item.mask)).resize(small.size, Image.Resampling.NEAREST)
        return Image.blend(small, Image.fromarray(colours()[np.asarray(labels)]), 0.5)
    return small


def _spread(count: int) -> list[int]:
    return sorted(set(np.linspace(0, count - 1, min(A_ROW, count)).astype(int).tolist()))
