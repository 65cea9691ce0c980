"""The one sheet on which all pictures are laid out: rows and columns of images, with texts that never overlap."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from inkbench.benchmark.drawing import style
from inkbench.benchmark.drawing.style import EDGE, GUTTER, HAIR, INK, LINE, MARGIN, TITLE, TITLE_LINE, Colour

READABLE = 150
"""A text may widen its column up to this; what is longer is shortened."""
LEAST = 380
"""A title or a footnote may widen a sheet up to this; what is longer is wrapped."""
SWATCH = 12


class Text(NamedTuple):
    """A line of text; where it is too long its start is kept, or its ``tail``."""

    text: str
    colour: Colour = INK
    tail: bool = False


class Place(NamedTuple):
    """An image, uint8 (h, w, 3), at the size that it has on the sheet, its frame, and lines of text below it."""

    picture: np.ndarray
    caption: Sequence[Text | str] = ()
    frame: Colour | None = HAIR

    @property
    def edge(self) -> int:
        """The width of its frame, px."""
        return 0 if self.frame is None else 1 if self.frame == HAIR else EDGE

    @property
    def size(self) -> tuple[int, int]:
        """Width and height with the frame."""
        return self.picture.shape[1] + 2 * self.edge, self.picture.shape[0] + 2 * self.edge


class Spot(NamedTuple):
    """Position of something on a sheet: left, top, right, bottom; a place, a text or the colour of a swatch."""

    box: tuple[int, int, int, int]
    what: Place | Text | Colour
    letters: int = style.SIZE
    turned: bool = False


class Row(NamedTuple):
    """The places of a row and what stands left of it."""

    places: Sequence[Place | None]
    label: str


@dataclass(slots=True)
class Sheet:
    """Rows of places. ``title`` above, ``headings`` above columns, below a ``legend`` and a ``footnote``.

    ``column`` is the least width of a column, ``gutter`` the white between places, ``turned`` headings read upwards. A
    column is as wide as its widest picture, a row as high as its highest. A picture starts at the left, where its texts
    do; it stands on its caption in a row that has any, else it hangs below its heading. The same input gives the same
    bytes.
    """

    headings: Sequence[str] = ()
    _: KW_ONLY
    title: str = ""
    footnote: str = ""
    legend: Sequence[tuple[str, Colour]] = ()
    column: int = 0
    gutter: int = GUTTER
    turned: bool = False
    rows: list[Row] = field(default_factory=list, init=False)

    def row(self, places: Sequence[Place | None], label: str = "") -> None:
        """Add a row; None leaves a place empty, and a column of None alone is a wider gutter."""
        self.rows.append(Row(places, label))

    def flow(self, places: Sequence[Place], columns: int) -> None:
        """Add places in as many rows as they need."""
        for start in range(0, len(places), columns):
            self.row(places[start : start + columns])

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._laid_out()[0]

    @property
    def spots(self) -> list[Spot]:
        """The position of everything on the sheet."""
        return self._laid_out()[1]

    @property
    def pixels(self) -> np.ndarray:
        """The sheet, uint8 (H, W, 3)."""
        size, spots = self._laid_out()
        canvas = Image.new("RGB", size, style.PAPER)
        pen = ImageDraw.Draw(canvas)
        for spot in spots:
            _paint(canvas, pen, spot)
        return np.asarray(canvas)

    @property
    def png(self) -> bytes:
        """The sheet as a PNG."""
        buffer = io.BytesIO()
        Image.fromarray(self.pixels).save(buffer, "PNG")
        return buffer.getvalue()

    def _laid_out(self) -> tuple[tuple[int, int], list[Spot]]:
        """Return the size and the positions, from top to bottom."""
        labels = self._labels()
        left = MARGIN + (labels + GUTTER if labels else 0)
        lefts, widths = self._columns(left)
        right = lefts[-1] + widths[-1] if widths else left
        told = max(style.width_of(self.title, TITLE), style.width_of(self.footnote))
        width = max(right - MARGIN, min(told, LEAST), *(_entry(name) for name, _ in self.legend), 1)
        spots: list[Spot] = []
        top = _lines(spots, self.title, MARGIN, width, TITLE)
        top = bottom = self._head(spots, top, lefts, widths)
        for row in self.rows:
            bottom = self._line_up(spots, row, top, lefts, widths)
            top = bottom + self.gutter
        apart = GUTTER if bottom > MARGIN and (self.legend or self.footnote) else 0
        top = self._explain(spots, bottom + apart, width)
        bottom = _lines(spots, self.footnote, top, width, style.SIZE)
        return (width + 2 * MARGIN, bottom + MARGIN), spots

    def _labels(self) -> int:
        """Return the width of the labels of rows."""
        return min(max((style.width_of(row.label) for row in self.rows), default=0), READABLE)

    def _columns(self, left: int) -> tuple[list[int], list[int]]:
        """Return the start of each column and its width."""
        count = max([len(self.headings), *(len(row.places) for row in self.rows)])
        lefts, widths = [], []
        for column in range(count):
            places = [row.places[column] for row in self.rows if column < len(row.places)]
            there = [place for place in places if place is not None]
            texts = [_text(line).text for place in there for line in place.caption]
            if not self.turned:
                texts += self.headings[column : column + 1]
            told = min(max((style.width_of(text) for text in texts), default=0), READABLE)
            width = max([told, *(max(self.column, place.size[0]) for place in there)])
            lefts.append(left)
            widths.append(max(width, LINE if self.turned else 0))
            left += widths[-1] + self.gutter
        return lefts, widths

    def _head(self, spots: list[Spot], top: int, lefts: list[int], widths: list[int]) -> int:
        """Lay out the headings; return where the first row starts."""
        longest = min(max(map(style.width_of, self.headings), default=0), READABLE)
        high = (longest if self.turned else LINE) if longest else 0
        for name, left, width in zip(self.headings, lefts, widths, strict=False):
            if self.turned:
                start = left + (width - LINE) // 2
                spots.append(Spot((start, top, start + LINE, top + high), Text(name), turned=True))
            elif name:
                spots.append(Spot((left, top, left + width, top + high), Text(name)))
        return top + high + (4 if high else 0)

    def _line_up(self, spots: list[Spot], row: Row, top: int, lefts: list[int], widths: list[int]) -> int:
        """Lay out a row; return where it ends."""
        there = [place for place in row.places if place is not None]
        high = max([LINE if row.label else 0, *(place.size[1] for place in there)])
        lines = max((len(place.caption) for place in there), default=0)
        if row.label:
            middle = top + (high - LINE) // 2
            spots.append(Spot((MARGIN, middle, MARGIN + self._labels(), middle + LINE), Text(row.label)))
        for place, left, width in zip(row.places, lefts, widths, strict=False):
            if place is None:
                continue
            y = top + (high - place.size[1] if lines else 0)
            spots.append(Spot((left, y, left + place.size[0], y + place.size[1]), place))
            for number, line in enumerate(place.caption):
                start = top + high + 2 + number * LINE
                spots.append(Spot((left, start, left + width, start + LINE), _text(line)))
        return top + high + (lines * LINE + 2 if lines else 0)

    def _explain(self, spots: list[Spot], top: int, width: int) -> int:
        """Lay out the legend, in as many lines as it needs; return where the footnote starts."""
        x = MARGIN
        for name, colour in self.legend:
            if x > MARGIN and x + _entry(name) > MARGIN + width:
                x, top = MARGIN, top + LINE
            spots.append(Spot((x, top + 3, x + SWATCH, top + 3 + SWATCH), colour))
            spots.append(Spot((x + SWATCH + 5, top, x + _entry(name), top + LINE), Text(name)))
            x += _entry(name) + 14
        return top + LINE if self.legend else top


def _entry(name: str) -> int:
    return SWATCH + 5 + min(style.width_of(name), READABLE)


def _text(line: Text | str) -> Text:
    return line if isinstance(line, Text) else Text(line)


def _lines(spots: list[Spot], text: str, top: int, width: int, letters: int) -> int:
    """Lay out a text in lines; return where what is below it starts."""
    high = TITLE_LINE if letters == TITLE else LINE
    for line in style.wrap(text, width, letters):
        spots.append(Spot((MARGIN, top, MARGIN + width, top + high), Text(line), letters))
        top += high
    return top


def _paint(canvas: Image.Image, pen: ImageDraw.ImageDraw, spot: Spot) -> None:
    left, top, right, bottom = spot.box
    if isinstance(spot.what, Place):
        if spot.what.frame is not None:
            pen.rectangle((left, top, right - 1, bottom - 1), fill=spot.what.frame)
        canvas.paste(Image.fromarray(spot.what.picture), (left + spot.what.edge, top + spot.what.edge))
    elif isinstance(spot.what, Text):
        size = (bottom - top, right - left) if spot.turned else (right - left, bottom - top)
        said = style.shorten(spot.what.text, size[0], spot.letters, spot.what.tail)
        tile = style.lettered(said, size, spot.what.colour, letters=spot.letters)
        canvas.paste(tile.rotate(90, expand=True) if spot.turned else tile, (left, top))
    else:
        edge = style.FAINT if spot.what == style.PAPER else None
        pen.rectangle((left, top, right - 1, bottom - 1), fill=spot.what, outline=edge)
