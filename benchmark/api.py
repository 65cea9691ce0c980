"""What a plugin imports: the contracts of methods, tasks and datasets, and the small types they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import numpy as np

from inkbench.benchmark.config import Config, Readout, TaskConfig, setting
from inkbench.benchmark.contracts.dataset import Box, Dataset, Item, Kind, Split
from inkbench.benchmark.contracts.prediction_format import PredictionFormat
from inkbench.benchmark.errors import CellError, Declined, Refusal
from inkbench.tasks.metrics.items import Items
from inkbench.tasks.metrics.metric import Metric
from inkbench.tasks.metrics.scorer import Scorer

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from inkbench.benchmark.networks.backbones import Backbone

__all__ = [
    "Box",
    "CellError",
    "Config",
    "Context",
    "Dataset",
    "Declined",
    "Given",
    "Item",
    "Items",
    "Kind",
    "Method",
    "Metric",
    "Placement",
    "PredictionFormat",
    "Predictions",
    "Refusal",
    "Scorer",
    "Seen",
    "Split",
    "Stage",
    "Task",
    "TaskConfig",
    "Truth",
    "View",
    "setting",
]

Settings: TypeAlias = Config
"""What ``Config`` means where a class has a ``Config`` of its own."""
Truth = dict[str, np.ndarray]
"""What is true of one item, in pixels of the original image; the task names the arrays."""
Predictions = list[dict[str, np.ndarray]]
"""What was predicted, one dictionary of arrays per item, in pixels of the original image."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an image lies in the square that a network sees: ``seen = original * scale + offset``."""

    width: int
    height: int
    scale_x: float
    scale_y: float
    left: float
    top: float


@dataclass(frozen=True, slots=True)
class View:
    """How images of a kind become squares of ``side`` pixels, once, as uint8.

    ``crop``: short side to ``side``, the long side cut at its centre (under pretraining where ``pretrain.window``
    says). ``squash``: both sides to ``side``, aspect lost. ``pad``: long side to ``side``, rest grey (128), image at
    the top left. ``centre``: long side to ``side``, rest black, image in the middle. With a ``reach`` above 1 a cropped
    square shows up to so many times its short side of the long side, squeezed: what random crops of an image are cut
    from (``augment.random_boxes``).
    """

    side: int
    fit: Literal["crop", "squash", "pad", "centre"] = "crop"
    kind: Kind = "panels"
    reach: float = 1.0

    def place(self, width: int, height: int) -> Placement:
        """The map from pixels of an image of ``width`` x ``height`` to pixels of the square."""
        if self.fit == "squash":
            return Placement(width, height, self.side / width, self.side / height, 0.0, 0.0)
        scale = self.side / max(width, height)
        if self.fit == "pad":
            return Placement(width, height, scale, scale, 0.0, 0.0)
        scale_x = scale_y = scale
        if self.fit == "crop":
            scale_x, scale_y = self.side / min(width, self.reach * height), self.side / min(height, self.reach * width)
        left, top = (self.side - width * scale_x) / 2, (self.side - height * scale_y) / 2
        return Placement(width, height, scale_x, scale_y, left, top)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a head of a task with several views is given: by view, in the order of ``Task.views``.

    ``maps``: the backbone's maps, fine to coarse, each (B, C, h, w). ``present``: bool (B,), which items have this
    image; the others were shown a grey square. ``images``: uint8 (B, 3, S, S) as the backbone saw them, empty where
    frozen features are kept (``Task.caches_features``).
    """

    maps: Mapping[str, list[Tensor]]
    present: Mapping[str, Tensor]
    images: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a pretraining: the networks that its steps train, in turn, and its share of the budget."""

    drives: tuple[str, ...] = ("net",)
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Context:
    """What a step may know: everything random in it comes from ``generator``, a function of (seed, purpose, step).

    ``generator`` lives on ``device``; ``rank`` of ``world`` processes each see their part of the batch; ``stage``
    is the index of the method's stage, the last one outside a pretraining.
    """

    seed: int
    step: int
    steps: int
    device: torch.device
    generator: torch.Generator
    rank: int = 0
    world: int = 1
    stage: int = -1

    @property
    def progress(self) -> float:
        """Share of the budget that is spent, in [0, 1)."""
        return self.step / max(self.steps, 1)


@dataclass(frozen=True, slots=True)
class Given:
    """What is known of weights that a method gave.

    ``supervision`` is one of ``benchmark.supervision.WORDS`` or what their card says; ``told`` a line for the user
    (what was taken off a file), or nothing.
    """

    supervision: str = "unknown"
    told: str = ""


class Method(ABC):
    """How a backbone comes by its weights. One file a method; what it hands over is the backbone
    with its weights, and whatever it lets the vector go through last (``Backbone.project``).

    A method that does not pretrain (``pretrains = False``) fills the backbone in ``give``; the others drive
    their networks in ``step``.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    Config: ClassVar[type[Config]] = Config
    needs: ClassVar[frozenset[str]] = frozenset({"panels"})
    supervision: ClassVar[str] = "none"
    pretrains: ClassVar[bool] = True
    adds_budget: ClassVar[bool] = False
    """Whether the pretraining's budget is spent on the task itself, on top of its own updates (``scratch``)."""
    takes_weights: ClassVar[bool] = False
    backbones: ClassVar[Literal["any", "vit"]] = "any"
    readout: ClassVar[Readout] = "mean"
    """How a vision transformer is read as one vector while a method trains it and ever after, where
    ``backbone.readout`` does not say. To a method that trains the maps the class token is nothing: the mean of the
    patches. ``family`` for one whose loss reads ``Backbone.pooled``. Given weights are always read as their family."""
    source: ClassVar[str] = ""
    sync_batch_norm: ClassVar[bool] = False
    """Whether batch norm takes its statistics over all devices where ``pretrain.sync_batch_norm`` leaves it open."""
    clips_each: ClassVar[bool] = False
    """Whether ``clip`` bounds the gradient of each parameter on its own (DINO) instead of that of the network."""

    def __init__(self, config: Settings) -> None:
        self.config: Any = config

    # --- methods that do not pretrain
    def give(self, backbone: Backbone, weights: Path | None) -> Given | None:
        """Set the backbone's weights in place; torch's global generator is seeded before. Raises Declined.

        What is returned is told of the row; without it ``supervision`` of the class holds.
        """
        raise TypeError(f"{self.name} pretrains")

    # --- methods that do
    def views(self) -> dict[str, View]:
        """The uint8 squares that a step receives, by name: ``{"image": View(side=255)}``."""
        raise TypeError(f"{self.name} does not pretrain")

    def input_sides(self) -> tuple[int, ...]:
        """The sides in pixels of the squares that the backbone itself is shown: by default those of ``views``.

        A method that cuts tiles or crops from its views names theirs; the plan asks the backbone whether it takes them.
        """
        return tuple(dict.fromkeys(view.side for view in self.views().values()))

    def labels(self, items: Mapping[str, Sequence[Item]]) -> dict[str, np.ndarray]:
        """Whole numbers (N,) that a step receives beside its squares, by name: what is annotated of the images.

        ``items`` are those of each view, in the order of the images. Empty for a method that needs no labels.
        """
        del items
        return {}

    def crops_per_image(self) -> int:
        """How many crops of one source image the networks see in a step (nine tiles of a puzzle)."""
        return 1

    def build(self, backbone: Backbone) -> dict[str, nn.Module]:
        """The networks by name; the backbone lies in one of them. torch's global generator is seeded before."""
        raise TypeError(f"{self.name} does not pretrain")

    def stages(self) -> tuple[Stage, ...]:
        """The stages of the budget in order; shares sum to 1.

        The i-th loss of ``step`` belongs to the i-th network that the stage drives; the others are frozen.
        Networks that no stage drives have no gradient: a teacher, a buffer of examples (their state is kept).
        """
        return (Stage(),)

    def optimizer(self, network: str, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """The optimiser of one network, at its full learning rate."""
        raise TypeError(f"{self.name} does not pretrain")

    def rate(self, progress: float) -> float:
        """The factor of the learning rate when ``progress`` in [0, 1) of the budget is spent."""
        del progress
        return 1.0

    def decay(self, progress: float) -> float:
        """The factor of every group's weight decay when ``progress`` in [0, 1) of the budget is spent."""
        del progress
        return 1.0

    def clip(self, network: str) -> float:
        """The largest norm that a gradient of this network may have before its optimiser's step; 0: any.

        It bounds the norm over all parameters, or with ``clips_each`` that of each parameter on its own.
        """
        del network
        return 0.0

    def step(self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context) -> Iterator[Tensor]:
        """One update of each driven network: yields its loss, in the order of the stage's ``drives``.

        ``batch`` holds uint8 (B, 3, side, side) on the device by view, as ``VIEW_size`` int64 (B, 2) the width and
        height in pixels of what each was made from, and int64 (B,) of ``labels`` by name; each network is called
        only through ``nets``.
        """
        raise TypeError(f"{self.name} does not pretrain")

    def pretext(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Per image figures of the pretext task on held-out panels, e.g. ``{"accuracy": (B,) in {0, 1}}``.

        Larger is better. ``trivial:NAME`` beside ``NAME`` is what a predictor that has learnt nothing reaches on the
        same images, where ``trivial`` cannot know it (the error of the mean fill).
        """
        raise TypeError(f"{self.name} does not pretrain")

    def trivial(self) -> dict[str, float]:
        """What a predictor that has learnt nothing reaches, for figures of ``pretext`` that have a chance level."""
        return {}

    def facts(self) -> dict[str, float]:
        """What these settings amount to, for tables: figures known without training (distances of permutations)."""
        return {}

    def pictures(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Pictures of the pretext task, name -> uint8 (H, W, 3)."""
        del nets, batch, context
        return {}


class Task(ABC):
    """A downstream problem: data, a head, metrics and a primary metric.

    ``scorer`` makes items and metrics of predictions, as pure functions on arrays; ``prediction_format`` reads
    predictions from files and writes them, where they have a form as files.

    ``protocols`` are named and versioned; the first of a family is the one that the family's name means. ``trivial``
    are baselines that see no backbone, ``references`` rows that know more than a method may (the same character's
    previous face) and are no trivial ones. ``caches_features``: frozen features are kept instead of computed at every
    step, reduced by ``kept``, which depends on the settings named in ``kept_by``. ``calibrates``: see ``calibrate``.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    Config: ClassVar[type[TaskConfig]] = TaskConfig
    scorer: ClassVar[Scorer]
    prediction_format: ClassVar[PredictionFormat | None] = None
    protocols: ClassVar[Mapping[str, Literal["frozen", "finetune"]]] = {"frozen@1": "frozen", "finetune@1": "finetune"}
    trivial: ClassVar[tuple[str, ...]] = ()
    references: ClassVar[tuple[str, ...]] = ()
    caches_features: ClassVar[bool] = False
    kept_by: ClassVar[tuple[str, ...]] = ()
    calibrates: ClassVar[bool] = False

    def __init__(self, config: TaskConfig) -> None:
        self.config: Any = config

    def bind(self, dataset: Dataset) -> Sequence[str]:
        """Note what the task must know of its dataset (``dataset.classes()``), which may not be drawn yet.

        Gives what a user must be told of it, such as classes that the data lack and the task goes without.
        """
        del dataset
        return ()

    @abstractmethod
    def needs(self) -> frozenset[str]:
        """What of a dataset this task, with these settings, needs (see ``Dataset.offers``)."""

    def needs_for(self, protocol: str) -> frozenset[str]:
        """What a protocol needs beyond that."""
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
        """What is true of an item whose image (the first that it has) is ``width`` x ``height`` pixels."""

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

    def reads(self, protocol: str) -> Literal["maps", "vector"]:
        """What a head is given: the backbone's maps, or its one vector as the only map, (B, width, 1, 1).

        The vector is what a backbone is compared by as a whole: of a vision transformer the class token or the mean of
        its patches, as ``backbone.readout`` says, of any other network the coarsest map averaged over space.
        """
        del protocol
        return "maps"

    def kept(self, features: list[Tensor]) -> list[Tensor]:
        """What is kept of one view's frozen features: a reduction that the head would make anyway."""
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
