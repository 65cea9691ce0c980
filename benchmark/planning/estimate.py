"""The cost of a plan: stages with the time that a few real steps on random pixels foretell. Writes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from inkbench.benchmark.api import Context
from inkbench.benchmark.config import BackboneSettings
from inkbench.benchmark.errors import plural
from inkbench.benchmark.networks.backbones import Backbone, skeleton
from inkbench.benchmark.planning.experiment import Experiment, Plan, Pretraining
from inkbench.benchmark.planning.operations import TRAINING, head_operations, some_maps, step_operations
from inkbench.benchmark.store.store import Store
from inkbench.benchmark.training import engine
from inkbench.benchmark.training.features import encode, given
from inkbench.benchmark.training.features import kept as reduced
from inkbench.benchmark.training.learner import Driven, Learner
from inkbench.benchmark.training.updates import setup, update

FEWEST_IMAGES = 2
"""Images of a step whose operations are counted: batch normalisation needs two."""
MOST_IMAGES = 8
"""Images in a timed step of more than little; its time is scaled to the batch."""
MOST_OPERATIONS = 100e9
"""The operations of a timed step above which it has fewer images."""
TELLING_OPERATIONS = 1e9
"""The operations of a step of ``MOST_IMAGES`` below which its time is mostly overhead: it is timed as it is."""
REPETITIONS = 2
"""Steps that are timed, of which the shortest counts."""

HOUR = 3600
TIMES = (("years", 365 * 24 * HOUR, 2), ("days", 24 * HOUR, 3), ("h", HOUR, 2), ("min", 60, 2))
"""Units from long to short, their seconds, and from how many of them on a time is told in them."""

Step = Callable[[int], None]
"""Takes one step with this many images."""


@dataclass(slots=True)
class Stopwatch:
    """Times one step on each backbone, which says how fast this machine computes it, and foretells the others by it."""

    rates: dict[str, float] = field(default_factory=dict)
    """Operations in a second, by backbone."""

    def seconds(self, backbone: str, build: Callable[[], Step], images: int, operations: float) -> float:
        """Return the seconds of a step of ``images``, each costing ``operations``: timed with a few, or foretold.

        What ``build`` builds is the step; nothing is built where its time is foretold.
        """
        telling = MOST_IMAGES * operations >= TELLING_OPERATIONS
        if telling and backbone in self.rates:
            return images * operations / self.rates[backbone]
        cheap = int((MOST_OPERATIONS if telling else TELLING_OPERATIONS) // max(operations, 1))
        few = max(FEWEST_IMAGES, min(MOST_IMAGES if telling else images, images, cheap))
        taken = _timed(build(), few, warming_up=min(few, FEWEST_IMAGES) if telling else few)
        if telling:
            self.rates[backbone] = few * operations / taken
        return taken * images / few


def show(work: Plan, device: engine.Device, store: Store) -> str:
    """Return the plan as text: one line per stage with its estimated time, then the sum."""
    watch = Stopwatch()
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
    how = f"extrapolated by operations from a step of at most {MOST_IMAGES} images on each backbone"
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


def _timed(step: Step, images: int, warming_up: int) -> float:
    """Time a step in seconds: the least of a few, after one that warms up; as many on each rank, as they meet."""
    step(warming_up)
    times: list[float] = []
    for _ in range(REPETITIONS):
        began = time.monotonic()
        step(images)
        times.append(time.monotonic() - began)
    return min(times)


def _pretraining_seconds(work: Pretraining, device: engine.Device, watch: Stopwatch) -> float:
    """Return the seconds of a pretraining; under ``--budget flops`` those of the bare backbone that sets the budget."""
    backbone = _untrained(work.backbone, work.backbone_settings).requires_grad_(True)
    if work.budget == "flops":
        side = work.settings.flops_side
        operations: float = TRAINING * backbone.operations(side)
        build = partial(_bare_step, backbone.to(device.torch), side, device)
        return work.settings.images * watch.seconds(work.backbone, build, 1, operations)
    learner, stages = Learner(device, work.method, backbone, work.settings, work.seed), work.method.stages()
    nets = work.method.build(backbone)
    contexts = [replace(engine.context(device, 0, "estimate", 0, 1), stage=k) for k in range(len(stages))]
    counted = [_counted(work, nets, device, context) for context in contexts]  # before ranks wait for their gradients
    driven = setup(device, work.method, nets)
    size = max(work.settings.batch // device.fabric.world_size, 1)
    seconds = 0.0
    for stage, context, operations in zip(stages, contexts, counted, strict=True):
        build = partial(_pretraining_step, work, learner, driven, context)
        seconds += stage.share * watch.seconds(work.backbone, build, size, operations)
    return max(1, work.settings.images // work.settings.batch) * seconds


def _counted(work: Pretraining, nets: Mapping[str, nn.Module], device: engine.Device, context: Context) -> float:
    """Return the operations for one image of a pretraining's step, in a stage."""
    for net in nets.values():
        net.to(device.torch)
    with device.autocast(None):
        return step_operations(work.method, nets, _batch(work, FEWEST_IMAGES, device), context) / FEWEST_IMAGES


def _pretraining_step(work: Pretraining, learner: Learner, driven: Driven, context: Context) -> Step:
    def step(images: int) -> None:
        update(learner, _batch(work, images, learner.device), context, driven)

    return step


def _batch(work: Pretraining, images: int, device: engine.Device) -> dict[str, Tensor]:
    """Return noise for each of a method's views, and labels that are all alike."""
    batch = {name: _noise(images, view.side, device) for name, view in work.method.views().items()}
    nothing: dict[str, list[Any]] = {name: [] for name in batch}
    sizes = {f"{name}_size": torch.full((images, 2), batch[name].shape[-1], device=device.torch) for name in nothing}
    labels = {name: torch.zeros(images, dtype=torch.int64, device=device.torch) for name in work.method.labels(nothing)}
    return batch | sizes | labels


@lru_cache(maxsize=8)
def _untrained(name: str, settings: BackboneSettings) -> Backbone:
    """Return a backbone to take steps with, one for all: its numbers play no part."""
    return Backbone(name, settings)


def _bare_step(backbone: Backbone, side: int, device: engine.Device) -> Step:
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
    return watch.seconds(str(experiment.backbone), partial(_transfer_step, experiment, device), size, operations)


def _transfer_step(experiment: Experiment, device: engine.Device) -> Step:
    """Return a step of a head, of the backbone too where it is trained; features that are cached are made once."""
    backbone = _untrained(str(experiment.backbone), experiment.backbone_settings).to(device.torch)
    head = experiment.task.head(backbone, experiment.protocol).to(device.torch)
    views, reads = experiment.task.views(), experiment.task.reads(experiment.protocol)
    cached = experiment.task.caches_features and experiment.family == "frozen"

    @lru_cache(maxsize=1)
    def kept(images: int) -> dict[str, Any]:
        with device.torch:
            maps = {name: some_maps(backbone, reads, images, view.side) for name, view in views.items()}
        return {name: reduced(experiment.task, reads, some) for name, some in maps.items()}

    def step(images: int) -> None:
        seen = {} if cached else {name: _noise(images, view.side, device) for name, view in views.items()}
        present = {name: torch.ones(images, dtype=torch.bool, device=device.torch) for name in views}
        with device.autocast(backbone):
            grad = experiment.family == "finetune"
            maps = kept(images) if cached else {name: encode(backbone, one, reads, grad) for name, one in seen.items()}
            outputs = head(given(maps, present, seen), None)
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
