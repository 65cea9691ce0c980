"""What each pixel shows: a linear layer or a fully convolutional head on the backbone's maps, mean IoU."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import model_validator

from inkbench.benchmark.api import (
    Dataset,
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
from inkbench.benchmark.data.images import BadImage
from inkbench.benchmark.data.label_map import read_labels
from inkbench.benchmark.drawing.labels import draw_labels
from inkbench.benchmark.errors import plural
from inkbench.submissions.formats.labels import FORMAT
from inkbench.tasks.metrics.segmentation import SCORER, VOID, aggregate, score_items

if TYPE_CHECKING:
    from torch import Tensor, nn

    from inkbench.benchmark.networks.backbones import Backbone

MEAN_MAP = 64
"""Cells along each side of the map of usual classes."""


class SegmentationConfig(TaskConfig):
    """Settings of segmentation."""

    fit: Literal["pad", "squash"] = setting("pad", "how images become squares: aspect kept on grey, or lost")
    side: int = setting(192, "side in pixels of the square input", ge=32)
    stride: int = setting(8, "pixels of the input that a cell of the predicted grid covers", ge=1)
    steps: int = setting(240, "updates of the head (and, fine-tuned, of the backbone)", ge=1)
    batch: int = setting(16, "images per step, over all devices", ge=2)
    lr: float = setting(3e-3, "learning rate of the head (AdamW)", gt=0)
    weight_decay: float = setting(1e-4, "decoupled weight decay", ge=0)
    width: int = setting(64, "channels of the FCN head's hidden layers", "FCN has 4096", ge=1)
    dropout: float = setting(0.1, "share of the hidden channels that a step does not see", "FCN has 0.5", ge=0, lt=1)
    pyramid: Literal["none", "simple"] = setting(
        "none",
        "`none`: the head reads the backbone's maps; `simple`: four of ViTDet's pyramid on a transformer's last one",
        "Li et al., ECCV 2022",
        later=True,
    )
    pyramid_width: int = setting(256, "channels of the simple pyramid", "ViTDet", later=True, ge=1)
    presets: ClassVar = {
        "smoke": {"side": 96, "steps": 20, "batch": 8, "width": 16},
        "standard": {
            "side": 384,
            "steps": 8_000,
            "lr": 1e-3,
            "width": 256,
            "trials": (0.3, 1.0, 3.0),
            "backbone_trials": BACKBONE_TRIALS,
            "batch_norm": "choose",
        },
        "paper": {
            "side": 512,
            "steps": 40_000,
            "lr": 1e-3,
            "width": 512,
            "dropout": 0.5,
            "trials": (0.3, 1.0, 3.0),
            "backbone_trials": BACKBONE_TRIALS,
            "batch_norm": "choose",
        },
    }

    @model_validator(mode="after")
    def _grid_of_some_cells(self) -> SegmentationConfig:
        if self.side // self.stride < 4 or self.side % self.stride:
            raise ValueError(f"side {self.side} must be a multiple of stride {self.stride}, with at least four cells")
        return self

    @property
    def grid(self) -> int:
        """Cells of the predicted grid along each side."""
        return self.side // self.stride


class Segmentation(Task[SegmentationConfig]):
    """A class for each pixel of an image."""

    name = "segmentation"
    pipeline = "image-segmentation"
    Config = SegmentationConfig
    scorer = SCORER
    prediction_format = FORMAT
    protocols: ClassVar = {
        **dict.fromkeys(("linear@1", "fcn@1"), "frozen"),
        **dict.fromkeys(("finetune@1", "partial@1", "lora@1"), "finetune"),
    }
    trivial = ("majority", "mean-map")
    caches_features = True
    cache_key = ("side", "stride")

    def __init__(self, config: SegmentationConfig) -> None:
        super().__init__(config)
        self._dataset: Dataset | None = None

    def bind(self, dataset: Dataset) -> Sequence[str]:
        """Remember where the names of the classes come from."""
        self._dataset = dataset
        return ()

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of labels 0, 1, ... Raises RunError where the data name fewer than two."""
        assert self._dataset is not None, "bind comes first"
        names = self._dataset.classes("segmented")
        if len(names) < 2:
            raise RunError(f"{self._dataset.name} has {plural(len(names), 'class')} of pixels; at least two are needed")
        return names

    def needs(self) -> frozenset[str]:
        """Return images with label images."""
        return frozenset({"segmented"})

    def view(self) -> View:
        """Place the whole image, by default at the top left of a grey square, aspect kept."""
        return View(self.config.side, self.config.fit, "segmented")

    def truth(self, item: Item, width: int, height: int) -> Truth:
        """Return ``mask`` uint8 (h, w) in pixels of the image, 255 where a pixel counts for nothing.

        Raises BadImage for a mask that cannot be read, is of another size or holds a label that is no class;
        RunError for an item without one.
        """
        if item.mask is None:
            raise RunError(f"item {item.id} has no label image; add one, or leave {item.path.name} out")
        mask = read_labels(item.mask)
        if mask.shape != (height, width):
            raise BadImage(item.mask, f"is {mask.shape[1]} x {mask.shape[0]} pixels, its image {width} x {height}")
        wrong = np.unique(mask[(mask >= len(self.classes)) & (mask != VOID)])
        if len(wrong):
            raise BadImage(item.mask, f"holds label {wrong[0]}; there are {len(self.classes)} classes from 0, and 255")
        return {"mask": mask}

    def target(self, truth: Truth, placement: Placement) -> Truth:
        """Return ``mask`` uint8 (grid, grid): the label under the middle of each cell, void outside of the image."""
        c = self.config
        middle = (np.arange(c.grid) + 0.5) * c.stride
        columns = np.floor((middle - placement.left) / placement.scale_x).astype(np.int64)
        rows = np.floor((middle - placement.top) / placement.scale_y).astype(np.int64)
        height, width = truth["mask"].shape
        mask = np.full((c.grid, c.grid), VOID, dtype=np.uint8)
        inside = np.ix_((rows >= 0) & (rows < height), (columns >= 0) & (columns < width))
        mask[inside] = truth["mask"][np.ix_(rows[inside[0].ravel()], columns[inside[1].ravel()])]
        return {"mask": mask}

    def head(self, backbone: Backbone, protocol: str) -> nn.Module:
        """Return a linear layer on all maps, or FCN's skips; fine-tuned the latter."""
        from inkbench.benchmark.networks.simple_pyramid import DENSE, OnPyramid, SimplePyramid, require_one_stride
        from inkbench.tasks.segmentation.dense_heads import FcnHead, LinearHead

        c, total = self.config, len(self.classes)
        if protocol == "linear@1" and c.pyramid == "simple":
            raise NotApplicable("segmentation/linear@1 is one linear layer; segmentation.pyramid=simple is for fcn@1")
        if protocol == "linear@1":
            return LinearHead(backbone.channels, c.grid, total)
        if c.pyramid == "none":
            return FcnHead(backbone.channels, c.grid, total, c.width, c.dropout)
        require_one_stride(backbone, "segmentation.pyramid")
        pyramid = SimplePyramid(backbone.channels[-1], DENSE, c.pyramid_width)
        return OnPyramid(pyramid, FcnHead([c.pyramid_width] * len(DENSE), c.grid, total, c.width, c.dropout), c.grid)

    def cached_features(self, features: list[Tensor]) -> list[Tensor]:
        """Average maps finer than the grid down to it; the others stay as they are."""
        from inkbench.benchmark.networks.readout import to_grid

        return to_grid(features, self.config.grid)

    def decode(self, outputs: Tensor, truths: Sequence[Truth], placements: Sequence[Placement]) -> Predictions:
        """Return ``mask`` uint8 (h, w) in px of the image: the best of scores read bilinearly at pixels' middles."""
        del truths
        scores = outputs.detach().float()
        return [{"mask": self._at_pixels(scores[k], place)} for k, place in enumerate(placements)]

    def _at_pixels(self, scores: Tensor, place: Placement) -> np.ndarray:
        """Return the best class of every pixel of an image, uint8 (h, w), from scores (K, grid, grid) on its square."""
        import torch
        from torch.nn.functional import grid_sample

        across = (torch.arange(place.width, device=scores.device) + 0.5) * place.scale_x + place.left
        down = (torch.arange(place.height, device=scores.device) + 0.5) * place.scale_y + place.top
        x, y = (2 * each / self.config.side - 1 for each in (across, down))
        where = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)[None]
        seen = grid_sample(scores[None], where, mode="bilinear", padding_mode="border", align_corners=False)
        return seen[0].argmax(0).byte().cpu().numpy()

    def predict_trivial(
        self, name: str, train: Sequence[Truth], test: Sequence[Truth], placements: Sequence[Placement]
    ) -> Predictions:
        """Predict one class everywhere, or at each place the class that training shows there most often."""
        del placements
        counts = np.zeros((MEAN_MAP, MEAN_MAP, len(self.classes)), dtype=np.int64)
        for truth in train:
            small = _stretched(truth["mask"], MEAN_MAP, MEAN_MAP)
            row, column = np.nonzero(small != VOID)
            counts[row, column, small[row, column]] += 1
        if name == "majority":
            usual = np.full((1, 1), counts.sum((0, 1)).argmax(), dtype=np.uint8)
        elif name == "mean-map":
            usual = counts.argmax(2).astype(np.uint8)
        else:
            raise ValueError(f"segmentation has no trivial baseline '{name}'; it has {', '.join(self.trivial)}")
        return [{"mask": _stretched(usual, *truth["mask"].shape)} for truth in test]

    def score_options(self) -> dict[str, Any]:
        """Return the names of the classes, where a dataset gives them."""
        return {"classes": list(self.classes)} if self._dataset else {}

    def cut(self, truth: Truth, box: tuple[int, int, int, int]) -> Truth:
        """Return the mask of what is left."""
        x0, y0, x1, y1 = box
        return {"mask": truth["mask"][y0:y1, x0:x1]}

    def pictures(
        self, images: Sequence[np.ndarray], truths: Sequence[Truth], predictions: Predictions
    ) -> dict[str, np.ndarray]:
        """Draw image, truth and prediction side by side, with the image's own mean IoU."""
        drawn = {}
        for k, (image, truth, prediction) in enumerate(zip(images, truths, predictions, strict=True)):
            own = aggregate(score_items([prediction], [truth], classes=self.classes))
            note = f"(mIoU {own['miou']:.2f})" if own else "(nothing counts)"
            drawn[f"mask-{k}"] = draw_labels(image, truth["mask"], prediction["mask"], self.classes, note)
        return drawn


def _stretched(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    """Stretch a mask to another size, each pixel the nearest one's label: uint8 (height, width)."""
    rows = ((np.arange(height) + 0.5) * mask.shape[0] / height).astype(np.int64)
    columns = ((np.arange(width) + 0.5) * mask.shape[1] / width).astype(np.int64)
    return mask[np.ix_(rows, columns)]
