"""The check of every image file of a dataset, opened once: faults and contents."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from inkbench.benchmark import regular
from inkbench.benchmark.data import by_rows
from inkbench.benchmark.data.filenames import IMAGE_FORMATS
from inkbench.benchmark.data.grey_map import flat, read_map
from inkbench.benchmark.data.images import BadImage, decode, opened
from inkbench.benchmark.data.label_map import read_labels
from inkbench.benchmark.progress import Progress

SMALLEST, LONGEST = 8, 10_000
FILES_A_TASK = 16
VOID = 255
OF_THE_KIND = {"MPO": "JPEG", "DIB": "BMP"}
"""Kinds that Pillow tells apart: MPO, which cameras write, is a JPEG with more frames."""
DARK = 4096
"""The first grey value that needs more than 12 bits."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One file: why it cannot be read or used, what is odd about it, a checksum, the numbers of a label image."""

    path: Path
    error: str | None
    oddities: tuple[str, ...] = ()
    content: str = ""
    labels: frozenset[int] = frozenset()
    fault: str | None = None
    size: tuple[int, int] = (0, 0)


def look_at(
    paths: Iterable[Path], masks: Collection[Path], maps: Collection[Path], progress: Progress
) -> Iterator[Seen]:
    """Decode every file whole, by all cores, in order; ``masks`` are read as label images, ``maps`` as measurements."""
    files = list(paths)
    tasks = [files[start : start + FILES_A_TASK] for start in range(0, len(files), FILES_A_TASK)]
    pool = ThreadPoolExecutor(max_workers=os.cpu_count() or 1)
    try:
        with progress.bar("check", len(files)) as bar:
            for done in pool.map(lambda task: [_look(path, path in masks, path in maps) for path in task], tasks):
                bar.advance(len(done))
                yield from done
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _look(path: Path, is_mask: bool, is_map: bool) -> Seen:
    try:
        with regular.opened(path) as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        kind, mode = opened(path, lambda image: (str(image.format), image.mode))
        labels, fault, odd = frozenset[int](), None, None
        if is_mask:
            numbers = read_labels(path)
            (height, width), labels = numbers.shape, frozenset(np.unique(numbers).tolist())
        elif is_map:
            values = read_map(path)
            (height, width), fault = values.shape, flat(values)
        else:
            _, _, width, height = decode(path)
            odd = opened(path, _range) if mode.startswith("I") or mode == "F" else None
    except BadImage as error:
        return Seen(path, error.reason)
    except OSError as error:
        return Seen(path, str(error.strerror))
    odds = [*([odd] if odd else []), *_odd(path, kind, mode, width, height)]
    return Seen(path, None, tuple(odds), content, labels, fault, (width, height))


def _range(image: Image.Image) -> str | None:
    """Return the remark on a picture of more than 8 bits, whose range the file does not say."""
    most = max(values.max() for _, values in by_rows.strips(image))
    if image.mode == "F":
        return f"holds floats up to {most:g} (read as 0 to {1 if most <= 1 else 255})"
    return f"has 16 bits and no value above {most} (read as 16 bits: dark)" if most < DARK else None


def _odd(path: Path, kind: str, mode: str, width: int, height: int) -> Iterator[str]:
    """Yield what a run copes with and a person should know."""
    wanted = IMAGE_FORMATS.get(path.suffix.lower())
    if wanted and OF_THE_KIND.get(kind, kind) != wanted:
        yield f"is {kind}, not {wanted} as its name says (read as {kind})"
    if mode == "CMYK":
        yield "is CMYK (converted to RGB without a colour profile)"
    if min(width, height) < SMALLEST:
        yield f"is only {width} x {height} pixels"
    if max(width, height) > LONGEST:
        yield f"is {width:,} x {height:,} pixels large"
