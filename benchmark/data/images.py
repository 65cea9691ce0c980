"""Image files of any kind as RGB pixels, or one line that says by name why not.

Greys, palettes, 16 bits, CMYK and transparency (on white) become 8-bit RGB; the orientation that a camera or
scanner wrote into the file is applied, once; of several frames the first is read; colour profiles are not applied.
Maps of measurements and label images are no pictures: see ``grey_map`` and ``label_map``.
"""

from __future__ import annotations

import io
import math
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.Image import Transpose

from inkbench.benchmark import regular
from inkbench.benchmark.data import by_rows
from inkbench.benchmark.data.filenames import IMAGE_FORMATS
from inkbench.benchmark.data.png_text import without_large_text
from inkbench.benchmark.errors import RunError

T = TypeVar("T")
HUGE_PIXELS = 40_000_000
"""From here on images are decoded one after the other, and converted in strips: whole, they would cost gigabytes."""
MOST_PIXELS = 178_956_970
"""What a file may have by its head, 13,377 x 13,377: a page of A4 at 1,200 dots an inch has 139 million."""
MOST_OF_KIND = {"WEBP": 100_000_000, "AVIF": 100_000_000, "JPEG2000": 100_000_000}
"""The kinds whose decoders hold about 20 bytes a pixel."""
TOO_LARGE = f"has more than {MOST_PIXELS // 10**6} million pixels; make it smaller"
SIDEWAYS = 5
"""The first of the orientations that exchange width and height."""
_ORIENTATION = 0x0112
_TOO_MUCH = "MAX_TEXT"
"""The word in Pillow's error about large text in a PNG."""
_UPRIGHT = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}


class BadImage(RunError):
    """An image that cannot be read; ``reason`` is one line."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


class Head(NamedTuple):
    """Head of a file: the size of the upright image, and the orientation (1 to 8) that it comes from."""

    width: int
    height: int
    orientation: int


class Decoded(NamedTuple):
    """An upright RGB image, decoded ``reduced`` times smaller than the ``width`` x ``height`` of its file."""

    image: Image.Image
    reduced: int
    width: int
    height: int


def read_rgb(path: Path, crop: tuple[int, int, int, int] | None = None) -> np.ndarray:
    """Read the pixels of a file, or of the rectangle ``crop`` (x0, y0, x1, y1) of it, as uint8 (H, W, 3).

    A crop is clamped to the image. Raises BadImage.
    """
    image = decode(path).image
    return by_rows.pixels(image if crop is None else image.crop(clamp_crop(path, crop, *image.size)))


def decode(path: Path, shrink: Callable[[int, int], float] | None = None, data: bytes | None = None) -> Decoded:
    """Open a file of any kind as RGB, from its bytes ``data`` where they are at hand. Raises BadImage.

    ``shrink(width, height)`` says how many times smaller the image will be made; a JPEG is then decoded at 1/2,
    1/4 or 1/8 (quicker), but at least twice as large as it will be.
    """

    def work(image: Image.Image) -> Decoded:
        width, height = image.size
        turned = _orientation(image) != 1
        reduced = _draft(image, shrink(width, height)) if shrink and not turned else 1
        rgb = _to_rgb(path, upright(image))
        if rgb is not image:
            image.close()
        return Decoded(rgb, reduced, *(rgb.size if turned else (width, height)))

    return opened(path, work, data)


def opened(path: Path, work: Callable[[Image.Image], T], data: bytes | None = None) -> T:
    """Return the result of ``work`` on an image file of a known kind (``data``: its bytes). Raises BadImage.

    A PNG whose text or profile is too large for Pillow is opened without them.
    """
    with decoding(path):
        try:
            # not by its path: Pillow maps the file into memory then, and jumbles a turned TIFF of greys
            with regular.opened(path) if data is None else io.BytesIO(data) as file:
                return _within(path, file, work)
        except ValueError as error:
            lean = without_large_text(regular.read(path) if data is None else data) if _TOO_MUCH in str(error) else None
            if lean is None:
                raise
        return _within(path, io.BytesIO(lean), work)


def _within(path: Path, file: BinaryIO, work: Callable[[Image.Image], T]) -> T:
    """Return the result of ``work`` on an image of a known kind whose head says that it is not too large."""
    with Image.open(file, formats=_formats()) as image:
        pixels, most = image.width * image.height, MOST_OF_KIND.get(str(image.format), MOST_PIXELS)
        if pixels > MOST_PIXELS:
            raise BadImage(path, TOO_LARGE)
        if pixels > most:
            raise BadImage(path, f"has more than {most // 10**6} million pixels as {image.format}; save it as PNG")
        with _one_huge_at_a_time(pixels):
            return work(image)


@cache
def _formats() -> tuple[str, ...]:
    """Return the kinds of files that are read, by content and not name; others are not tried (EPS runs a program)."""
    Image.init()
    return tuple(sorted({"MPO", "DIB", *IMAGE_FORMATS.values()} & Image.OPEN.keys()))


def upright(image: Image.Image) -> Image.Image:
    """Return the pixels of an open file, turned as it says. Pillow itself turns a TIFF and then takes the mark out."""
    image.load()
    turn = _UPRIGHT.get(_orientation(image))
    if turn is None:
        return image
    turned = image.transpose(turn)
    image.close()  # of a huge one there is no room for both
    return turned


def head_of(path: Path) -> Head:
    """Return the size and orientation, from the file's head alone. Raises BadImage."""

    def work(image: Image.Image) -> Head:
        orientation = _orientation(image)
        width, height = image.size
        if image.format == "TIFF":  # whose size Pillow gives turned or not, as its version likes
            width, height = int(image.tag_v2[256]), int(image.tag_v2[257])  # type: ignore[attr-defined]
        return Head(height, width, orientation) if orientation >= SIDEWAYS else Head(width, height, orientation)

    return opened(path, work)


def size_of(path: Path) -> tuple[int, int]:
    """Return the width and height of the upright image, from the file's head alone. Raises BadImage."""
    return head_of(path)[:2]


def clamp_crop(path: Path, crop: tuple[int, int, int, int], width: int, height: int) -> tuple[int, int, int, int]:
    """Clamp ``crop`` to an image of ``width`` x ``height``. Raises BadImage where nothing is left."""
    x0, y0, x1, y1 = max(crop[0], 0), max(crop[1], 0), min(crop[2], width), min(crop[3], height)
    if x0 >= x1 or y0 >= y1:
        raise BadImage(path, f"the rectangle {crop} lies outside the image of {width} x {height} pixels")
    return x0, y0, x1, y1


def _draft(image: Image.Image, shrink: float) -> int:
    """Set a JPEG to be decoded smaller; the factor by which it will be."""
    width, height = image.size
    factor = next((factor for factor in (8, 4, 2) if 2 * factor <= shrink and min(width, height) >= factor), 1)
    if factor > 1 and image.format == "JPEG":
        image.draft(None, (width // factor, height // factor))
    return 1 if image.size == (width, height) else factor


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a damaged EXIF block says nothing about the pixels: any error of its parser means "upright"
        return 1
    return value if value in _UPRIGHT else 1


def _to_rgb(path: Path, image: Image.Image) -> Image.Image:
    mode = image.mode
    if mode.startswith("I") or mode == "F":
        return _eight_bits(path, image)
    if image.width * image.height >= HUGE_PIXELS:
        return by_rows.converted(image, _opaque) if mode != "RGB" else image
    return _opaque(image)


def _opaque(image: Image.Image) -> Image.Image:
    """Return an image of at most 8 bits as RGB, on white where it is seen through."""
    mode = image.mode
    if mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info:
        layered = image.convert("RGBA")
        white = Image.new("RGBA", layered.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layered).convert("RGB")
    return image.convert("RGB")


def _eight_bits(path: Path, image: Image.Image) -> Image.Image:
    """Scale grey values of more than 8 bits to 8 (Pillow's own conversion clips them)."""
    low, high, kind = math.inf, -math.inf, ""
    for _, values in by_rows.strips(image):
        if not np.isfinite(values).all():
            raise BadImage(path, "has NaN values")
        low, high, kind = min(low, float(values.min())), max(high, float(values.max())), values.dtype.kind
    full = 65_535.0 if kind != "f" else 1.0 if high <= 1 else 255.0
    if low < 0 or high > full:
        raise BadImage(path, f"has grey values from {low:g} to {high:g}, an unknown range")

    def grey(part: Image.Image) -> Image.Image:
        return Image.fromarray(np.floor(np.asarray(part) / full * 255 + 0.5).astype(np.uint8)).convert("RGB")

    return by_rows.converted(image, grey)


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Turn whatever a decoder raises into BadImage, and hide what Pillow warns of."""
    try:
        with _hush:
            yield
    except (BadImage, MemoryError):
        raise
    except UnidentifiedImageError:
        raise BadImage(path, _no_image(path)) from None
    except Image.DecompressionBombError:
        raise BadImage(path, TOO_LARGE) from None
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error and more on damaged files
        said = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        raise BadImage(path, " ".join(said.split())) from None


def _no_image(path: Path) -> str:
    """Return what a file is that no decoder knows: perhaps a pointer to an image that was never fetched."""
    with regular.opened(path) as file:
        head = file.read(200)
    if head.startswith(b"version https://git-lfs"):
        return "is a pointer of Git LFS, not the image; fetch it: git lfs pull"
    if b"annex/objects/" in head:
        return "is a pointer of git-annex, not the image; fetch it: git annex get"
    return "is not an image, or one of an unknown kind" if head else "is an empty file"


class _Hush:
    """Hides Pillow's warnings while any thread decodes; the filters of ``warnings`` belong to the whole process."""

    def __init__(self) -> None:
        self.lock, self.inside = threading.Lock(), 0
        self.saved: warnings.catch_warnings | None = None

    def __enter__(self) -> None:
        with self.lock:
            self.inside += 1
            if self.inside == 1:
                self.saved = warnings.catch_warnings()
                self.saved.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL(\.|$)")

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.inside -= 1
            if self.inside == 0 and self.saved is not None:
                self.saved.__exit__(None, None, None)


_hush = _Hush()
_huge = threading.Lock()


@contextmanager
def _one_huge_at_a_time(pixels: int) -> Iterator[None]:
    """Decode huge images one after the other: several at once would not fit into memory."""
    if pixels < HUGE_PIXELS:
        yield
        return
    with _huge:
        yield
