"""A task: items and their truth, a head for a backbone, and what scores its predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal

import numpy as np
from typing_extensions import TypeVar

from inkbench.benchmark.config import TaskConfig
from inkbench.benchmark.contracts.dataset import Dataset, Item, Split
from inkbench.benchmark.contracts.former import take_former_names
from inkbench.benchmark.contracts.prediction_format import PredictionFormat
from inkbench.benchmark.contracts.view import Placement, Predictions, Truth, View
from inkbench.benchmark.errors import NotApplicable
from inkbench.tasks.metrics.scorer import Scorer

if TYPE_CHECKING:
    from torch import Tensor, nn

    from inkbench.benchmark.networks.backbones import Backbone


FORMER = {"kept": "cached_features", "kept_by": "cache_key"}
"""What plugins define by the names of before."""

Reads = Literal["maps", "vector", "last", "all"]
"""The part of a backbone's output that a head is given."""
TaskConfigT = TypeVar("TaskConfigT", bound=TaskConfig, default=Any)
"""A task's class of settings; a plain ``Task`` leaves open what its ``config`` holds."""


class Task(ABC, Generic[TaskConfigT]):
    """A downstream problem: data, a head, metrics and a primary metric.

    ``scorer`` makes items and metrics of predictions, as pure functions on arrays; ``prediction_format`` reads
    predictions from files and writes them, where they have a form as files.

    ``protocols`` are named and versioned; the first of a family is the one that the family's name means. ``trivial``
    are baselines that see no backbone, ``references`` rows that know more than a method may (the same character's
    previous face) and are no trivial ones. ``caches_features``: frozen features are cached instead of computed at every
    step, reduced by ``cached_features``, which depends on the settings named in ``cache_key``. ``calibrates``: see
    ``calibrate``.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    Config: ClassVar[type[TaskConfig]] = TaskConfig
    scorer: ClassVar[Scorer]
    prediction_format: ClassVar[PredictionFormat | None] = None
    protocols: ClassVar[Mapping[str, Literal["frozen", "finetune"]]] = {
        "frozen@1": "frozen",
        **dict.fromkeys(("finetune@1", "partial@1", "lora@1"), "finetune"),
    }
    trivial: ClassVar[tuple[str, ...]] = ()
    references: ClassVar[tuple[str, ...]] = ()
    caches_features: ClassVar[bool] = False
    cache_key: ClassVar[tuple[str, ...]] = ()
    calibrates: ClassVar[bool] = False
    pipeline: ClassVar[str] = "image-feature-extraction"
    """The hub's word for such a problem in a model card (huggingface.co/tasks)."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Take what a plugin defines under a former name, with a warning."""
        super().__init_subclass__(**arguments)
        take_former_names(cls, FORMER)

    def __init__(self, config: TaskConfigT) -> None:
        self.config = config

    def bind(self, dataset: Dataset) -> Sequence[str]:
        """Note what the task must know of its dataset (``dataset.classes()``), which may not be drawn yet.

        Gives what a user must be told of it, such as classes that the data lack and the task goes without.
        """
        del dataset
        return ()

    @abstractmethod
    def needs(self) -> frozenset[str]:
        """Return what this task, with these settings, needs of a dataset (see ``Dataset.offers``)."""

    def needs_for(self, protocol: str) -> frozenset[str]:
        """Return what a protocol needs beyond that."""
        del protocol
        return frozenset()

    @abstractmethod
    def view(self) -> View:
        """The uint8 square that the backbone sees; the first one of ``views``."""

    def views(self) -> dict[str, View]:
        """All squares of an item by name; items of a task with several have ``parts`` of these names."""
        return {"image": self.view()}

    def items(self, dataset: Dataset, split: Split) -> list[Item]:
        """The items of a split that this task uses; by default all of its view's kind."""
        return dataset.items(self.view().kind, split)

    @abstractmethod
    def truth(self, item: Item, width: int, height: int) -> Truth:
        """Return the truth of an item whose image (the first that it has) is ``width`` x ``height`` pixels."""

    @abstractmethod
    def target(self, truth: Truth, placement: Placement) -> Truth:
        """The truth as the head's loss takes it, in pixels of the square; moved to the device as tensors."""

    @abstractmethod
    def head(self, backbone: Backbone, protocol: str) -> nn.Module:
        """A module ``forward(features, targets=None)``: the loss with targets, raw outputs without.

        ``features`` are what ``reads`` says, fine to coarse (``Seen`` where there are several views); ``targets`` a
        list of dictionaries of tensors. A head that is fitted at once instead of by steps is a ``FittedHead``. An
        adversarial head gives the sum of its losses, each term detached from the networks that it must not move.
        """

    def steps(self, protocol: str) -> int:
        """Updates of the head under a protocol; 0 where it is fitted at once, or nothing is trained."""
        del protocol
        return int(self.config.steps)

    def parameter_groups(self, head: nn.Module, lr: float) -> list[dict[str, Any]]:
        """The head's trained parameters as groups of AdamW, each with its learning rate."""
        return [{"params": [parameter for parameter in head.parameters() if parameter.requires_grad], "lr": lr}]

    def sampler(self, truths: Sequence[Truth]) -> Callable[[int, int, int], np.ndarray] | None:
        """A function (seed, step, batch) -> the indices of a step's items; None for shuffled epochs."""
        del truths
        return None

    def group(self, protocol: str, item: Item) -> str | None:
        """The group of an item where a protocol predicts each group by a head trained on the others (a style)."""
        del protocol, item
        return None

    def reads(self, protocol: str) -> Reads:
        """Return what a head is given: the backbone's maps, or its one vector as the only map, (B, width, 1, 1).

        Under frozen protocols also ``last``, the last map alone, never reduced by ``cached_features``; or ``all``, the
        maps and, of a vision transformer, its vector behind them.

        The vector is what a backbone is compared by as a whole: of a vision transformer the class token or the mean of
        its patches, as ``backbone.readout`` says, of any other network the coarsest map averaged over space.
        """
        del protocol
        return "maps"

    def cached_features(self, features: list[Tensor]) -> list[Tensor]:
        """Return what is cached of one view's frozen features: a reduction that the head would make anyway."""
        return features

    @abstractmethod
    def decode(self, outputs: Any, truths: Sequence[Truth], placements: Sequence[Placement]) -> Predictions:
        """Raw outputs of the head as predictions; of ``truths`` only sizes may be looked at."""

    @abstractmethod
    def predict_trivial(
        self, name: str, train: Sequence[Truth], test: Sequence[Truth], placements: Sequence[Placement]
    ) -> Predictions:
        """Predictions of a trivial baseline or a reference, which have no backbone, from the truths of training."""

    def score_options(self) -> dict[str, Any]:
        """Settings that ``score_items`` needs (the classes of a detector)."""
        return {}

    def calibrate(self, predictions: Predictions, truths: Sequence[Truth]) -> dict[str, Any]:
        """Further options of ``score_items`` that validation chooses (a threshold), where ``calibrates``."""
        del predictions, truths
        return {}

    def chance(self) -> float | None:
        """Return the primary metric of guessing, where it is known without data; what is relative is above it."""
        return None

    def cut(self, truth: Truth, box: tuple[int, int, int, int]) -> Truth:
        """Return the truth of an image that is cut to ``box`` (x0, y0, x1, y1), in pixels of it.

        Raises NotApplicable, with the reason, where a cut image has another truth that nobody knows.
        """
        del truth, box
        raise NotApplicable(f"{self.name} does not say what the truth of a cut image is")

    def pictures(
        self, images: Sequence[np.ndarray], truths: Sequence[Truth], predictions: Predictions
    ) -> dict[str, np.ndarray]:
        """Pictures of a few items, name -> uint8 (H, W, 3); images are uint8 (H, W, 3) originals."""
        del images, truths, predictions
        return {}

    def album(
        self, items: Sequence[Item], truths: Sequence[Truth], predictions: Predictions, options: Mapping[str, Any]
    ) -> dict[str, np.ndarray]:
        """Pictures that need the whole test split (who is who on a strip); ``options`` are those of the scorer."""
        del items, truths, predictions, options
        return {}
