"""Arrays as compressed npz files without pickles, and dictionaries of arrays of any shape as flat ones."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

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


def read_arrays(path: Path | BinaryIO) -> dict[str, np.ndarray]:
    """Read the arrays of an npz. Raises ValueError for one that holds pickles."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


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
