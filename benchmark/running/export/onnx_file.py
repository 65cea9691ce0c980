"""A backbone as ONNX: one file, any number of images, the vector and the coarsest map of each."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from inkbench.benchmark.errors import RunError, UsageError, brief
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.networks.timm_models import said
from inkbench.benchmark.networks.tokens import read

FILE = "model.onnx"
LARGEST = 2 * 1024**3 - 1024**2
"""A file of ONNX holds less than 2 GiB (it is one message of protobuf)."""
INSTALL = "ONNX needs the packages onnx and onnxscript; install them with: pip install -e '.[onnx]'"


class _Outputs(nn.Module):
    """What tasks read of normalised images: the vector (B, width) and the coarsest map (B, C, h, w)."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        own = self.backbone
        last, maps = own.model.forward_intermediates(images, indices=own.indices[-1:], norm=own.has_tokens)
        vector = read(own.model, last, own.readout) if own.has_tokens else maps[-1].mean((2, 3))
        return (vector if own.projection is None else own.projection(vector)), maps[-1]


def require_onnx() -> None:
    """Raise UsageError where the extra is not installed."""
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError:
        raise UsageError(INSTALL) from None


def onnx_bytes(backbone: Backbone, side: int) -> bytes:
    """Return the file: ``images`` (B, 3, side, side), normalised, to ``vector`` and ``map``, for any B.

    Raises UsageError without the extra, RunError for a network that torch does not export.
    """
    require_onnx()
    import onnx

    backbone.eval()
    if sum(value.numel() * value.element_size() for value in backbone.state_dict().values()) > LARGEST:
        raise RunError(f"{backbone.name} is too large for a file of ONNX (2 GiB); leave out --format onnx")
    batch = torch.export.Dim("batch")
    with tempfile.TemporaryDirectory() as folder, _quiet():
        path = Path(folder) / FILE
        try:
            torch.onnx.export(
                _Outputs(backbone).eval(),
                (torch.zeros(2, 3, side, side),),
                path,
                input_names=["images"],
                output_names=["vector", "map"],
                dynamic_shapes=({0: batch},),
                dynamo=True,
                external_data=False,
                verbose=False,
            )
            onnx.checker.check_model(path)
        except Exception as error:  # the exporter, its passes and the checker each have their own
            raise RunError(
                f"{backbone.name} cannot be written as ONNX ({brief(said(error), 200)}); leave out --format onnx"
            ) from error
        return path.read_bytes()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's own remarks off the terminal."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
