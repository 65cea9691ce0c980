"""What happens to image files in real folders, done to files on purpose."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: max(path.stat().st_size // 3, 40)])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def a_web_page(path: Path) -> None:
    path.write_text("<!doctype html><title>404</title>")


def other_format(path: Path) -> None:
    """The same pixels as a BMP, under the old name."""
    image = Image.open(path)
    image.load()
    image.save(path, "BMP")


def cmyk(path: Path) -> None:
    Image.open(path).convert("CMYK").save(path, "JPEG")


def one_pixel(path: Path) -> None:
    Image.fromarray(np.full((1, 1, 3), 90, dtype=np.uint8)).save(path)


def endless(path: Path) -> None:
    Image.new("RGB", (20_000, 40), "white").save(path)


UNREADABLE: tuple[Callable[[Path], None], ...] = (truncated, emptied, a_web_page)
ODD: tuple[Callable[[Path], None], ...] = (other_format, cmyk, one_pixel, endless)
SAID = {
    truncated: "cannot be read",
    emptied: "cannot be read: is an empty file",
    a_web_page: "cannot be read: is not an image",
    other_format: "is BMP, not",
    cmyk: "is CMYK",
    one_pixel: "is only 1 x 1 pixels",
    endless: "20,000 x 40 pixels",
}


def damage(files: list[Path]) -> dict[Path, Callable[[Path], None]]:
    """Do each damage once, to files spread over the list; gives which file was hurt how."""
    ways = (*UNREADABLE, *ODD)
    hurt = {files[k * len(files) // len(ways)]: way for k, way in enumerate(ways)}
    for file, way in hurt.items():
        way(file)
    return hurt
