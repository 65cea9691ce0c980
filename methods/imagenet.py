"""Weights from elsewhere: a file, or what timm publishes for ImageNet's labels on its hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inkbench.benchmark.api import Config, Method, NotApplicable, WeightsInfo

if TYPE_CHECKING:
    from inkbench.benchmark.networks.backbones import Backbone


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
        from inkbench.benchmark.given import facts, supervision
        from inkbench.benchmark.networks import hub
        from inkbench.benchmark.networks.weights_files import load_weights

        if weights is not None:
            word, known = supervision.of_file(weights), facts.of_file(weights)
            return WeightsInfo(word, load_weights(backbone, weights), **known)
        tag = hub.tag_of(backbone)
        architecture, _, rest = tag.partition(".")
        word = supervision.of_timm(architecture, rest)
        if rest and word != "labels":
            raise NotApplicable(
                f"timm's weights {tag} were not trained on ImageNet's labels alone ({word}); name others (--backbone "
                f"NAME.TAG), give a file with --weights FILE, or take them as a row of their own: --method timm:{tag}"
            )
        state, _ = hub.of_timm(backbone)
        backbone.model.load_state_dict(state)
        return WeightsInfo("labels", **facts.of_tag(rest, hub.licence_of(tag)))
