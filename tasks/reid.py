"""Who is it: characters found again by the distance of their frozen features, within a series and over all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from benchmark.api import Item, Kind, Placement, Predictions, Task, TaskConfig, Truth, View, setting
from benchmark.data.images import read_rgb

if TYPE_CHECKING:
    from torch import Tensor, nn

    from benchmark.backbones import Backbone

THUMBNAIL = 16
"""Side of the raw-pixel baseline's image."""
BINS = 32
"""Bins of a channel of the colour histogram (comic_char_reid has 32 x 3)."""


class ReidConfig(TaskConfig):
    """Settings of re-identification."""

    crops: Literal["faces", "bodies"] = setting("faces", "what characters are found again by", "Soykan et al. 2023")
    exclude: Literal["none", "panel"] = setting("none", "whose items are no answer to a query of theirs")
    side: int = setting(64, "side in pixels of the square input; faces lose their aspect, bodies are padded", ge=16)
    steps: int = setting(0, "updates of the head: there is none, features are compared as they are", ge=0, le=0)
    presets: ClassVar = {
        "smoke": {"side": 32},
        "standard": {"side": 96, "batch_norm": "choose"},
        "paper": {"side": 96, "batch_norm": "choose"},
    }


class Reid(Task):
    """Zero-shot retrieval: every appearance of a character is a query, the others are its gallery."""

    name = "reid"
    Config = ReidConfig
    scorer = "tasks.metrics.reid"
    files = "submissions.formats.embeddings"
    protocols: ClassVar = {"zeroshot@1": "frozen"}
    trivial = ("chance", "pixels", "histogram")

    def needs(self) -> frozenset[str]:
        """Faces or bodies with identities."""
        return frozenset({"identities", self.config.crops})

    def view(self) -> View:
        """Faces squashed, bodies padded (Soykan et al. 2023)."""
        kind: Kind = self.config.crops
        return View(self.config.side, "squash" if kind == "faces" else "pad", kind)

    def truth(self, item: Item, width: int, height: int) -> Truth:
        """``identity``, ``series`` and ``panel`` of the item; ``pixels`` and ``histogram`` for the trivial rows."""
        del width, height
        pixels = read_rgb(item.path, item.crop)
        return {
            "identity": np.array(item.identity),
            "series": np.array(item.series),
            "panel": np.array(item.panel),
            "pixels": thumbnail(pixels),
            "histogram": histogram(pixels),
        }

    def target(self, truth: Truth, placement: Placement) -> Truth:
        """Nothing: no head is trained."""
        del truth, placement
        return {}

    def head(self, backbone: Backbone, protocol: str) -> nn.Module:
        """The coarsest map, averaged and brought to length 1."""
        from benchmark.parts.unit_features import UnitFeatures

        del backbone, protocol
        return UnitFeatures()

    def decode(self, outputs: Tensor, truths: Sequence[Truth], placements: Sequence[Placement]) -> Predictions:
        """Unit vectors (B, D) as ``embedding`` float32 (D,) each."""
        del truths, placements
        return [{"embedding": row} for row in outputs.float().cpu().numpy()]

    def predict_trivial(
        self, name: str, train: Sequence[Truth], test: Sequence[Truth], placements: Sequence[Placement]
    ) -> Predictions:
        """Random vectors, raw pixels, or colour histograms in the place of features."""
        del train, placements
        if name == "chance":
            return [{"embedding": row} for row in np.random.default_rng(0).standard_normal((len(test), 256))]
        return [{"embedding": truth[name].ravel().astype(np.float32)} for truth in test]

    def score_options(self) -> dict[str, Any]:
        """Whose items are left out of a query's gallery."""
        return {"exclude": self.config.exclude}


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """An image uint8 (h, w, 3) as a small square, float32 in [0, 1]."""
    from PIL import Image

    small = Image.fromarray(pixels).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BILINEAR)
    return np.asarray(small, dtype=np.float32) / 255


def histogram(pixels: np.ndarray) -> np.ndarray:
    """The share of an image's pixels in each bin of each channel, float32 (3, BINS)."""
    bins = pixels.reshape(-1, 3).astype(np.int64) * BINS // 256
    counts = np.stack([np.bincount(bins[:, channel], minlength=BINS) for channel in range(3)])
    return (counts / len(bins)).astype(np.float32)
