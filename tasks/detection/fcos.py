"""FCOS on a feature pyramid: which point answers for which box, the loss, and raw outputs as boxes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from torchvision.models.detection.fcos import FCOSClassificationHead, FCOSHead, FCOSRegressionHead
from torchvision.ops import batched_nms

from inkbench.benchmark.networks.precision import full_precision
from inkbench.tasks.detection.fpn import FeaturePyramid, GroupNorm
from inkbench.tasks.detection.simple_levels import SimpleLevels


class Detector(nn.Module):
    """Tian et al., FCOS: A Simple and Strong Anchor-Free Object Detector, TPAMI 2020 (arXiv 2006.09214).

    torchvision's towers with their focal, GIoU and centre-ness losses on a pyramid of our own. It sees feature
    maps, not images: torchvision's own resizing has no place here.
    """

    def __init__(
        self,
        pyramid: FeaturePyramid | SimpleLevels,
        width: int,
        classes: int,
        convolutions: int,
        reach: float,
        radius: float,
    ) -> None:
        """Build the head; ``width`` of the pyramid's levels; ``reach`` and ``radius`` in strides, as in ``assign``."""
        super().__init__()
        self.pyramid = pyramid
        self.towers = FCOSHead(width, 1, classes, num_convs=convolutions)
        norm = partial(GroupNorm, 32)
        self.towers.classification_head = FCOSClassificationHead(width, 1, classes, convolutions, norm_layer=norm)
        self.towers.regression_head = FCOSRegressionHead(width, 1, convolutions, norm_layer=norm)
        classify, regress = self.towers.classification_head, self.towers.regression_head
        classify.cls_logits = ExactConvolution.of(classify.cls_logits)
        regress.bbox_reg = ExactConvolution.of(regress.bbox_reg)
        regress.bbox_ctrness = ExactConvolution.of(regress.bbox_ctrness)
        # torchvision begins at boxes of no size, half of them behind a dead ReLU; a short training cannot spare that.
        nn.init.constant_(self.towers.regression_head.bbox_reg.bias, 0.4 * reach)
        self.reach, self.radius = reach, radius
        self.anchors: Tensor
        self.register_buffer("anchors", anchors(pyramid.levels, pyramid.sizes), persistent=False)

    def forward(
        self, features: Sequence[Tensor], targets: Sequence[dict[str, Tensor]] | None = None
    ) -> Tensor | dict[str, Tensor]:
        """Return the loss, a scalar, or ``scores`` (B, A, classes) in [0, 1] and ``boxes`` (B, A, 4) in px.

        ``targets``: per image ``boxes`` (k, 4) in pixels of the square and ``labels`` (k,). A is the number of
        points of all levels.
        """
        raw = {name: value.float() for name, value in self.towers(self.pyramid(features)).items()}
        with full_precision(self.anchors):
            if targets is None:
                scores = torch.sqrt(raw["cls_logits"].sigmoid() * raw["bbox_ctrness"].sigmoid())
                return {"scores": scores, "boxes": self.towers.box_coder.decode(raw["bbox_regression"], self.anchors)}
            boxes = [target["boxes"].float() for target in targets]
            matched = assign(self.anchors, boxes, self.reach, self.radius)
            given = [{"boxes": box, "labels": target["labels"]} for box, target in zip(boxes, targets, strict=True)]
            losses = self.towers.compute_loss(given, raw, [self.anchors] * len(boxes), list(matched))
            return torch.stack(list(losses.values())).sum()


class ExactConvolution(nn.Conv2d):
    """A convolution in float32 whatever autocast says: with logits in bf16 half of all boxes share their score."""

    @classmethod
    def of(cls, layer: nn.Conv2d) -> ExactConvolution:
        """Copy the layer with its weights."""
        exact = cls(layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding)  # type: ignore[arg-type]
        exact.load_state_dict(layer.state_dict())
        return exact

    def forward(self, features: Tensor) -> Tensor:
        """Convert feature maps (B, C, H, W) of any precision to float32."""
        with full_precision(features):
            return super().forward(features.float())


def anchors(levels: Sequence[int], sizes: Sequence[int]) -> Tensor:
    """Return a square of one stride around every point (A, 4): level by level, row by row, in pixels of the input."""
    parts = []
    for stride, size in zip(levels, sizes, strict=True):
        middle = (torch.arange(size) + 0.5) * stride
        y, x = torch.meshgrid(middle, middle, indexing="ij")
        half = stride / 2
        parts.append(torch.stack([x - half, y - half, x + half, y + half], dim=-1).reshape(-1, 4))
    return torch.cat(parts)


def assign(anchors: Tensor, boxes: Sequence[Tensor], reach: float, radius: float) -> Tensor:
    """Return the place of the box for which each point answers, or -1: (B, A) int64; FCOS, sections 3.1 and 3.2.

    A point answers for a box that holds it, whose middle is less than ``radius`` strides away (by the larger of x
    and y), and whose farthest side lies at ``reach / 2`` to ``reach`` strides; the finest level also takes what
    is nearer, the coarsest what is farther. Of several boxes the smallest. ``boxes``: (k, 4) per image.
    """
    padded = pad_sequence(list(boxes), batch_first=True)[:, None]
    if padded.shape[2] == 0:
        return torch.full((len(boxes), len(anchors)), -1, dtype=torch.int64, device=anchors.device)
    middle = (anchors[:, :2] + anchors[:, 2:]) / 2
    stride = anchors[:, 2] - anchors[:, 0]
    point = middle[None, :, None]
    to_sides = torch.cat([point - padded[..., :2], padded[..., 2:] - point], dim=-1)
    farthest = to_sides.amax(-1)
    least = (reach / 2 * stride).where(stride > stride.min(), 0.0)[None, :, None]
    most = (reach * stride).where(stride < stride.max(), torch.inf)[None, :, None]
    off = (point - (padded[..., :2] + padded[..., 2:]) / 2).abs().amax(-1)
    answers = (to_sides.amin(-1) > 0) & (off < radius * stride[None, :, None]) & (farthest > least) & (farthest <= most)
    area = (padded[..., 2:] - padded[..., :2]).prod(-1).expand_as(answers)
    smallest, place = area.where(answers, torch.inf).min(-1)
    return place.where(smallest.isfinite(), -1)


def detect(
    scores: Tensor, boxes: Tensor, sizes: Sequence[tuple[float, float]], floor: float, overlap: float, most: int
) -> list[dict[str, Tensor]]:
    """Return boxes of each image, in the square: ``boxes`` (d, 4), ``scores`` (d,), ``labels`` (d,), by falling score.

    ``scores`` (B, A, C) and ``boxes`` (B, A, 4) as ``Detector`` gives them; ``sizes`` are width and height of the
    image in the square, to which boxes are cut. A box stays with a score above ``floor`` that no better box of
    its class overlaps by more than ``overlap`` (IoU), at most ``most`` a class, of equal scores the first; of each
    class the ``4 * most`` best points are looked at.
    """
    found = []
    best, place = scores.sort(dim=1, descending=True, stable=True)
    for value, where, corners, (width, height) in zip(best[:, : 4 * most], place, boxes, sizes, strict=True):
        row, label = (value > floor).nonzero(as_tuple=True)
        limit = corners.new_tensor([width, height, width, height])
        cut = corners[where[row, label]].clamp(min=0).minimum(limit)
        valid = (cut[:, 2:] > cut[:, :2]).all(1)
        cut, score, label = cut[valid], value[row, label][valid], label[valid]
        keep = batched_nms(cut, score, label, overlap)
        rank = functional.one_hot(label[keep], scores.shape[2]).cumsum(0).gather(1, label[keep][:, None])[:, 0]
        keep = keep[rank <= most]
        found.append({"boxes": cut[keep], "scores": score[keep], "labels": label[keep]})
    return found
