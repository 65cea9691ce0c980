"""The ``config.json`` by which timm makes the same network, and changes its first and last layer when asked to."""

from __future__ import annotations

from typing import Any

from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.networks.timm_models import ANY_SIDE, arguments
from inkbench.benchmark.running.export.exported import Exported

KEPT = ("first_conv", "classifier", "interpolation", "crop_pct", "crop_mode", "test_input_size", "test_crop_pct")
"""What of timm's own description of a network holds for other weights of it too."""


def takes_any_side(backbone: Backbone) -> bool:
    """Return whether timm's network takes images of other sides than that of its making."""
    return not backbone.model.pretrained_cfg.get("fixed_input_size") or ANY_SIDE.items() <= _arguments(backbone).items()


def nearest_side(backbone: Backbone, side: int) -> int:
    """Return the side that timm's network takes: whole patches, or the only one that there is."""
    if not takes_any_side(backbone):
        return backbone.native_side
    return -(-side // backbone.strides[-1]) * backbone.strides[-1] if backbone.has_tokens else side


def config_of(exported: Exported) -> dict[str, Any]:
    """Return the configuration: the architecture with the arguments it was made with, and how images are shown to it.

    A transformer keeps the grid of positions that its weights are of, whatever side it was trained at last. The network
    is made without a classifier (``num_classes`` of the arguments), and its weights are of no number of classes (-1 in
    ``pretrained_cfg``): so timm looks for no classifier in them under any call, ``num_classes`` with ``features_only``
    too, of which it would find one missing if they were said to have 0.
    """
    backbone = exported.backbone
    own = backbone.model.pretrained_cfg
    told = {name: own[name] for name in KEPT if own.get(name) is not None}
    made_with = {"num_classes": 0, **_arguments(backbone)}
    fixed = bool(own.get("fixed_input_size"))
    if fixed and takes_any_side(backbone):
        made_with["img_size"] = backbone.native_side
    return {
        "architecture": exported.architecture,
        "num_features": int(backbone.model.num_features),
        "model_args": made_with,
        "pretrained_cfg": {
            **told,
            **exported.preprocessing,
            "fixed_input_size": fixed and not takes_any_side(backbone),
            "num_classes": -1,
            "custom_load": False,
        },
    }


def _arguments(backbone: Backbone) -> dict[str, Any]:
    return arguments(backbone.name, backbone.settings)
