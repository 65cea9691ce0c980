"""Weights from elsewhere: a file, or what timm publishes for ImageNet's labels on its hub."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inkbench.benchmark.api import Config, Method, NotApplicable, WeightsInfo

if TYPE_CHECKING:
    from inkbench.benchmark.networks.backbones import Backbone

PATIENCE_S = 5.0
"""How long a hub may take to answer at all; its own client tries six times, a minute each."""


class ImageNet(Method[Config]):
    """Weights from ``--weights FILE``, or trained on ImageNet's labels from timm's hub; outside the budget.

    What a file was trained with is what its card says, and unknown without one.
    """

    name = "imagenet"
    version = 2
    needs = frozenset()
    supervision = "unknown"
    pretrains = False
    takes_weights = True
    source = "Russakovsky et al., ImageNet Large Scale Visual Recognition Challenge, IJCV 2015"

    def set_weights(self, backbone: Backbone, weights: Path | None) -> WeightsInfo:
        """Fill the backbone.

        Raises UsageError for a file that does not fit, NotApplicable where the hub is out of reach.
        """
        from inkbench.benchmark.networks import supervision
        from inkbench.benchmark.networks.weights_files import load_weights

        if weights is not None:
            return WeightsInfo(supervision.of_file(weights), load_weights(backbone, weights))
        backbone.model.load_state_dict(published(backbone))
        return WeightsInfo("labels")


def published(backbone: Backbone) -> dict[str, Any]:
    """Return the state that timm publishes for this architecture (its default tag, or that named), by timm's loader.

    Files that the hub's cache already holds are read without a network. Raises NotApplicable.
    """
    from inkbench.benchmark.networks import supervision
    from inkbench.benchmark.networks.timm_models import create

    source: Any = backbone.model.pretrained_cfg
    name = f"{source['architecture']}.{source['tag']}" if source.get("tag") else backbone.name
    if not (source.get("hf_hub_id") or source.get("url")):
        raise NotApplicable(f"timm publishes no weights of {backbone.name}; give a file with --weights FILE")
    word = supervision.of_timm(source["architecture"], source.get("tag") or "")
    if word != "labels":
        raise NotApplicable(
            f"timm's weights {name} were not trained on ImageNet's labels alone ({word}); name others (--backbone "
            "NAME.TAG) or give a file with --weights FILE"
        )
    cached = _in_cache(source)
    if cached is None:
        _knock(source, name)
    overlay = {} if cached is None else {"file": str(cached), "custom_load": False}
    try:
        loaded = create(backbone.name, backbone.settings, pretrained=True, pretrained_cfg_overlay=overlay)
    except Exception as error:  # the hub's client, its HTTP library and safetensors each have their own
        raise NotApplicable(_mend(source, name, f"did not load ({type(error).__name__})")) from error
    return loaded.state_dict()


def _in_cache(source: dict[str, Any]) -> Path | None:
    """Return the file that an earlier download, or a copy, left on this machine."""
    import torch
    from huggingface_hub import try_to_load_from_cache

    if source.get("hf_hub_id"):
        for file in (source.get("hf_hub_filename") or "model.safetensors", "pytorch_model.bin"):
            found = try_to_load_from_cache(source["hf_hub_id"], file)
            if isinstance(found, str):
                return Path(found)
        return None
    file = Path(torch.hub.get_dir()) / "checkpoints" / source["url"].rsplit("/", 1)[-1]
    return file if file.is_file() else None


def _knock(source: dict[str, Any], name: str) -> None:
    """Request a sign of life from the hub, so that a machine without network is reported in seconds."""
    from huggingface_hub import constants

    address = constants.ENDPOINT if source.get("hf_hub_id") else source["url"]
    if source.get("hf_hub_id") and constants.HF_HUB_OFFLINE:
        raise NotApplicable(_mend(source, name, "are not in the hub's cache and HF_HUB_OFFLINE is set"))
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=PATIENCE_S):
            return
    except urllib.error.HTTPError:
        return  # it answered
    except OSError:
        raise NotApplicable(_mend(source, name, f"cannot be downloaded: {address} does not answer")) from None


def _mend(source: dict[str, Any], name: str, what: str) -> str:
    from huggingface_hub import constants

    said = f"timm's weights {name} {what}; give a file with --weights FILE"
    if not source.get("hf_hub_id"):
        return said
    folder = "models--" + source["hf_hub_id"].replace("/", "--")
    return f"{said} or copy the folder {folder} from a machine that has it into {constants.HF_HUB_CACHE}"
