"""An image with boxes, dots, a way and names on it, at the size that it has on a sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from inkbench.benchmark.drawing import style
from inkbench.benchmark.drawing.places import fit
from inkbench.benchmark.drawing.style import Colour

TAG = 18
DASH = 9
Corners = Sequence[float] | np.ndarray


class Marked:
    """An image uint8 (h, w, 3) within ``width`` x ``height``, that is drawn on in pixels of the image as it was.

    ``of`` is the width and height that these are pixels of, where the image has been made smaller before.
    """

    def __init__(self, image: np.ndarray, width: int, height: int, of: tuple[int, int] | None = None) -> None:
        small = fit(image, width, height)
        whole = of or (image.shape[1], image.shape[0])
        self._scale = np.array((small.shape[1] / whole[0], small.shape[0] / whole[1]))
        self._canvas = Image.fromarray(small)
        self._pen = ImageDraw.Draw(self._canvas)
        self._taken: list[tuple[int, int, int, int]] = []

    @property
    def pixels(self) -> np.ndarray:
        """The image as drawn so far, uint8 (H, W, 3)."""
        return np.asarray(self._canvas)

    def box(self, corners: Corners, colour: Colour, width: int = 3) -> None:
        """Draw a frame around x0, y0, x1, y1."""
        self._pen.rectangle(self._frame(corners), outline=colour, width=width)

    def dashed(self, corners: Corners, colour: Colour) -> None:
        """Draw a dashed frame on a white one, to be seen on dark and light drawings alike."""
        x0, y0, x1, y1 = self._frame(corners)
        self._pen.rectangle((x0, y0, x1, y1), outline="white", width=3)
        for start in range(x0, x1, 2 * DASH):
            for y in (y0, y1):
                self._pen.line((start, y, min(start + DASH, x1), y), fill=colour, width=3)
        for start in range(y0, y1, 2 * DASH):
            for x in (x0, x1):
                self._pen.line((x, start, x, min(start + DASH, y1)), fill=colour, width=3)

    def dots(self, points: np.ndarray, colour: Colour, outline: Colour | None = None, radius: int = 2) -> None:
        """Draw a dot on each of (k, 2) points."""
        for x, y in np.asarray(points, dtype=np.float64).reshape(-1, 2) * self._scale:
            self._pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour, outline=outline)

    def way(self, points: np.ndarray, colour: Colour) -> None:
        """Draw a line from point to point (k, 2), with a ring on each."""
        line = [(float(x), float(y)) for x, y in np.asarray(points, dtype=np.float64).reshape(-1, 2) * self._scale]
        self._pen.line(line, fill=colour, width=2)
        for x, y in line:
            self._pen.ellipse((x - 3, y - 3, x + 3, y + 3), outline=colour, width=2)

    def name(self, corners: Corners, text: str, ground: Colour, ink: Colour) -> None:
        """Draw a tag at a free corner of the box, within the image; shortened to the image's width."""
        text = style.shorten(text, self._canvas.width - 6)
        if not text or self._canvas.height < TAG:
            return
        place = self._free(self._frame(corners), style.width_of(text) + 6)
        self._taken.append(place)
        self._pen.rectangle((place[0], place[1], place[2] - 1, place[3] - 1), fill=ground)
        tile = style.lettered(text, (place[2] - place[0] - 6, TAG), ink, ground)
        self._canvas.paste(tile, (place[0] + 3, place[1]))

    def _frame(self, corners: Corners) -> tuple[int, int, int, int]:
        """Return the corners on the sheet, within the image so that a frame at its border is seen whole."""
        values = np.asarray(corners, dtype=np.float64).reshape(2, 2) * self._scale
        most = (self._canvas.width - 1, self._canvas.height - 1)
        (x0, y0), (x1, y1) = (np.clip(np.round(value), 0, most).astype(int).tolist() for value in values)
        return x0, y0, max(x1, x0), max(y1, y0)

    def _free(self, box: tuple[int, int, int, int], wide: int) -> tuple[int, int, int, int]:
        """Return a place for a tag that no other tag has: at a corner, else the nearest; above its left where none."""
        x0, y0, x1, y1 = box
        places = []
        for y in (y0 - TAG - 1, y1 + 2, y0 + 3, y1 - TAG - 2):
            for x in (x0, x1 - wide):
                left = max(min(x, self._canvas.width - wide), 0)
                top = max(min(y, self._canvas.height - TAG), 0)
                places.append((left, top, left + wide, top + TAG))
        first = places[0]
        anywhere = [
            (left, top, left + wide, top + TAG)
            for top in range(0, self._canvas.height - TAG + 1, TAG // 2)
            for left in range(0, self._canvas.width - wide + 1, TAG // 2)
        ]
        places += sorted(anywhere, key=lambda place: abs(place[0] - first[0]) + abs(place[1] - first[1]))
        return next((place for place in places if not any(_meet(place, other) for other in self._taken)), first)


def _meet(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
