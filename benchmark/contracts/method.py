"""A method: how a backbone comes by its weights, set or pretrained."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal

import numpy as np
from typing_extensions import TypeVar

from inkbench.benchmark.config import Config, Readout
from inkbench.benchmark.contracts.dataset import Item
from inkbench.benchmark.contracts.former import take_former_names
from inkbench.benchmark.contracts.view import View

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from inkbench.benchmark.networks.backbones import Backbone

FORMER = {"give": "set_weights"}
"""What plugins define by the names of before."""

ConfigT = TypeVar("ConfigT", bound=Config, default=Any)
"""A method's class of settings; a plain ``Method`` leaves open what its ``config`` holds."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a pretraining: the networks that its steps train, in turn, and its share of the budget."""

    drives: tuple[str, ...] = ("net",)
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Context:
    """Context of a step: everything random in it comes from ``generator``, a function of (seed, purpose, step).

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
class WeightsInfo:
    """Description of the weights that a method set.

    ``supervision`` is one of ``benchmark.given.supervision.WORDS`` or what their card says; ``told`` a line for the
    user (what was taken off a file), or nothing. ``data`` are the images that they saw, ``seen`` whether those may hold
    the comics of a test: ``comics``, ``no`` or ``unknown``.
    """

    supervision: str = "unknown"
    told: str = ""
    data: str = "unknown"
    licence: str = "unknown"
    seen: str = "unknown"


class Method(ABC, Generic[ConfigT]):
    """A source of a backbone's weights; one file a method.

    It hands over the backbone with its weights, and whatever it lets the vector go through last (``Backbone.project``).
    A method that does not pretrain (``pretrains = False``) fills the backbone in ``set_weights``; the others drive
    their networks in ``step``. ``Method[MyConfig]`` is typed with the class of ``config``, ``Config = MyConfig`` makes
    it.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    Config: ClassVar[type[Config]] = Config
    needs: ClassVar[frozenset[str]] = frozenset({"panels"})
    supervision: ClassVar[str] = "none"
    pretrains: ClassVar[bool] = True
    adds_budget: ClassVar[bool] = False
    """True if the pretraining's budget is spent on the task itself, on top of its own updates (``scratch``)."""
    external: ClassVar[bool] = False
    """True if its weights were trained elsewhere: they are loaded when a run is planned, and their checksum is in its
    id."""
    takes_weights: ClassVar[bool] = False
    """True if they may be the file of ``--weights``."""
    architecture: ClassVar[str] = ""
    """The only backbone that its weights are of (timm's name, with a tag or without); any where it is empty."""
    backbones: ClassVar[Literal["any", "vit"]] = "any"
    readout: ClassVar[Readout] = "mean"
    """The readout of a vision transformer as one vector while a method trains it and ever after, where
    ``backbone.readout`` does not say. To a method that trains the maps the class token is nothing: the mean of the
    patches. ``family`` for one whose loss reads ``Backbone.pooled``. Weights that are set are read as their family,
    or as ``reads`` says."""
    reads: ClassVar[Mapping[str, Any]] = {}
    """Settings of the backbone that given weights are read with, where the user does not set them."""
    source: ClassVar[str] = ""
    sync_batch_norm: ClassVar[bool] = False
    """True if batch norm takes its statistics over all devices where ``pretrain.sync_batch_norm`` leaves it open."""
    clips_each: ClassVar[bool] = False
    """True if ``clip`` bounds the gradient of each parameter on its own (DINO) instead of that of the network."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Take what a plugin defines under a former name, with a warning."""
        super().__init_subclass__(**arguments)
        take_former_names(cls, FORMER)

    def __init__(self, config: ConfigT) -> None:
        self.config = config

    @classmethod
    def is_external(cls) -> bool:
        """Return whether its weights come from elsewhere, so that they are loaded to be known."""
        return cls.external or cls.takes_weights

    # --- methods that do not pretrain
    def set_weights(self, backbone: Backbone, weights: Path | None) -> WeightsInfo | None:
        """Set the backbone's weights in place; torch's global generator is seeded before. Raises NotApplicable.

        ``weights`` is the file of ``--weights``, if any. What is returned describes the row; without it the class's
        ``supervision`` holds.
        """
        raise TypeError(f"{self.name} pretrains")

    # --- methods that do
    def views(self) -> dict[str, View]:
        """Return the uint8 squares that a step receives, by name: ``{"image": View(side=255)}``."""
        raise TypeError(f"{self.name} does not pretrain")

    def input_sides(self) -> tuple[int, ...]:
        """Return the sides in pixels of the squares that the backbone itself is shown: by default those of ``views``.

        A method that cuts tiles or crops from its views names theirs; the plan asks the backbone whether it takes them.
        """
        return tuple(dict.fromkeys(view.side for view in self.views().values()))

    def labels(self, items: Mapping[str, Sequence[Item]]) -> dict[str, np.ndarray]:
        """Return whole numbers (N,) that a step receives beside its squares, by name: annotations of the images.

        ``items`` are those of each view, in the order of the images. Empty for a method that needs no labels.
        """
        del items
        return {}

    def crops_per_image(self) -> int:
        """Return the number of crops of one source image that the networks see in a step (nine tiles of a puzzle)."""
        return 1

    def build(self, backbone: Backbone) -> dict[str, nn.Module]:
        """Build the networks by name; the backbone lies in one of them. torch's global generator is seeded before."""
        raise TypeError(f"{self.name} does not pretrain")

    def stages(self) -> tuple[Stage, ...]:
        """Return the stages of the budget in order; shares sum to 1.

        The i-th loss of ``step`` belongs to the i-th network that the stage drives; the others are frozen.
        Networks that no stage drives have no gradient: a teacher, a buffer of examples (their state is kept).
        """
        return (Stage(),)

    def optimizer(self, network: str, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return the optimiser of one network, at its full learning rate."""
        raise TypeError(f"{self.name} does not pretrain")

    def rate(self, progress: float) -> float:
        """Return the factor of the learning rate when ``progress`` in [0, 1) of the budget is spent."""
        del progress
        return 1.0

    def decay(self, progress: float) -> float:
        """Return the factor of every group's weight decay when ``progress`` in [0, 1) of the budget is spent."""
        del progress
        return 1.0

    def clip(self, network: str) -> float:
        """Return the largest norm that a gradient of this network may have before its optimiser's step; 0 for any.

        It bounds the norm over all parameters, or with ``clips_each`` that of each parameter on its own.
        """
        del network
        return 0.0

    def step(self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context) -> Iterator[Tensor]:
        """Update each driven network once: yield its loss, in the order of the stage's ``drives``.

        ``batch`` holds uint8 (B, 3, side, side) on the device by view, as ``VIEW_size`` int64 (B, 2) the width and
        height in pixels of what each was made from, and int64 (B,) of ``labels`` by name; each network is called
        only through ``nets``.
        """
        raise TypeError(f"{self.name} does not pretrain")

    def pretext(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Return figures of the pretext task per held-out panel, e.g. ``{"accuracy": (B,) in {0, 1}}``.

        Larger is better. ``trivial:NAME`` beside ``NAME`` is what a predictor that has learnt nothing reaches on the
        same images, where ``trivial`` cannot know it (the error of the mean fill).
        """
        raise TypeError(f"{self.name} does not pretrain")

    def trivial(self) -> dict[str, float]:
        """Return the score of a predictor that has learnt nothing, for figures of ``pretext`` with a chance level."""
        return {}

    def facts(self) -> dict[str, float]:
        """Return figures of these settings that are known without training, for tables (distances of permutations)."""
        return {}

    def pictures(
        self, nets: Mapping[str, nn.Module], batch: dict[str, Tensor], context: Context
    ) -> dict[str, np.ndarray]:
        """Return pictures of the pretext task, name -> uint8 (H, W, 3)."""
        del nets, batch, context
        return {}
