"""Pickles of plain containers and numpy arrays, as CIFAR's Python version has them; nothing else is ever built."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from inkbench.benchmark import regular
from inkbench.benchmark.errors import UsageError

_ADMITTED = {
    **{(module, "_reconstruct"): "_reconstruct" for module in ("numpy.core.multiarray", "numpy._core.multiarray")},
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
}


class _ArraysOnly(pickle.Unpickler):
    """Knows the three names that an array is pickled by; whatever else a pickle calls is refused before it runs."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the thing that a pickle names. Raises UnpicklingError."""
        wanted = _ADMITTED.get((module, name))
        if wanted is None:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return _new_array if wanted == "_reconstruct" else getattr(np, wanted)


def _new_array(subtype: type, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an empty array, which its state then fills, as ``numpy._core.multiarray._reconstruct`` does."""
    if subtype is not np.ndarray:
        raise pickle.UnpicklingError("it holds an array of another class")
    return np.ndarray.__new__(np.ndarray, shape, dtype)


def read_arrays(path: Path) -> dict[bytes, Any]:
    """Read the dictionary that a file pickles, keys as bytes (written by Python 2). Raises UsageError."""
    try:
        value = _ArraysOnly(io.BytesIO(regular.read(path)), encoding="bytes").load()
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror})") from None
    except Exception as error:  # a damaged or hostile pickle raises whatever its bytes provoke
        said = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(f"{path} is not a pickle of arrays ({said}); download it again") from None
    if not isinstance(value, dict):
        raise UsageError(f"{path} pickles {type(value).__name__}, not a dictionary")
    return {key.encode() if isinstance(key, str) else key: part for key, part in value.items()}
