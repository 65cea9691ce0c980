"""Every image file of a dataset opened once: what is wrong with it, and what it holds."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.data.images import BadImage, decode, decoding
from benchmark.data.label_map import read_labels
from benchmark.progress import Progress

SMALLEST, LONGEST = 8, 10_000
FILES_A_TASK = 16
VOID = 255
FORMATS = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".gif": "GIF", ".bmp": "BMP", ".tif": "TIFF",
    ".tiff": "TIFF",
}  # fmt: skip
"""What a file of each suffix should be (MPO, which cameras write, is a JPEG with more frames)."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One file: why it cannot be read, what is odd about it, a checksum of its bytes, the numbers of a label image."""

    path: Path
    error: str | None
    oddities: tuple[str, ...] = ()
    content: str = ""
    labels: frozenset[int] = frozenset()
    size: tuple[int, int] = (0, 0)


def look_at(paths: Iterable[Path], masks: Collection[Path], progress: Progress) -> Iterator[Seen]:
    """Decode every file whole, by all cores, in order; those in ``masks`` are read as label images."""
    files = list(paths)
    tasks = [files[start : start + FILES_A_TASK] for start in range(0, len(files), FILES_A_TASK)]
    pool = ThreadPoolExecutor(max_workers=os.cpu_count() or 1)
    try:
        with progress.bar("check", len(files)) as bar:
            for done in pool.map(lambda task: [_look(path, path in masks) for path in task], tasks):
                bar.advance(len(done))
                yield from done
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _look(path: Path, is_mask: bool) -> Seen:
    try:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        with decoding(path), Image.open(path) as head:
            kind, mode = str(head.format), head.mode
        numbers: frozenset[int] = frozenset()
        if is_mask:
            labels = read_labels(path)
            height, width = labels.shape
            numbers = frozenset(np.unique(labels).tolist())
        else:
            _, _, width, height = decode(path)
    except BadImage as error:
        return Seen(path, error.reason)
    except OSError as error:
        return Seen(path, str(error.strerror))
    return Seen(path, None, tuple(_odd(path, kind, mode, width, height)), content, numbers, (width, height))


def _odd(path: Path, kind: str, mode: str, width: int, height: int) -> Iterator[str]:
    """What a run copes with and a person should know."""
    wanted = FORMATS.get(path.suffix.lower())
    if wanted and kind != wanted and not (wanted == "JPEG" and kind == "MPO"):
        yield f"is {kind}, not {wanted} as its name says (read as what it is)"
    if mode == "CMYK":
        yield "is CMYK (converted to RGB without a colour profile)"
    if min(width, height) < SMALLEST:
        yield f"is only {width} x {height} pixels"
    if max(width, height) > LONGEST:
        yield f"is {width:,} x {height:,} pixels large"
