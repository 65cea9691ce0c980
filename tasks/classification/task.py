"""Which class an image is of: linear and attentive probes, grids, neighbours, few examples, fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from inkbench.benchmark.api import (
    Dataset,
    Item,
    Kind,
    Placement,
    Predictions,
    Reads,
    RunError,
    Split,
    Task,
    Truth,
    View,
)
from inkbench.benchmark.data.images import read_rgb
from inkbench.benchmark.data.splits import by_series
from inkbench.benchmark.errors import plural
from inkbench.submissions.formats.scores import FORMAT
from inkbench.tasks.classification.config import ClassificationConfig
from inkbench.tasks.metrics.classification import SCORER

if TYPE_CHECKING:
    from torch import Tensor, nn

    from inkbench.benchmark.networks.backbones import Backbone

BINS = 32
"""Bins of a channel of the colour histogram."""
COLOUR_NEIGHBOURS = 20
SHOWN = 24
"""Test images on the sheet of examples."""
KIND_OF: dict[str, Kind] = {"images": "labelled", "expressions": "faces", "poses": "bodies", "characters": "faces"}


class Classification(Task[ClassificationConfig]):
    """One class for each image, by what a frozen or fine-tuned backbone says of it."""

    name = "classification"
    pipeline = "image-classification"
    Config = ClassificationConfig
    scorer = SCORER
    prediction_format = FORMAT
    protocols: ClassVar = {
        **dict.fromkeys(("linear@1", "knn@1", "logistic@1", "grid@1", "attentive@1", "fewshot@1"), "frozen"),
        **dict.fromkeys(("finetune@1", "partial@1", "lora@1"), "finetune"),
    }
    trivial = ("majority", "colours")
    caches_features = True
    cache_key = ("dimensions",)

    def __init__(self, config: ClassificationConfig) -> None:
        super().__init__(config)
        self._dataset: Dataset | None = None
        self._images: dict[str, Item] = {}
        """The items of which a truth was asked, by id: what the trivial baseline that looks at colours opens."""

    def bind(self, dataset: Dataset) -> Sequence[str]:
        """Remember where the names of the classes come from."""
        self._dataset = dataset
        return ()

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes in the order of their codes. Raises RunError where the data name fewer than two."""
        assert self._dataset is not None, "bind comes first"
        names = self._dataset.classes(
            "identities" if self.config.labels == "characters" else KIND_OF[self.config.labels]
        )
        if len(names) < 2:
            raise RunError(
                f"{self._dataset.name} has {plural(len(names), 'class')} of {self.config.labels}; "
                "at least two are needed"
            )
        return names

    @cached_property
    def _codes(self) -> dict[str, int]:
        return {name: code for code, name in enumerate(self.classes)}

    def needs(self) -> frozenset[str]:
        """Return items with a class: labelled images, faces with expressions or identities, bodies with poses."""
        extra = {"expressions": "expressions", "poses": "poses", "characters": "identities"}.get(self.config.labels)
        return frozenset({KIND_OF[self.config.labels], *([extra] if extra else [])})

    def view(self) -> View:
        """Return the image squashed or fitted as ``fit`` says."""
        fit = self.config.fit
        if fit == "auto":
            fit = "pad" if self.config.labels == "poses" else "squash"
        return View(self.config.side, fit, KIND_OF[self.config.labels])

    def items(self, dataset: Dataset, split: Split) -> list[Item]:
        """Return the items of a split that have a class; of characters the test series' faces, split by their pages."""
        kind = KIND_OF[self.config.labels]
        if self.config.labels != "characters":
            return [item for item in dataset.items(kind, split) if item.label is not None]
        faces = [item for item in dataset.items(kind, "test") if item.identity is not None]
        split_of = split_within(faces)
        return [replace(item, label=item.identity, split=split) for item in faces if split_of[item.id] == split]

    def truth(self, item: Item, width: int, height: int) -> Truth:
        """Return ``label`` (), a place in ``classes``, and the item's ``id`` ().

        Raises RunError for an item whose class the data do not name.
        """
        del width, height
        if item.label not in self._codes:
            raise RunError(f"item {item.id} is of class {item.label}, which the dataset does not name")
        self._images[item.id] = item
        return {
            "label": np.array(self._codes[item.label]),
            "id": np.array(item.id),
        }

    def target(self, truth: Truth, placement: Placement) -> Truth:
        """Return ``label`` int64 ()."""
        del placement
        return {"label": truth["label"]}

    def steps(self, protocol: str) -> int:
        """Return the number of steps: none for a closed fit, fewer where the backbone is trained too."""
        if self.protocols[protocol] == "finetune":
            return int(self.config.finetune_steps)
        return int(self.config.steps) if protocol in ("linear@1", "attentive@1") else 0

    def head(self, backbone: Backbone, protocol: str) -> nn.Module:
        """Return the protocol's head (``heads``)."""
        from inkbench.tasks.classification.heads import head_of

        return head_of(protocol, backbone, self.config, len(self.classes))

    def reads(self, protocol: str) -> Reads:
        """Return the maps of every stage for probes on them, else the backbone's vector."""
        by_protocol: dict[str, Reads] = {"linear@1": "maps", "grid@1": "all", "attentive@1": "last"}
        return by_protocol.get(protocol, "vector")

    def cached_features(self, features: list[Tensor]) -> list[Tensor]:
        """Average every map down to at most ``dimensions`` values, as the probes read it."""
        from inkbench.tasks.classification.stage_pooling import pooled

        return pooled(features, self.config.dimensions)

    def decode(self, outputs: Any, truths: Sequence[Truth], placements: Sequence[Placement]) -> Predictions:
        """Return ``scores`` float32 (K,) that sum to 1; of probes also ``stages`` (S, K), fine to coarse.

        Of few examples ``picks`` int16 (S, R), the class that each of R draws picks, and ``shots`` int16 (S,), the
        examples that it had of each.
        """
        del truths, placements
        arrays = {name: values.detach().cpu().numpy() for name, values in outputs.items()}
        arrays = {name: of.astype(np.int16 if name == "picks" else np.float32) for name, of in arrays.items()}
        count = len(arrays["scores"])
        if "picks" in arrays:
            arrays["shots"] = np.tile(np.array(sorted(set(self.config.shots)), dtype=np.int16), (count, 1))
        return [{name: values[k] for name, values in arrays.items()} for k in range(count)]

    def predict_trivial(
        self, name: str, train: Sequence[Truth], test: Sequence[Truth], placements: Sequence[Placement]
    ) -> Predictions:
        """Predict ``majority``, the class shares in training, or ``colours``, votes of the likest histograms."""
        del placements
        labels = np.array([int(truth["label"]) for truth in train])
        if name == "majority":
            shares = (np.bincount(labels, minlength=len(self.classes)) / len(labels)).astype(np.float32)
            return [{"scores": shares} for _ in test]
        if name != "colours":
            raise ValueError(f"classification has no trivial baseline '{name}'; it has {', '.join(self.trivial)}")
        import torch

        from inkbench.tasks.classification.neighbours import votes

        queries, examples = (
            torch.from_numpy(np.stack([_colours(self._images[str(one["id"])]) for one in part]))
            for part in (test, train)
        )
        shares = votes(
            queries, examples, torch.from_numpy(labels), len(self.classes), COLOUR_NEIGHBOURS, self.config.temperature
        ).numpy()
        return [{"scores": row} for row in shares]

    def score_options(self) -> dict[str, Any]:
        """Return the names of the classes, where a dataset gives them."""
        return {"classes": list(self.classes)} if self._dataset else {}

    def chance(self) -> float | None:
        """Return the accuracy of guessing among the classes."""
        return 1 / len(self.classes) if self._dataset else None

    def cut(self, truth: Truth, box: tuple[int, int, int, int]) -> Truth:
        """Return the same class."""
        del box
        return truth

    def album(
        self, items: Sequence[Item], truths: Sequence[Truth], predictions: Predictions, options: Any
    ) -> dict[str, np.ndarray]:
        """Draw a sheet of test images with true and predicted class, and the matrix of confusions."""
        from inkbench.benchmark.drawing.classes import MOST_CLASSES, draw_confusion, draw_examples

        names = options["classes"]
        true = [int(truth["label"]) for truth in truths]
        best = [int(np.argmax(prediction["scores"])) for prediction in predictions]
        few = np.unique(np.linspace(0, len(items) - 1, min(SHOWN, len(items))).astype(int))
        drawn = {
            "examples": draw_examples(
                [read_rgb(items[k].path, items[k].crop) for k in few],
                [names[true[k]] for k in few],
                [names[best[k]] for k in few],
                [float(predictions[k]["scores"][best[k]]) for k in few],
            )
        }
        if len(names) <= MOST_CLASSES:
            drawn["confusion"] = draw_confusion(true, best, names)
        return drawn


def split_within(faces: Sequence[Item]) -> dict[str, Split]:
    """Split faces inside their series, by id: of each series 60, 20 and 20 % of the pages, by the names' sha256.

    A series of fewer than three pages is split by panel, one of fewer than three panels is all train.
    """
    found: dict[str, Split] = {}
    for series in dict.fromkeys(item.series for item in faces):
        own = [item for item in faces if item.series == series]
        panels = {item.id: item.panel or item.id for item in own}
        pages = {item: panel.rpartition("_")[0] or panel for item, panel in panels.items()}
        places = pages if len(set(pages.values())) >= 3 else panels
        split_of = by_series(places.values())
        found |= {item: split_of[place] for item, place in places.items()}
    return found


def _colours(item: Item) -> np.ndarray:
    """Return the root of the share of an image's pixels in each bin of each channel, of length 1: float32 (3 * BINS,).

    The cosine of two such vectors is the Bhattacharyya coefficient of their histograms.
    """
    pixels = read_rgb(item.path, item.crop)
    bins = pixels.reshape(-1, 3).astype(np.int64) * BINS // 256
    counts = np.stack([np.bincount(bins[:, channel], minlength=BINS) for channel in range(3)]).ravel()
    shares: np.ndarray = np.sqrt(counts / counts.sum()).astype(np.float32)
    return shares
