"""Who is it: characters found again by face, body or both, by features as they are or by a trained identity head."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import model_validator

from inkbench.benchmark.api import (
    Dataset,
    Item,
    Kind,
    Placement,
    Predictions,
    Task,
    TaskConfig,
    Truth,
    UsageError,
    View,
    setting,
)
from inkbench.benchmark.config import BACKBONE_TRIALS
from inkbench.benchmark.data.images import BadImage, read_rgb
from inkbench.benchmark.drawing.strips import Shown, draw_strip
from inkbench.benchmark.seeding import derive
from inkbench.submissions.formats.embeddings import FORMAT
from inkbench.tasks.metrics import assign
from inkbench.tasks.metrics.cliques import groups, known_to_differ
from inkbench.tasks.metrics.reid import SCORER, calibrate
from inkbench.tasks.reid.fusions import Fusion

if TYPE_CHECKING:
    from torch import Tensor, nn

    from inkbench.benchmark.networks.backbones import Backbone

THUMBNAIL = 16
"""Side of the raw-pixel baseline's image."""
BINS = 32
"""Bins of a channel of the colour histogram (comic_char_reid has 32 x 3)."""
STRIPS = 3
"""Sequences of panels that are drawn with who was taken for whom."""
HALVES = ("face", "body")
SOURCE = "Soykan et al. 2023"
CODE = "gsoykan/comic_char_reid"


class ReidConfig(TaskConfig):
    """Settings of re-identification."""

    crops: Literal["faces", "bodies", "both"] = setting("faces", "what characters are found again by", SOURCE)
    exclude: Literal["none", "panel", "page"] = setting("none", "whose items are no answer to a query of theirs")
    side: int = setting(64, "side in pixels of the square input; faces lose their aspect, bodies lie on black", ge=16)
    body_side: int | None = setting(None, "side of bodies where it is another; none: as `side`", ge=16)
    fusion: Fusion = setting(
        "sum", "how face and body become one vector; the last five are learnt, the last two ours", CODE
    )
    padding: Literal["zero", "trainable"] = setting("zero", "what stands in for a missing half", SOURCE)
    mask: float = setting(
        0.0, "probability that a half is hidden from a training step where both are there", ge=0, le=1
    )
    dim: int = setting(256, "length of the identity head's vector", SOURCE, ge=2)
    loss: Literal[
        "contrastive", "triplet", "multi_similarity", "multi_similarity_cosine", "tuplet", "triplet_contrastive"
    ] = setting("contrastive", "what the identity head is trained with", CODE)
    margin: float = setting(0.2, "margin of triplets, and how hard the mined pairs of `triplet` are", CODE, gt=0)
    steps: int = setting(400, "updates of the identity head (and, fine-tuned, of the backbone)", ge=1)
    batch: int = setting(64, "appearances per step, over all devices", ge=4)
    series: int = setting(4, "series in a batch", ge=1)
    each: int = setting(4, "appearances of a character in a batch, at most", ge=2)
    lr: float = setting(1e-3, "learning rate of the head (AdamW)", gt=0)
    presets: ClassVar = {
        "smoke": {"side": 32, "steps": 40, "batch": 32},
        "standard": {
            "side": 96,
            "body_side": 128,
            "steps": 2_000,
            "batch": 128,
            "trials": (0.3, 1.0, 3.0),
            "backbone_trials": BACKBONE_TRIALS,
            "batch_norm": "choose",
        },
        "paper": {
            "side": 96,
            "body_side": 128,
            "steps": 4_000,
            "batch": 256,
            "series": 16,
            "each": 16,
            "lr": 7.5e-4,
            "weight_decay": 0.05,
            "trials": (0.3, 1.0, 3.0),
            "backbone_trials": BACKBONE_TRIALS,
            "batch_norm": "choose",
        },
    }

    @model_validator(mode="after")
    def _pairs_in_a_batch(self) -> ReidConfig:
        if self.batch // self.series < 4:
            raise ValueError(f"batch {self.batch} over {self.series} series leaves fewer than 4 appearances per series")
        if self.mask > 0 and self.crops != "both":
            raise ValueError(f"mask hides one of two crops, but crops={self.crops} has only one")
        return self


class Reid(Task[ReidConfig]):
    """Retrieval of characters: every appearance is a query, others its gallery; and who is who on strips of panels."""

    name = "reid"
    version = 3
    Config = ReidConfig
    scorer = SCORER
    prediction_format = FORMAT
    protocols: ClassVar = {"zeroshot@1": "frozen", "identity@1": "frozen", "identity-finetune@1": "finetune"}
    trivial = ("chance", "pixels", "histogram")
    caches_features = True
    calibrates = True
    dataset: Dataset | None = None

    def bind(self, dataset: Dataset) -> Sequence[str]:
        """Read where the panels of a strip are."""
        self.dataset = dataset
        return ()

    def needs(self) -> frozenset[str]:
        """Return faces, bodies, or appearances of both, with identities."""
        return frozenset({"identities", "characters" if self.config.crops == "both" else self.config.crops})

    def view(self) -> View:
        """Return the first of ``views``."""
        return next(iter(self.views().values()))

    def views(self) -> dict[str, View]:
        """Return faces squashed, bodies centred on black (Soykan et al. 2023); one of them is the image itself."""
        crops, side = self.config.crops, self.config.side
        kind: Kind = "characters" if crops == "both" else crops
        both = {"face": View(side, "squash", kind), "body": View(self.config.body_side or side, "centre", kind)}
        return both if crops == "both" else {"image": both["face" if crops == "faces" else "body"]}

    def truth(self, item: Item, width: int, height: int) -> Truth:
        """Return the character, its place, what distinguishes it; pixels and histogram for trivial baselines."""
        del width, height
        panel = item.panel or item.id
        shown = [item.parts.get(name) for name in HALVES] if self.config.crops == "both" else [item]
        crops = [read_rgb(part.path, part.crop) if part else None for part in shown]
        return {
            "identity": np.array(item.identity),
            "series": np.array(item.series),
            "panel": np.array(panel),
            "page": np.array(panel.rpartition("_")[0]),
            "apart": np.array(item.apart, dtype=str),
            "sequences": np.array(item.strips, dtype=str),
            "pixels": np.stack([thumbnail(crop) for crop in crops]),
            "histogram": np.stack([histogram(crop) for crop in crops]),
        }

    def target(self, truth: Truth, placement: Placement) -> Truth:
        """Return a code of the character, the same for all of its appearances."""
        del placement
        return {"identity": np.array([derive(str(truth["series"]), str(truth["identity"]))], dtype=np.int64)}

    def head(self, backbone: Backbone, protocol: str) -> nn.Module:
        """Return features as they are, of length 1, or an identity head.

        Raises UsageError where the fusion would be learnt.
        """
        from inkbench.tasks.reid.fusion import FIXED
        from inkbench.tasks.reid.identity_head import Identity, IdentityHead, UnitFeatures

        config = self.config
        if self.steps(protocol):
            identity = Identity(
                dim=config.dim,
                fusion=config.fusion,
                loss=config.loss,
                margin=config.margin,
                trainable_padding=config.padding == "trainable",
                mask=config.mask,
            )
            return IdentityHead(backbone.width, len(self.views()), identity)
        if config.crops == "both" and config.fusion not in FIXED:
            raise UsageError(
                f"reid.fusion={config.fusion} is learnt and {protocol} trains nothing; "
                f"choose one of {', '.join(FIXED)} or --protocol identity@1"
            )
        return UnitFeatures(config.fusion if config.crops == "both" else "cat")

    def steps(self, protocol: str) -> int:
        """Return the number of steps: None where features are compared as they are."""
        return 0 if protocol.startswith("zeroshot") else int(self.config.steps)

    def sampler(self, truths: Sequence[Truth]) -> Callable[[int, int, int], np.ndarray]:
        """Draw some series, some of their characters, some appearances of each; all known to differ or be the same."""
        from inkbench.tasks.reid.character_sampler import CharacterSampler

        series = np.array([str(truth["series"]) for truth in truths])
        names = [f"{where}\n{truth['identity']}" for where, truth in zip(series, truths, strict=True)]
        codes = np.unique(names, return_inverse=True)[1]
        differ = known_to_differ(codes, series, [truth["apart"].tolist() for truth in truths])
        of_series: dict[str, list[np.ndarray]] = {}
        for rows in groups(codes, series, differ):
            of_series.setdefault(str(series[rows[0]]), []).append(rows)
        return CharacterSampler(list(of_series.values()), codes, self.config.series, self.config.each)

    def reads(self, protocol: str) -> Literal["maps", "vector"]:
        """Return the backbone's one vector."""
        del protocol
        return "vector"

    def decode(self, outputs: Tensor, truths: Sequence[Truth], placements: Sequence[Placement]) -> Predictions:
        """Return unit vectors (B, D) as ``embedding`` float32 (D,) each."""
        del truths, placements
        return [{"embedding": row} for row in outputs.float().cpu().numpy()]

    def predict_trivial(
        self, name: str, train: Sequence[Truth], test: Sequence[Truth], placements: Sequence[Placement]
    ) -> Predictions:
        """Predict by random vectors, raw pixels, or colour histograms, not features; zeros for a missing half."""
        del train, placements
        if name == "chance":
            return [{"embedding": row} for row in np.random.default_rng(0).standard_normal((len(test), 256))]
        return [{"embedding": truth[name].ravel().astype(np.float32)} for truth in test]

    def score_options(self) -> dict[str, Any]:
        """Return the option that names the items left out of a query's gallery."""
        return {"exclude": self.config.exclude}

    def calibrate(self, predictions: Predictions, truths: Sequence[Truth]) -> dict[str, Any]:
        """Choose the distance at which clusters of a strip are cut: the threshold that is best on validation."""
        return dict(calibrate(predictions, truths))

    def cut(self, truth: Truth, box: tuple[int, int, int, int]) -> Truth:
        """Return the same character."""
        del box
        return truth

    def album(
        self, items: Sequence[Item], truths: Sequence[Truth], predictions: Predictions, options: Mapping[str, Any]
    ) -> dict[str, np.ndarray]:
        """Draw a few strips of panels whose boxes have one colour for each assigned character, the true one named."""
        data = self.dataset
        if data is None or "threshold" not in options or "panels" not in data.offers():
            return {}
        panels = {item.id: item for item in data.items("panels", items[0].split)}
        strips = data.strips(items[0].split)
        parts = assign.sequences([truth["sequences"].tolist() for truth in truths])
        known = [name for name in parts if name in strips and all(panel in panels for panel in strips[name])]
        drawn = {}
        for number, place in enumerate(np.linspace(0, len(known) - 1, min(STRIPS, len(known))).astype(int)):
            rows = parts[known[place]]
            found = assign.clusters(np.stack([predictions[row]["embedding"] for row in rows]), options["threshold"])
            shown = [
                Shown(str(items[row].panel), part.place, "" if k else str(items[row].identity), int(code))
                for row, code in zip(rows, found, strict=True)
                for k, part in enumerate(list(items[row].parts.values()) or [items[row]])
                if part.place is not None
            ]
            images = {}
            for name in strips[known[place]]:
                with suppress(BadImage):  # its characters may still be there, cut out before
                    images[name] = read_rgb(panels[name].path, panels[name].crop)
            if images:
                drawn[f"assign-{number}"] = draw_strip(images, shown)
        return drawn


def thumbnail(pixels: np.ndarray | None) -> np.ndarray:
    """Shrink an image uint8 (h, w, 3) to a small square, float32 in [0, 1]; zeros for None."""
    from PIL import Image

    if pixels is None:
        return np.zeros((THUMBNAIL, THUMBNAIL, 3), dtype=np.float32)
    small = Image.fromarray(pixels).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BILINEAR)
    return np.asarray(small, dtype=np.float32) / 255


def histogram(pixels: np.ndarray | None) -> np.ndarray:
    """Return the share of an image's pixels in each bin of each channel, float32 (3, BINS); zeros for None."""
    if pixels is None:
        return np.zeros((3, BINS), dtype=np.float32)
    bins = pixels.reshape(-1, 3).astype(np.int64) * BINS // 256
    counts = np.stack([np.bincount(bins[:, channel], minlength=BINS) for channel in range(3)])
    return (counts / len(bins)).astype(np.float32)
