"""Checks that settings and an architecture decide together, on the meta device: no weights, no computation.

Each question is asked once a process and its answer kept, since a plan puts it for every seed, protocol and row.
"""

from __future__ import annotations

import copy
import functools
import os
import warnings
from pathlib import Path
from typing import Any

import torch

from inkbench.benchmark.api import Method, NotApplicable, Task, WeightsInfo
from inkbench.benchmark.config import BackboneSettings, Config
from inkbench.benchmark.errors import RunError, UsageError
from inkbench.benchmark.networks import initialise
from inkbench.benchmark.networks.backbones import DEFAULTS, Backbone, skeleton
from inkbench.benchmark.networks.shapes_only import ShapesOnly
from inkbench.benchmark.networks.timm_models import said
from inkbench.benchmark.networks.weights_files import weights_bytes
from inkbench.benchmark.store.files import checksum
from inkbench.benchmark.training.finetuning import drop_rates, layer_scales
from inkbench.benchmark.training.partly import require_some

FORCE = "INKBENCH_FORCE"
"""Set in tests alone: what is refused here is planned all the same, to see that it fails."""

Reason = UsageError | NotApplicable
Answer = Reason | None
Weights = tuple[str, WeightsInfo]
"""The sha256 of weights, and what is known of them."""


def require_method(method: Method, backbone: str, settings: BackboneSettings) -> None:
    """Raise UsageError or NotApplicable where a method cannot be built on this backbone, or shows it squares of a side
    that it does not take."""
    _tell(_method_answer(type(method), method.config, backbone, settings))


def require_task(task: Task, protocol: str, data: str, backbone: str, settings: BackboneSettings) -> None:
    """Raise UsageError where a task's squares or head do not fit this backbone; ``data`` is a fingerprint."""
    _tell(_task_answer(_Bound(task, data), protocol, backbone, settings))


@functools.cache
def given_weights(
    kind: type[Method], config: Config, backbone: str, settings: BackboneSettings, weights: Path | None
) -> Weights | Reason:
    """Return the sha256 of the weights that a method hands over and what is known of them, or why it has none."""
    own = Backbone(backbone, settings)
    try:
        given = kind(config).set_weights(own, weights)
    except (NotApplicable, UsageError) as reason:
        return _alone(reason)
    return checksum(weights_bytes(own)), given or WeightsInfo(kind.supervision)


@functools.cache
def init_weights(backbone: str, settings: BackboneSettings, init: Path | str, weights: Path | None) -> Weights | Reason:
    """Return the sha256 of a pretext task's first weights and what is known of them, or why there are none."""
    own = Backbone(backbone, settings)
    try:
        given = initialise.load_init(own, init, weights)
    except (NotApplicable, UsageError) as reason:
        return _alone(reason)
    return checksum(weights_bytes(own)), given


def settled(found: Weights | Reason) -> Weights:
    """Return the weights that were found. Raises the reason where there are none."""
    if isinstance(found, tuple):
        return found
    raise _alone(found)


def _alone(reason: Reason) -> Reason:
    """Return a reason that can be kept: without its traceback, which holds on to the networks in its frames."""
    return type(reason)(str(reason))


def _tell(answer: Answer) -> None:
    if answer is not None and FORCE not in os.environ:
        raise _alone(answer)


@functools.cache
def _method_answer(kind: type[Method], config: Config, backbone: str, settings: BackboneSettings) -> Answer:
    method, bones = kind(config), skeleton(backbone, settings)
    if method.backbones == "vit" and not bones.is_transformer():
        return NotApplicable(
            f"{method.name} needs a vision transformer, and {backbone} is not one; leave out --backbone or name one, "
            f"such as {DEFAULTS['vit']['standard']}"
        )
    try:
        for side in method.input_sides() if method.pretrains else ():
            bones.maps(side)
    except UsageError as reason:
        return UsageError(f"method {method.name}: {reason}")
    return _built(f"method {method.name}", lambda own: _build(method, own), backbone, settings)


def _build(method: Method, backbone: Backbone) -> None:
    if method.pretrains:
        method.build(backbone)
    elif not method.is_external():
        method.set_weights(backbone, None)


class _Bound:
    """A task with its data, alike for the cache where name, settings and data are."""

    def __init__(self, task: Task, data: str) -> None:
        self.task, self.key = task, (type(task), task.config, data)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Bound) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@functools.cache
def _task_answer(bound: _Bound, protocol: str, backbone: str, settings: BackboneSettings) -> Answer:
    task, bones = bound.task, skeleton(backbone, settings)
    try:
        for side in dict.fromkeys(view.side for view in task.views().values()):
            bones.maps(side)
        require_some(backbone, settings, protocol, task.config)
        if task.protocols[protocol] == "finetune" and task.config.drop_path:
            drop_rates(backbone, settings, task.config.drop_path)
        if task.protocols[protocol] == "finetune" and task.config.layer_decay < 1:
            layer_scales(backbone, settings, task.config.layer_decay)
    except UsageError as reason:
        return UsageError(f"task {task.name}: {reason}")
    return _built(f"task {task.name}/{protocol}", lambda own: task.head(own, protocol), backbone, settings, True)


def _built(who: str, build: Any, backbone: str, settings: BackboneSettings, reads: bool = False) -> Answer:
    """Return what building says on the meta device; on the CPU where something in it needs real numbers.

    What only ``reads`` the backbone is shown a copy that others before it were shown, as long as it is as it was.
    """
    own = _lent(backbone, settings) if reads else copy.deepcopy(skeleton(backbone, settings))
    before = _state(own) if reads else ()
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"), ShapesOnly(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # weights that are read on the meta device come to nothing
            build(own)
    except (UsageError, NotApplicable) as reason:
        return _alone(reason)
    except RunError as reason:
        return UsageError(f"{who}: {reason}")
    except Exception:  # a plugin may look into its numbers, which the meta device has not
        pass
    else:
        return None
    finally:
        if reads and _state(own) != before:
            _lent.cache_clear()
    try:
        with torch.random.fork_rng(devices=[]):
            build(Backbone(backbone, settings))
    except (UsageError, NotApplicable) as reason:
        return _alone(reason)
    except Exception as error:
        return UsageError(f"{who} cannot be built on {backbone}: {said(error)}")
    return None


@functools.lru_cache(maxsize=4)
def _lent(backbone: str, settings: BackboneSettings) -> Backbone:
    return copy.deepcopy(skeleton(backbone, settings))


def _state(backbone: Backbone) -> tuple[Any, ...]:
    """Return its modules, parameters and what of it is trained: another value where something was changed."""
    modules = [(name, id(module), module.training) for name, module in backbone.named_modules()]
    return modules, [(name, id(of), of.requires_grad) for name, of in backbone.named_parameters()], backbone.width
