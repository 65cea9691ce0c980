"""A checkpoint of any code as plain values: what it holds besides tensors is neither imported nor called."""

from __future__ import annotations

import re
import tarfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from inkbench.benchmark.errors import UsageError

NUMPY_TYPES = ("Float64", "Float32", "Float16", "Int64", "Int32", "UInt8", "Bool", "Str", "Object")
VALUES = (
    *("argparse.Namespace", "types.SimpleNamespace", "uuid.UUID", "typing.Any", "decimal.Decimal"),
    *(f"pathlib.{kind}" for kind in ("Path", "PosixPath", "WindowsPath", "PurePosixPath")),
    *(f"pathlib._local.{kind}" for kind in ("Path", "PosixPath", "WindowsPath", "PurePosixPath")),
    *(f"datetime.{kind}" for kind in ("date", "datetime", "timedelta", "timezone")),
    *(f"{room}.multiarray.{name}" for room in ("numpy.core", "numpy._core") for name in ("scalar", "_reconstruct")),
    *("numpy.dtype", "numpy.ndarray", *(f"numpy.dtypes.{kind}DType" for kind in NUMPY_TYPES)),
    *(f"builtins.{name}" for name in ("getattr", "object", "type", "int", "float", "bool", "str", "list", "dict")),
    *(f"omegaconf.base.{name}" for name in ("ContainerMetadata", "Metadata")),
    *(f"omegaconf.nodes.{kind}Node" for kind in ("Any", "String", "Integer", "Float", "Boolean", "Path")),
    *("omegaconf.dictconfig.DictConfig", "omegaconf.listconfig.ListConfig"),
    "mmengine.logging.history_buffer.HistoryBuffer",
)
"""Types that training code keeps beside weights: options, numbers, paths, times. Each is read as an empty shell."""

MAPPINGS = (
    "collections.defaultdict",
    "pytorch_lightning.utilities.parsing.AttributeDict",
    "lightning.pytorch.utilities.parsing.AttributeDict",
    "lightning_fabric.utilities.data.AttributeDict",
    "lightning.fabric.utilities.data.AttributeDict",
    "mmengine.config.config.ConfigDict",
    "vissl.config.attr_dict.AttrDict",
    "easydict.EasyDict",
    "yacs.config.CfgNode",
    "addict.addict.Dict",
)
"""Dictionaries of other codes; their entries are kept, since tensors may lie in them."""


class Shell:
    """Stands for an object of another code: takes whatever it is made from, and does nothing with it."""

    def __new__(cls, *arguments: Any, **named: Any) -> Shell:
        """Make an empty shell, whatever it is made from."""
        del arguments, named
        return object.__new__(cls)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        del arguments, named

    def __setstate__(self, state: Any) -> None:
        del state


class ShellMapping:
    """Stands for a dictionary of another code, as a plain one."""

    def __new__(cls, *arguments: Any) -> dict[Any, Any]:  # type: ignore[misc]
        """Make an empty dictionary, whatever it is made from."""
        del arguments
        return {}


HARMLESS: list[Any] = [*((Shell, name) for name in VALUES), *((ShellMapping, name) for name in MAPPINGS)]


def read_checkpoint(path: Path) -> Any:
    """Read a file of safetensors, or one that ``torch.save`` wrote (zip, or the older stream of pickles).

    Pickles are read by torch's restricted reader; names beyond tensors and ``HARMLESS`` are refused, none is called.
    Raises UsageError.
    """
    if not path.is_file():
        raise UsageError(f"no weights file {path}")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings(), torch.serialization.safe_globals(HARMLESS):
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise UsageError(f"{path} is not a readable weights file: {_why(path, error)}") from None
    except Exception as error:  # pickle.UnpicklingError and what a hostile pickle provokes
        raise UsageError(
            f"{path} was not loaded: it contains more than tensors ({_asked_for(error)}); "
            "save the state dictionary alone, as safetensors"
        ) from None


def tensors(value: Any, within: str = "") -> dict[str, Tensor]:
    """Return all tensors in nested dictionaries, each by the dotted path of keys that leads to it."""
    found: dict[str, Tensor] = {}
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(key, str) and isinstance(inner, Tensor):
                found[within + key] = inner
            elif isinstance(key, str):
                found |= tensors(inner, f"{within}{key}.")
    return found


def _why(path: Path, error: Exception) -> str:
    if tarfile.is_tarfile(path):
        return "it is a tar archive of torch before 0.2; load it there and save the state dictionary again"
    if "TorchScript" in str(error):
        return "it is a TorchScript archive, which is code; save its state_dict() as safetensors"
    return str(error).split("\n")[0] or type(error).__name__


def _asked_for(error: Exception) -> str:
    """Return the name that a pickle asked for, or the kind of error that it made."""
    named = re.search(r"GLOBAL (\S+)", str(error))
    if "Unsupported operand" in str(error):
        return "its pickle has another protocol than that of torch.save"
    return named.group(1) if named else type(error).__name__
