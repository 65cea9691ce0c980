"""Arrays as compressed npz files without pickles, and dictionaries of arrays of any shape as flat ones."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO
from zipfile import BadZipFile

import numpy as np


def arrays_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Write arrays as the bytes of a compressed npz; never pickles."""
    for name, array in arrays.items():
        if np.asarray(array).dtype == object:
            raise TypeError(f"array {name} contains Python objects")
    buffer = io.BytesIO()
    plain: dict[str, Any] = {name: np.asarray(array) for name, array in arrays.items()}
    np.savez_compressed(buffer, **plain)
    return buffer.getvalue()


DAMAGES = (
    *(AttributeError, BadZipFile, EOFError, KeyError, MemoryError, RuntimeError, SyntaxError, TokenError, TypeError),
    *(struct.error, zlib.error),
)
"""What numpy and zipfile raise, beside ValueError and OSError, at a file that is no npz or lies about itself."""


def read_arrays(path: Path | BinaryIO, only: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Read the arrays of an npz, or ``only`` those of these names that it has.

    Raises ValueError for one that holds pickles, is damaged or claims more than it has.
    """
    try:
        with (
            path.open("rb") if isinstance(path, Path) else nullcontext(path) as stream,
            np.load(stream, allow_pickle=False) as file,
        ):
            return {name: file[name] for name in file.files if only is None or name in only}
    except DAMAGES as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None


def pack(dictionaries: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Flatten one dictionary of arrays per item: for every key its values, and a shape per item."""
    flat: dict[str, np.ndarray] = {}
    for key in dictionaries[0] if dictionaries else ():
        values = [np.asarray(dictionary[key]) for dictionary in dictionaries]
        flat[key] = np.concatenate([value.ravel() for value in values])
        flat[f"{key}.shape"] = np.array([value.shape for value in values], dtype=np.int64)
    return flat


def unpack(flat: Mapping[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """Invert ``pack``."""
    keys = [name.removesuffix(".shape") for name in flat if name.endswith(".shape")]
    count = len(flat[f"{keys[0]}.shape"]) if keys else 0
    result: list[dict[str, np.ndarray]] = [{} for _ in range(count)]
    for key in keys:
        start = 0
        for entry, shape in zip(result, flat[f"{key}.shape"], strict=True):
            size = int(np.prod(shape))
            entry[key] = flat[key][start : start + size].reshape(tuple(int(side) for side in shape))
            start += size
    return result
