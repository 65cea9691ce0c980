"""Arrays from strangers: the head of an ``.npy`` is judged before anything of its size is set aside."""

from __future__ import annotations

import io
import zipfile

import numpy as np

MOST_BYTES = 2 * 2**30


def load_npy(data: bytes) -> np.ndarray:
    """Load the array of an ``.npy``.

    Raises ValueError for objects (pickles) and for a head that promises other bytes.
    """
    buffer = io.BytesIO(data)
    version = np.lib.format.read_magic(buffer)
    read_head = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_head(buffer)
    if dtype.hasobject:
        raise ValueError("contains Python objects, which need allow_pickle")
    promised = int(np.prod([int(side) for side in shape], dtype=object)) * dtype.itemsize
    if promised != len(data) - buffer.tell():
        raise ValueError(f"its header announces {promised} bytes, but {len(data) - buffer.tell()} follow")
    array: np.ndarray = np.load(io.BytesIO(data), allow_pickle=False)
    return array


def load_npz(data: bytes) -> dict[str, np.ndarray]:
    """Load the arrays of an ``.npz``. Raises ValueError as ``load_npy`` does, and for one that unpacks to too much."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        infos = file.infolist()
        total = sum(info.file_size for info in infos)
        if total > MOST_BYTES:
            raise ValueError(f"unpacks to {total:,} bytes, more than {MOST_BYTES:,}")
        found = {}
        for info in infos:
            with file.open(info) as entry:
                found[info.filename.removesuffix(".npy")] = load_npy(entry.read(info.file_size))
    return found
