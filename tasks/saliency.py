"""Where people look: a readout with centre bias on the backbone's features, scored by CC, AUC, KLD, SIM and NSS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import model_validator

from inkbench.benchmark.api import (
    Item,
    NotApplicable,
    Placement,
    Predictions,
    RunError,
    Task,
    TaskConfig,
    Truth,
    View,
    setting,
)
from inkbench.benchmark.config import BACKBONE_TRIALS
from inkbench.benchmark.data.grey_map import flat, read_map
from inkbench.benchmark.data.images import BadImage
from inkbench.benchmark.drawing.maps import draw_maps
from inkbench.submissions.formats.maps import FORMAT
from inkbench.tasks.metrics.maps import cc, centre_map, distribution, resize_map
from inkbench.tasks.metrics.saliency import SCORER

if TYPE_CHECKING:
    from torch import Tensor, nn

    from inkbench.benchmark.networks.backbones import Backbone


CROSS = "cross-style"


class SaliencyConfig(TaskConfig):
    """Settings of saliency."""

    side: int = setting(224, "side in pixels of the square input; the image's aspect is lost", ge=32)
    steps: int = setting(240, "updates of the head (and, fine-tuned, of the backbone)", ge=1)
    batch: int = setting(16, "images per step, over all devices", ge=1)
    lr: float = setting(3e-3, "learning rate of the head (AdamW)", gt=0)
    stride: int = setting(8, "pixels of the input that a cell of the predicted density covers", ge=1)
    width: int = setting(32, "channels of the readout's hidden layer", "DeepGaze II has 16 and 32", ge=2)
    dropout: float = setting(0.5, "share of the features' channels hidden from a training step", ge=0, lt=1)
    cc_weight: float = setting(1.0, "weight of 1 - CC beside KLD in the loss", ge=0)
    pyramid: Literal["none", "simple"] = setting(
        "none",
        "`none`: the head reads the backbone's maps; `simple`: four of ViTDet's pyramid on a transformer's last one",
        "Li et al., ECCV 2022",
        later=True,
    )
    pyramid_width: int = setting(256, "channels of the simple pyramid", "ViTDet", later=True, ge=1)
    modes: tuple[Literal["mit", "ai4va-legacy"], ...] = setting(
        (), "other codes whose figures are computed too, in columns of their own"
    )
    presets: ClassVar = {
        "smoke": {"side": 64, "steps": 30, "batch": 8, "width": 8},
        "standard": {
            "side": 320,
            "steps": 1_000,
            "lr": 1e-3,
            "trials": (1 / 3, 1.0, 3.0),
            "backbone_trials": BACKBONE_TRIALS,
            "batch_norm": "choose",
        },
        "paper": {
            "side": 512,
            "steps": 3_000,
            "lr": 1e-3,
            "trials": (1 / 3, 1.0, 3.0),
            "backbone_trials": BACKBONE_TRIALS,
            "batch_norm": "choose",
        },
    }

    @model_validator(mode="after")
    def _grid_of_some_cells(self) -> SaliencyConfig:
        if self.side // self.stride < 4:
            raise ValueError(f"side {self.side} and stride {self.stride} leave fewer than 4 cells a side")
        return self

    @property
    def grid(self) -> int:
        """Cells of the predicted density along each side."""
        return self.side // self.stride


class Saliency(Task[SaliencyConfig]):
    """The density of gaze on an image, learnt from maps of real or simulated viewers."""

    name = "saliency"
    version = 2
    Config = SaliencyConfig
    scorer = SCORER
    protocols: ClassVar = {
        "frozen@1": "frozen",
        "finetune@1": "finetune",
        "partial@1": "finetune",
        "lora@1": "finetune",
        "cross-style@1": "frozen",
        "cross-style-finetune@1": "finetune",
    }
    prediction_format = FORMAT
    trivial = ("uniform", "centre", "mean-map")
    caches_features = True
    cache_key = ("side", "stride")

    def needs(self) -> frozenset[str]:
        """Return the need of images with saliency maps; fixations are used where there are any."""
        return frozenset({"saliency"})

    def needs_for(self, protocol: str) -> frozenset[str]:
        """Return the needs of the protocol: across styles at least two styles."""
        return frozenset({"styles"} if protocol.startswith(CROSS) else ())

    def group(self, protocol: str, item: Item) -> str | None:
        """Return an item's group: across styles, a readout trained and chosen on others predicts a style's pages."""
        return item.style if protocol.startswith(CROSS) else None

    def view(self) -> View:
        """Squash the whole image: a truth map may be square where its image is not."""
        return View(self.config.side, "squash", "saliency")

    def truth(self, item: Item, width: int, height: int) -> Truth:
        """Return ``map`` (h, w), own size and values, ``fixations`` (k, 2) in px of the image, ``image_size`` (2,).

        Raises RunError for an item without a map, BadImage for a map that cannot be read or is the same everywhere.
        """
        if item.map is None:
            raise RunError(f"item {item.id} has no saliency map; add one, or leave {item.path.name} out")
        fixations = np.zeros((0, 2)) if item.fixations is None else np.asarray(item.fixations, dtype=np.float64)
        values = read_map(item.map)
        if said := flat(values):
            raise BadImage(item.map, said)
        return {"map": values, "fixations": fixations, "image_size": np.array([width, height])}

    def target(self, truth: Truth, placement: Placement) -> Truth:
        """Return ``density`` float32 (grid, grid) of sum 1; zeros where the map has no mass."""
        del placement
        return {"density": self._density(truth)}

    def _density(self, truth: Truth) -> np.ndarray:
        small = resize_map(truth["map"], self.config.grid, self.config.grid)
        return (distribution(small) if small.any() else small).astype(np.float32)

    def head(self, backbone: Backbone, protocol: str) -> nn.Module:
        """Return the same readout for both families."""
        from inkbench.benchmark.networks.readout import Readout
        from inkbench.benchmark.networks.simple_pyramid import DENSE, OnPyramid, SimplePyramid, require_one_stride

        del protocol
        c = self.config
        if c.pyramid == "none":
            return Readout(backbone.channels, c.grid, c.width, c.dropout, c.cc_weight)
        require_one_stride(backbone, "saliency.pyramid")
        readout = Readout([c.pyramid_width] * len(DENSE), c.grid, c.width, c.dropout, c.cc_weight)
        return OnPyramid(SimplePyramid(backbone.channels[-1], DENSE, c.pyramid_width), readout, c.grid)

    def cached_features(self, features: list[Tensor]) -> list[Tensor]:
        """Average maps finer than the grid down to it: the readout's input, in a fraction of the memory."""
        from inkbench.benchmark.networks.readout import to_grid

        return to_grid(features, self.config.grid)

    def decode(self, outputs: Tensor, truths: Sequence[Truth], placements: Sequence[Placement]) -> Predictions:
        """Turn log-densities (B, grid, grid) into densities: ``map`` float32 (grid, grid) that covers the image."""
        del truths, placements
        return [{"map": density} for density in outputs.detach().float().exp().cpu().numpy()]

    def predict_trivial(
        self, name: str, train: Sequence[Truth], test: Sequence[Truth], placements: Sequence[Placement]
    ) -> Predictions:
        """Predict one map for every image: uniform, a Gaussian on the centre, or the mean of the training densities."""
        del placements
        grid = self.config.grid
        if name == "uniform":
            density = np.ones((grid, grid))
        elif name == "centre":
            density = centre_map(grid, grid)
        elif name == "mean-map":
            density = np.mean([self._density(truth) for truth in train], axis=0)
        else:
            raise ValueError(f"saliency has no trivial baseline '{name}'; it has {', '.join(self.trivial)}")
        return [{"map": distribution(density).astype(np.float32)} for _ in test]

    def score_options(self) -> dict[str, Any]:
        """Return the modes whose definitions are computed beside our own."""
        return {"modes": self.config.modes}

    def cut(self, truth: Truth, box: tuple[int, int, int, int]) -> Truth:
        """Raise NotApplicable: who sees a part of a page looks elsewhere on it than who sees the page."""
        raise NotApplicable("viewers saw whole images: where they would look on a part of one is not known")

    def pictures(
        self, images: Sequence[np.ndarray], truths: Sequence[Truth], predictions: Predictions
    ) -> dict[str, np.ndarray]:
        """Draw image, truth and prediction side by side, with the image's own CC."""
        drawn = {}
        for k, (image, truth, prediction) in enumerate(zip(images, truths, predictions, strict=True)):
            seen = resize_map(prediction["map"], *truth["map"].shape)
            note = f"(CC {cc(seen, truth['map']):.2f})"
            drawn[f"map-{k}"] = draw_maps(image, truth["map"], prediction["map"], truth["fixations"], note)
        return drawn
