"""Faces, bodies or other boxes on panels or pages: FCOS on a feature pyramid over the backbone, COCO AP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import field_validator, model_validator

from inkbench.benchmark.api import (
    Box,
    Dataset,
    Item,
    Placement,
    Predictions,
    Split,
    Task,
    TaskConfig,
    Truth,
    View,
    setting,
)
from inkbench.benchmark.config import BACKBONE_TRIALS
from inkbench.benchmark.drawing.boxes import draw_boxes
from inkbench.submissions.formats.boxes import FORMAT
from inkbench.tasks.detection import constant_boxes
from inkbench.tasks.metrics.detection import SCORER
from inkbench.tasks.metrics.matching import MOST

if TYPE_CHECKING:
    from torch import nn

    from inkbench.benchmark.networks.backbones import Backbone


class DetectionConfig(TaskConfig):
    """Settings of detection."""

    classes: tuple[str, ...] = setting(("face", "body"), "box classes to find: panel, face, body, text, balloon")
    unit: Literal["auto", "panel", "page"] = setting("auto", "images are panels or pages; auto: pages to find panels")
    side: int = setting(256, "side in pixels of the square input", ge=64)
    steps: int = setting(240, "updates of the head (and, fine-tuned, of the backbone)", ge=1)
    batch: int = setting(16, "images per step, over all devices", ge=1)
    lr: float = setting(2e-3, "learning rate of the head (AdamW)", gt=0)
    fpn_channels: int = setting(64, "width of the feature pyramid and of the towers", ge=32, multiple_of=32)
    convolutions: int = setting(2, "3x3 convolutions in each tower", "FCOS, arXiv 2006.09214, section 4 has 4", ge=1)
    strides: tuple[int, ...] = setting((8, 16, 32, 64), "pixels between the points of each level", min_length=1)
    reach: float = setting(6.0, "strides to a box's farthest side that a level covers", "FCOS, 3.2 has 8", gt=0)
    radius: float = setting(2.0, "strides around a box's middle in which points answer", "FCOS has 1.5", gt=0)
    nms: float = setting(0.6, "overlap (IoU) from which the lesser box of a class is dropped", "FCOS", gt=0, le=1)
    floor: float = setting(0.05, "score above which a box is predicted", ge=0, lt=1)
    pyramid: Literal["fpn", "simple"] = setting(
        "fpn",
        "`fpn`: a map for each level and a path from coarse to fine; `simple`: ViTDet's, from a transformer's last map",
        "Lin et al., CVPR 2017; Li et al., ECCV 2022",
        later=True,
    )
    presets: ClassVar = {
        "smoke": {"side": 128, "steps": 40, "batch": 8},
        "standard": {
            "side": 512,
            "reach": 8.0,
            "radius": 1.5,
            "steps": 12_000,
            "lr": 5e-4,
            "fpn_channels": 256,
            "convolutions": 4,
            "strides": (8, 16, 32, 64, 128),
            "trials": (0.3, 1.0, 3.0),
            "backbone_trials": BACKBONE_TRIALS,
            "batch_norm": "choose",
        },
        "paper": {
            "side": 800,
            "reach": 8.0,
            "radius": 1.5,
            "steps": 90_000,
            "lr": 2e-4,
            "fpn_channels": 256,
            "convolutions": 4,
            "strides": (8, 16, 32, 64, 128),
            "trials": (0.3, 1.0, 3.0),
            "backbone_trials": BACKBONE_TRIALS,
            "batch_norm": "choose",
        },
    }

    @field_validator("classes")
    @classmethod
    def _some_classes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        known = ("panel", "face", "body", "text", "balloon")
        if not value or len(set(value)) < len(value) or not set(value) <= set(known):
            raise ValueError(f"classes must be one or more of {', '.join(known)}, each once")
        return value

    @field_validator("strides")
    @classmethod
    def _rising(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(stride < 4 for stride in value) or sorted(set(value)) != list(value):
            raise ValueError("strides must increase and be at least 4")
        return value

    @model_validator(mode="after")
    def _panels_on_pages(self) -> DetectionConfig:
        if "panel" in self.classes and self.unit == "panel":
            raise ValueError("panels are detected on pages; leave unit at auto")
        return self


class Detection(Task[DetectionConfig]):
    """Boxes of chosen classes."""

    name = "detection"
    pipeline = "object-detection"
    version = 1
    Config = DetectionConfig
    scorer = SCORER
    prediction_format = FORMAT
    trivial = ("constant-box",)

    def bind(self, dataset: Dataset) -> Sequence[str]:
        """Go without the classes that the data have no boxes of, where they have some of the others."""
        known = tuple(name for name in self.config.classes if f"boxes:{name}" in dataset.offers())
        if not known or known == self.config.classes:
            return ()
        lacking = ", ".join(name for name in self.config.classes if name not in known)
        self.config = self.config.model_copy(update={"classes": known})
        return [f"{dataset.name} has no boxes of {lacking}: detection uses {', '.join(known)} only"]

    def needs(self) -> frozenset[str]:
        """Return the unit's images and every class's boxes."""
        return frozenset({self.view().kind, *(f"boxes:{name}" for name in self.config.classes)})

    def view(self) -> View:
        """Place the whole image at the top left of a grey square, aspect kept."""
        page = self.config.unit == "page" or (self.config.unit == "auto" and "panel" in self.config.classes)
        return View(side=self.config.side, fit="pad", kind="pages" if page else "panels")

    def items(self, dataset: Dataset, split: Split) -> list[Item]:
        """Return images on which all classes are annotated, also those that show none of them."""
        wanted = set(self.config.classes)
        return [item for item in dataset.items(self.view().kind, split) if wanted <= item.labels]

    def truth(self, item: Item, width: int, height: int) -> Truth:
        """Return ``boxes`` (k, 4) float64, cut to the image, ``labels`` (k,), ``size`` (2,) width and height.

        A box that lies outside the image or has no area cannot be found and is left out.
        """
        kept = [(self.config.classes.index(box.label), box) for box in item.boxes if box.label in self.config.classes]
        boxes = np.array([_corners(box) for _, box in kept], dtype=np.float64).reshape(-1, 4)
        boxes = np.clip(boxes, 0, [width, height, width, height])
        valid = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        labels = np.array([label for label, _ in kept], dtype=np.int64)
        return {"boxes": boxes[valid], "labels": labels[valid], "size": np.array([width, height], dtype=np.int64)}

    def target(self, truth: Truth, placement: Placement) -> Truth:
        """Return ``boxes`` (k, 4) float32 in pixels of the square and ``labels`` (k,)."""
        boxes = truth["boxes"] * _scale(placement) + _shift(placement)
        return {"boxes": boxes.astype(np.float32), "labels": truth["labels"]}

    def head(self, backbone: Backbone, protocol: str) -> nn.Module:
        """Return a pyramid and FCOS towers; the same for both families, so that they differ in the backbone alone."""
        from inkbench.benchmark.networks.simple_pyramid import require_one_stride
        from inkbench.tasks.detection.fcos import Detector
        from inkbench.tasks.detection.fpn import FeaturePyramid
        from inkbench.tasks.detection.simple_levels import SimpleLevels

        c = self.config
        pyramid: FeaturePyramid | SimpleLevels
        if c.pyramid == "simple":
            require_one_stride(backbone, "detection.pyramid")
            pyramid = SimpleLevels(backbone.channels[-1], backbone.strides[-1], c.strides, c.fpn_channels, c.side)
        else:
            pyramid = FeaturePyramid(backbone.channels, backbone.strides, c.strides, c.fpn_channels, c.side)
        return Detector(pyramid, c.fpn_channels, len(c.classes), c.convolutions, c.reach, c.radius)

    def decode(self, outputs: Any, truths: Sequence[Truth], placements: Sequence[Placement]) -> Predictions:
        """Return ``boxes`` (d, 4) float32 in original pixels, ``scores`` (d,) float32, ``labels`` (d,): falling scores.

        At most 100 boxes a class; the same outputs give the same boxes in the same order.
        """
        from inkbench.tasks.detection.fcos import detect

        c = self.config
        inside = [(place.width * place.scale_x, place.height * place.scale_y) for place in placements]
        found = detect(outputs["scores"].cpu(), outputs["boxes"].cpu(), inside, c.floor, c.nms, MOST)
        predictions = []
        for entry, place in zip(found, placements, strict=True):
            boxes = (entry["boxes"].numpy().astype(np.float64) - _shift(place)) / _scale(place)
            predictions.append(
                {
                    "boxes": np.clip(boxes, 0, [place.width, place.height] * 2).astype(np.float32),
                    "scores": entry["scores"].numpy(),
                    "labels": entry["labels"].numpy(),
                }
            )
        return predictions

    def predict_trivial(
        self, name: str, train: Sequence[Truth], test: Sequence[Truth], placements: Sequence[Placement]
    ) -> Predictions:
        """Predict ``constant-box``: on every image the boxes that cover most of the training boxes."""
        return constant_boxes.predict(train, test, len(self.config.classes))

    def score_options(self) -> dict[str, Any]:
        """Return the names of the classes."""
        return {"classes": list(self.config.classes)}

    def cut(self, truth: Truth, box: tuple[int, int, int, int]) -> Truth:
        """Return the boxes in pixels of the cut image, clipped to it; without those that are cut off."""
        x0, y0, x1, y1 = box
        boxes = np.clip(truth["boxes"] - [x0, y0, x0, y0], 0, [x1 - x0, y1 - y0] * 2)
        valid = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        size = np.array([x1 - x0, y1 - y0], dtype=np.int64)
        return {"boxes": boxes[valid], "labels": truth["labels"][valid], "size": size}

    def pictures(
        self, images: Sequence[np.ndarray], truths: Sequence[Truth], predictions: Predictions
    ) -> dict[str, np.ndarray]:
        """Draw each image with its true boxes dashed and the best predictions solid."""
        drawn = zip(images, truths, predictions, strict=True)
        return {f"boxes-{place}": draw_boxes(*entry, self.config.classes) for place, entry in enumerate(drawn)}


def _corners(box: Box) -> tuple[float, float, float, float]:
    return box.x0, box.y0, box.x1, box.y1


def _scale(placement: Placement) -> np.ndarray:
    return np.array([placement.scale_x, placement.scale_y] * 2)


def _shift(placement: Placement) -> np.ndarray:
    return np.array([placement.left, placement.top] * 2)
