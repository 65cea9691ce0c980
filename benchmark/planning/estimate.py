"""The cost of a plan: stages with the time that a few real steps on random pixels foretell. Writes nothing."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from inkbench.benchmark.config import BackboneSettings
from inkbench.benchmark.errors import plural
from inkbench.benchmark.networks.backbones import Backbone, skeleton
from inkbench.benchmark.planning.experiment import Experiment, Plan, Pretraining
from inkbench.benchmark.planning.operations import head_operations
from inkbench.benchmark.store.store import Store
from inkbench.benchmark.training import engine
from inkbench.benchmark.training.features import encode, given
from inkbench.benchmark.training.learner import Learner
from inkbench.benchmark.training.updates import setup, update

FEWEST_IMAGES = 2
"""Images in the first timed step: batch normalisation needs two."""
MOST_IMAGES = 8
"""Images in a timed step; its time is scaled to the batch."""
PATIENCE_S = 3.0
"""Seconds that steps are timed in all; what is left then is foretold by its operations."""
MOST_OPERATIONS = 20e9
"""The most operations of the smallest step that is timed, forward and backward; larger ones are foretold."""
TELLING_OPERATIONS = 1e9
"""The operations of a step whose time says how fast the machine is; that of smaller ones is mostly overhead."""
TRAINING = 3
"""Operations of a step forward and backward, in those of its way forward."""
ENOUGH_S = 0.5
BRIEF_S = 0.1
"""Seconds below which a step of the fewest images is taken again with more."""

HOUR = 3600
TIMES = (("years", 365 * 24 * HOUR, 2), ("days", 24 * HOUR, 3), ("h", HOUR, 2), ("min", 60, 2))
"""Units from long to short, their seconds, and from how many of them on a time is told in them."""

Step = Callable[[int], None]
"""Takes one step with this many images."""


@dataclass(slots=True)
class Stopwatch:
    """Times steps as long as there is time, and learns from them how fast this machine computes."""

    device: engine.Device
    began: float = field(default_factory=time.monotonic)
    rate: float = 0.0
    """Operations in a second, the most that a telling step showed."""
    foretold: bool = False
    """True if anything was foretold by its operations."""

    def seconds(self, build: Callable[[], Step], images: int, operations: float) -> float:
        """Return the seconds of a step of ``images``, each costing ``operations``: timed with a few, or foretold.

        What ``build`` builds is the step; nothing is built where its time is foretold.
        """
        few = max(FEWEST_IMAGES, min(MOST_IMAGES, images, int(MOST_OPERATIONS // max(operations, 1))))
        if few * operations > MOST_OPERATIONS or time.monotonic() - self.began > PATIENCE_S:
            self.foretold = True
            return images * operations / (self.rate or self._calibrate())
        step = build()
        taken = _timed(partial(step, FEWEST_IMAGES))
        if taken < BRIEF_S:
            taken = _timed(partial(step, few))
        else:
            few = FEWEST_IMAGES
        if few * operations >= TELLING_OPERATIONS:
            self.rate = max(self.rate, few * operations / taken)
        return taken * images / few

    def _calibrate(self) -> float:
        """Measure the rate of convolutions like those of a ResNet's middle, forward and backward."""
        layer = nn.Conv2d(128, 128, 3, padding=1).to(self.device.torch)
        images = torch.randn(4, 128, 28, 28, device=self.device.torch)
        operations = TRAINING * 2 * 9 * 128 * 128 * 28 * 28 * 4
        with self.device.autocast(None):
            self.rate = operations / _timed(lambda: layer(images).sum().backward())
        return self.rate


def show(work: Plan, device: engine.Device, store: Store) -> str:
    """Return the plan as text: one line per stage with its estimated time, then the sum."""
    watch = Stopwatch(device)
    lines, total = [], 0.0
    known: dict[Any, float] = {}
    for pretraining in work.pretrainings():
        there = (store.root / "backbones" / pretraining.key / "weights.safetensors").is_file()
        key = (pretraining.method.name, pretraining.backbone, str(pretraining.identity["settings"]))
        if not there and key not in known:
            known[key] = _pretraining_seconds(pretraining, device, watch)
        total += (seconds := 0.0 if there else known[key])
        what = f"pretrain {pretraining.method.name} on {pretraining.backbone}, seed {pretraining.seed}"
        lines.append(
            f"{what}: {pretraining.settings.images} images, " + ("already done" if there else in_words(seconds))
        )
    for experiment in work.experiments:
        seconds, note = _transfer(experiment, device, store, watch, known)
        total += seconds
        where = f"{experiment.method} on {experiment.task.name}/{experiment.protocol}, seed {experiment.seed}"
        lines.append(f"run {experiment.id[:10]} {where}: {note}")
    rougher = "; the larger or later ones from their operations, which is less exact" if watch.foretold else ""
    how = f"extrapolated from steps of at most {MOST_IMAGES} images{rougher}"
    lines.append(
        f"{plural(len(work.experiments), 'run')}, {plural(len(work.pretrainings()), 'pretraining')}: {in_words(total)} "
        f"of training on this machine ({how}); generating or reading data, testing and statistics come on top"
    )
    return "\n".join(lines)


def _transfer(
    experiment: Experiment, device: engine.Device, store: Store, watch: Stopwatch, known: dict[Any, float]
) -> tuple[float, str]:
    """Return the seconds of an experiment's own training, and the text of its line."""
    record = store.known(experiment.id)
    if record is not None and record.status == "done":
        return 0.0, "already done"
    if experiment.declined:
        return 0.0, f"not applicable: {experiment.declined}"
    if experiment.backbone is None:
        return 0.0, "seconds"
    steps = (experiment.task.steps(experiment.protocol) + experiment.extra_steps) * _trials(experiment)
    key = (experiment.backbone, experiment.task.name, experiment.protocol, str(experiment.settings["task"]))
    if steps and key not in known:
        known[key] = _transfer_seconds(experiment, device, watch)
    seconds = steps * known[key] if steps else 0.0
    return seconds, in_words(seconds)


def in_words(seconds: float) -> str:
    """Return a time in the unit that one would use: `about 40 min`."""
    for unit, length, least in TIMES:
        if seconds >= least * length:
            return f"about {seconds / length:{'.1f' if seconds < 10 * length and unit == 'h' else '.0f'}} {unit}"
    return f"about {seconds:.0f} s"


def _timed(step: Callable[[], None]) -> float:
    """Time a call in seconds: the least of a few; the first warms up, and counts where there is no time for another."""
    times: list[float] = []
    while not times or (sum(times) < ENOUGH_S and len(times) < 4):
        began = time.monotonic()
        step()
        times.append(time.monotonic() - began)
    return min(times)


def _pretraining_seconds(work: Pretraining, device: engine.Device, watch: Stopwatch) -> float:
    """Return the seconds of a pretraining; under ``--budget flops`` those of the bare backbone that sets the budget."""
    bones = skeleton(work.backbone, work.backbone_settings)
    if work.budget == "flops":
        side = work.settings.flops_side
        return (
            watch.seconds(partial(_bare_step, work, side, device), 1, TRAINING * bones.operations(side))
            * work.settings.images
        )
    sides = work.method.input_sides()
    operations = TRAINING * work.method.crops_per_image() * sum(map(bones.operations, sides)) / len(sides)
    size = max(work.settings.batch // device.fabric.world_size, 1)

    def build(stage: int) -> Step:
        backbone = _untrained(work.backbone, work.backbone_settings)
        learner = Learner(device, work.method, backbone, work.settings, work.seed)
        driven = setup(device, work.method, work.method.build(backbone))
        context = replace(engine.context(device, 0, "estimate", 0, 1), stage=stage)

        def step(images: int) -> None:
            update(learner, _batch(work, images, device), context, driven)

        return step

    shares = [stage.share for stage in work.method.stages()]
    seconds = [share * watch.seconds(partial(build, k), size, operations) for k, share in enumerate(shares)]
    return max(1, work.settings.images // work.settings.batch) * sum(seconds)


def _batch(work: Pretraining, images: int, device: engine.Device) -> dict[str, Tensor]:
    """Return noise for each of a method's views, and labels that are all alike."""
    batch = {name: _noise(images, view.side, device) for name, view in work.method.views().items()}
    nothing: dict[str, list[Any]] = {name: [] for name in batch}
    sizes = {f"{name}_size": torch.full((images, 2), batch[name].shape[-1], device=device.torch) for name in nothing}
    labels = {name: torch.zeros(images, dtype=torch.int64, device=device.torch) for name in work.method.labels(nothing)}
    return batch | sizes | labels


@lru_cache(maxsize=2)
def _drawn(name: str, settings: BackboneSettings) -> Backbone:
    return Backbone(name, settings)


def _untrained(name: str, settings: BackboneSettings) -> Backbone:
    """Return a backbone to time steps with: a copy of one that is drawn once, as its numbers play no part."""
    return copy.deepcopy(_drawn(name, settings))


def _bare_step(work: Pretraining, side: int, device: engine.Device) -> Step:
    backbone = _untrained(work.backbone, work.backbone_settings).to(device.torch)

    def step(images: int) -> None:
        with device.autocast(backbone):
            maps = backbone(backbone.normalize(_noise(images, side, device)))
            torch.stack([one.float().sum() for one in maps]).sum().backward()
        _drop_gradients(backbone)

    return step


def _transfer_seconds(experiment: Experiment, device: engine.Device, watch: Stopwatch) -> float:
    """Return the seconds of one step: forward of backbone and head, backward of what is trained, on random images.

    Targets play no part.
    """
    bones = skeleton(str(experiment.backbone), experiment.backbone_settings)
    views = experiment.task.views()
    cached = experiment.task.caches_features and experiment.family == "frozen"
    grad = experiment.family == "finetune"
    operations = TRAINING * head_operations(experiment)
    if not cached:
        operations += (TRAINING if grad else 1) * sum(bones.operations(view.side) for view in views.values())
    size = max(experiment.task.config.batch // device.fabric.world_size, 1)
    return watch.seconds(partial(_transfer_step, experiment, device), size, operations)


def _transfer_step(experiment: Experiment, device: engine.Device) -> Step:
    """Return a step of a head, of the backbone too where it is trained; features that are cached are made once."""
    backbone = _untrained(str(experiment.backbone), experiment.backbone_settings).to(device.torch)
    head = experiment.task.head(backbone, experiment.protocol).to(device.torch)
    views, reads, grad = (
        experiment.task.views(),
        experiment.task.reads(experiment.protocol),
        experiment.family == "finetune",
    )
    cached = experiment.task.caches_features and experiment.family == "frozen"
    ready: dict[int, dict[str, Any]] = {}

    def step(images: int) -> None:
        seen = {name: _noise(images, view.side, device) for name, view in views.items()}
        present = {name: torch.ones(images, dtype=torch.bool, device=device.torch) for name in views}
        with device.autocast(backbone):
            if cached and images not in ready:
                ready[images] = {
                    name: experiment.task.cached_features(encode(backbone, one, reads)) for name, one in seen.items()
                }
            maps = ready[images] if cached else {name: encode(backbone, one, reads, grad) for name, one in seen.items()}
            outputs = head(given(maps, present, {} if cached else seen), None)
            losses = [tensor.float().sum() for tensor in _tensors(outputs)]
            if losses:
                torch.stack(losses).sum().backward()
        _drop_gradients(backbone, head)

    return step


def _trials(experiment: Experiment) -> int:
    """Return the number of heads that an experiment trains."""
    config = experiment.task.config
    if experiment.family == "finetune":
        return len(config.backbone_trials)
    return len(config.trials) * (2 if config.batch_norm == "choose" else 1)


def _noise(count: int, side: int, device: engine.Device) -> Tensor:
    pixels = np.random.default_rng(0).integers(0, 256, (max(count, 1), side, side, 3), dtype=np.uint8)
    return engine.to_device(pixels, device.torch)


def _drop_gradients(*modules: nn.Module) -> None:
    for module in modules:
        module.zero_grad(set_to_none=True)


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, torch.Tensor):
        if value.requires_grad:
            yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _tensors(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)
