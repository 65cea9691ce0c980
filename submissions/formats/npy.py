"""Arrays from strangers: the head of an ``.npy`` is judged before anything of its size is set aside."""

from __future__ import annotations

import io

import numpy as np

from inkbench.benchmark.archives.extract import refusal
from inkbench.benchmark.archives.members import GIB, Limits, judged
from inkbench.benchmark.archives.sources import opened_zip
from inkbench.benchmark.errors import UsageError

PREDICTED = Limits(entry_bytes=2 * GIB, total_bytes=2 * GIB)


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


def load_npz(data: bytes, limits: Limits = PREDICTED) -> dict[str, np.ndarray]:
    """Load the arrays of an ``.npz``. Raises ValueError as ``load_npy`` does, and for one that unpacks to too much."""
    try:
        with opened_zip(io.BytesIO(data), limits, "the npz") as source:
            safe, faults = judged(source.members, limits, source.packed)
            if faults:
                raise ValueError(refusal(faults))
            return {member.name.removesuffix(".npy"): load_npy(b"".join(source.pieces(member))) for member in safe}
    except UsageError as problem:
        raise ValueError(str(problem)) from None
