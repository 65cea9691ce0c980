"""The loop of every task: a head on a frozen or fine-tuned backbone, selected on validation, tested once."""

from __future__ import annotations

import copy
import importlib
import time
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from benchmark import engine
from benchmark.api import Predictions, Task, Truth
from benchmark.backbones import Backbone
from benchmark.batch_norm import reestimate
from benchmark.errors import CellError
from benchmark.parts.schedules import warmup_cosine
from benchmark.progress import Progress
from benchmark.seeding import derive
from benchmark.task_data import TaskData

CHECK_EVERY = 20
EVAL_BATCH = 32
MOST_KEPT_BYTES = 4 * 2**30


@dataclass(frozen=True, slots=True)
class Outcome:
    """The one evaluation on test, and how the trial was chosen."""

    predictions: Predictions
    trials: list[dict[str, Any]]
    chosen: dict[str, Any]
    curve: list[tuple[int, float]]
    head_parameters: int
    images: int
    train_s: float
    test_s: float


class Transfer(nn.Module):
    """Backbone and head as one network: images (uint8) or ready features in, the loss or raw outputs out."""

    def __init__(self, backbone: Backbone, head: nn.Module, family: Literal["frozen", "finetune"]) -> None:
        super().__init__()
        self.head = head
        self.family = family
        if family == "finetune":
            self.backbone = backbone
        else:
            self.__dict__["backbone"] = backbone  # not a submodule: neither trained, nor saved, nor set to train mode

    def forward(self, images: Tensor | None, features: list[Tensor] | None, targets: list[Any] | None) -> Any:
        """The head's loss where there are targets, else its raw outputs."""
        if features is None:
            assert images is not None
            features = encode(self.backbone, images, grad=self.family == "finetune")
        return self.head(features, targets)


class Untrained(nn.Module):
    """A network without anything to train, where a trained one would be wrapped for the ranks."""

    def __init__(self, module: Transfer) -> None:
        super().__init__()
        self.module = module


def encode(backbone: Backbone, images: Tensor, grad: bool = False) -> list[Tensor]:
    """Feature maps of uint8 images (B, 3, S, S)."""
    with torch.set_grad_enabled(grad and torch.is_grad_enabled()):
        return backbone(backbone.normalize(images).contiguous(memory_format=torch.channels_last))


def transfer(
    device: engine.Device,
    task: Task,
    family: Literal["frozen", "finetune"],
    backbone: Backbone,
    train: TaskData,
    val: TaskData,
    test: TaskData,
    seed: int,
    checkpoint: engine.Checkpoint,
    progress: Progress,
) -> Outcome:
    """Train a head per trial, choose on validation, predict the test items once. Raises CellError."""
    began = time.monotonic()
    trials, best = [], None
    choices = _choices(task, family, backbone)
    for k, (batch_norm, factor) in enumerate(choices):
        own = backbone if len(choices) == 1 else copy.deepcopy(backbone)
        own.to(device.torch, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if family == "frozen":
            own.requires_grad_(False).eval()
            if batch_norm == "re-estimated":
                reestimate(device, own, train.batch, len(train.items))
        state = engine.Checkpoint(checkpoint.path.with_name(f"{checkpoint.path.stem}-{k}.pt"), device)
        trial: dict[str, Any] = {"batch_norm": batch_norm, "factor": factor}
        trials.append(trial)
        try:
            net, curve = _train(device, task, family, own, train, seed, factor, state, progress)
            if len(choices) > 1:
                trial["value"] = _validate(device, task, net, own, val, progress)
        except CellError as error:
            if k == len(choices) - 1 and best is None:
                raise
            trial |= {"value": None, "reason": str(error)}
            continue
        if best is None or _better(task, trial, best[0]):
            best = (trial, net, own, curve)
    assert best is not None
    trained = time.monotonic()
    chosen, net, own, curve = best
    predictions = predict(device, task, net, own, test, f"test {task.name}", progress)
    return Outcome(
        predictions=predictions,
        trials=trials,
        chosen=chosen,
        curve=curve,
        head_parameters=sum(p.numel() for p in net.module.head.parameters() if p.requires_grad),
        images=len(trials) * task.config.steps * task.config.batch,
        train_s=trained - began,
        test_s=time.monotonic() - trained,
    )


def _choices(task: Task, family: str, backbone: Backbone) -> list[tuple[str, float]]:
    """Batch-norm statistics x learning-rate factors that validation chooses from; the same for every row."""
    asked = task.config.batch_norm
    if family == "finetune":
        kinds = ["trained"]
    elif not backbone.has_batch_norm():
        kinds = ["none"]
    else:
        kinds = ["handed-over", "re-estimated"] if asked == "choose" else [asked]
    return [(kind, factor) for kind in kinds for factor in task.config.trials]


def _train(
    device: engine.Device,
    task: Task,
    family: Literal["frozen", "finetune"],
    backbone: Backbone,
    train: TaskData,
    seed: int,
    factor: float,
    checkpoint: engine.Checkpoint,
    progress: Progress,
) -> tuple[Any, list[tuple[int, float]]]:
    """Train one head; gives the network and its loss curve."""
    config = task.config
    torch.manual_seed(derive(seed, "head", task.name))
    raw = Transfer(backbone, task.head(backbone, family), family)
    raw = raw.to(device.torch, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    if config.steps == 0:
        return Untrained(raw), []
    groups = [
        {
            "params": [p for p in raw.head.parameters() if p.requires_grad],
            "lr": config.lr * (factor if family == "frozen" else 1.0),
        }
    ]
    if family == "finetune":
        groups.append(
            {
                "params": [p for p in backbone.parameters() if p.requires_grad],
                "lr": config.backbone_lr * factor,
            }
        )
    net, optimizer = device.fabric.setup(raw, torch.optim.AdamW(groups, weight_decay=config.weight_decay))
    rates = [group["lr"] for group in optimizer.param_groups]
    targets = [_tensors(task.target(*pair), device) for pair in zip(train.truths, train.placements, strict=True)]
    bank = _feature_bank(device, task, family, backbone, train, progress)
    count = len(train.truths)

    def fetch(step: int) -> tuple[Tensor | None, np.ndarray]:
        chosen = engine.batch_indices(count, config.batch, seed, "head", step)
        mine = chosen[device.fabric.global_rank :: device.fabric.world_size]
        return (None if bank else engine.to_device(train.batch(mine), device.torch)), mine

    first, curve = checkpoint.load({"net": net}, {"net": optimizer})
    saved = time.monotonic()
    with progress.bar(f"train {task.name} head", config.steps * config.batch) as bar:
        bar.advance(first * config.batch)
        for step, (images, mine) in enumerate(engine.prefetch(fetch, first, config.steps), start=first):
            engine.context(device, seed, "head", step, config.steps)
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * warmup_cosine(step / config.steps)
            features = [level[mine] for level in bank] if bank else None
            with _autocast(device, task, family, backbone):
                loss = net(images, features, [targets[i] for i in mine])
            device.fabric.backward(loss)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            note = ""
            due = time.monotonic() - saved > engine.CHECKPOINT_EVERY_S
            if step % CHECK_EVERY == 0 or step == config.steps - 1 or due:
                value = loss.item()
                if not np.isfinite(value):
                    raise CellError(f"the loss of {task.name} is {value} at step {step}; lower {task.name}.lr")
                if step % CHECK_EVERY == 0 or step == config.steps - 1:
                    curve.append((step, value))
                note = f"loss {value:.3f}"
            bar.advance(config.batch, note)
            if due:
                checkpoint.save(step + 1, {"net": net}, {"net": optimizer}, curve)
                saved = time.monotonic()
        if first < config.steps:
            checkpoint.save(config.steps, {"net": net}, {"net": optimizer}, curve)
    return net, curve


def _autocast(device: engine.Device, task: Task, family: str, backbone: Backbone) -> Any:
    """Frozen features that are kept are float32, and what reads them is; the rest runs in the device's precision."""
    kept = task.caches_features and family == "frozen"
    return torch.autocast(device.torch.type, torch.bfloat16, enabled=not kept and device.autocasts(backbone))


@torch.no_grad()
def _feature_bank(
    device: engine.Device, task: Task, family: str, backbone: Backbone, data: TaskData, progress: Progress
) -> list[Tensor]:
    """Frozen features of a whole split, level by level, in float32, fixed batches and dataset order.

    Empty where the task keeps none or they would pass ``MOST_KEPT_BYTES``: then each step computes its own.
    """
    if not (task.caches_features and family == "frozen"):
        return []
    parts: list[list[Tensor]] = []
    count = len(data.truths)
    with progress.bar(f"features for {task.name}", count) as bar:
        for start in range(0, count, EVAL_BATCH):
            chosen = np.arange(start, min(start + EVAL_BATCH, count))
            images = engine.to_device(data.batch(chosen), device.torch)
            parts.append([level.contiguous() for level in task.kept(encode(backbone, images))])
            bar.advance(len(chosen))
            if count * sum(level[0].nbytes for level in parts[0]) > MOST_KEPT_BYTES:
                return []
    return [torch.cat(level) for level in zip(*parts, strict=True)]


@torch.no_grad()
def predict(
    device: engine.Device, task: Task, net: Any, backbone: Backbone, data: TaskData, label: str, progress: Progress
) -> Predictions:
    """Predictions of all items in order; ranks take items in turn, unpadded, and gather."""
    net.eval()
    engine.share_buffers(device, net, backbone)
    rank, world = device.fabric.global_rank, device.fabric.world_size
    mine = np.arange(len(data.truths))[rank::world]
    module = net.module
    found: Predictions = []
    with progress.bar(label, len(mine)) as bar:
        for start in range(0, len(mine), EVAL_BATCH):
            chosen = mine[start : start + EVAL_BATCH]
            images = engine.to_device(data.batch(chosen), device.torch)
            with _autocast(device, task, module.family, backbone):
                outputs = module(images, None, None)
            found += task.decode(outputs, [data.truths[i] for i in chosen], [data.placements[i] for i in chosen])
            bar.advance(len(chosen))
    net.train()
    shards = engine.gather(device, found)
    return [shards[i % world][i // world] for i in range(len(data.truths))]


def _validate(
    device: engine.Device, task: Task, net: Any, backbone: Backbone, val: TaskData, progress: Progress
) -> float:
    scorer = importlib.import_module(task.scorer)
    predictions = predict(device, task, net, backbone, val, f"validate {task.name}", progress)
    ids = [item.id for item in val.items]
    try:
        metrics = scorer.aggregate(scorer.score_items(predictions, val.truths, ids=ids, **task.score_options()))
    except ValueError as error:  # what scorers raise for predictions that are not finite
        raise CellError(f"validation: {error}") from error
    primary = scorer.METRICS[0].name
    if primary not in metrics:
        raise CellError(f"{primary} has no value on the validation split: it holds nothing that {task.name} scores")
    return float(metrics[primary])


def _better(task: Task, trial: dict[str, Any], best: dict[str, Any]) -> bool:
    direction = importlib.import_module(task.scorer).METRICS[0].direction
    return trial["value"] > best["value"] if direction == "max" else trial["value"] < best["value"]


def _tensors(target: Truth, device: engine.Device) -> dict[str, Tensor]:
    return {name: torch.from_numpy(np.ascontiguousarray(value)).to(device.torch) for name, value in target.items()}
