"""A head on a frozen or fine-tuned backbone: trained by steps or fitted at once, and what it predicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from inkbench.benchmark.api import Predictions, Reads, Task, Truth
from inkbench.benchmark.contracts.fitted_head import FittedHead
from inkbench.benchmark.errors import RunError
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.seeding import derive
from inkbench.benchmark.training import engine, features
from inkbench.benchmark.training.features import Bank, Features, Given, encode, given, on_device, present_masks
from inkbench.benchmark.training.finetuning import backbone_groups, set_drop_path
from inkbench.benchmark.training.loop import Curve, Training, train
from inkbench.benchmark.training.partly import LORA, PARTIAL, limit, merge
from inkbench.benchmark.training.schedules import warmup_cosine
from inkbench.benchmark.training.task_data import TaskData

EVAL_BATCH = features.BATCH
Family = Literal["frozen", "finetune"]


@dataclass(frozen=True, slots=True)
class Job:
    """The state that all trials of a run share."""

    device: engine.Device
    task: Task
    protocol: str
    steps: int
    seed: int
    disk: Features | None
    progress: Progress

    @property
    def family(self) -> Family:
        """The family: ``frozen`` or ``finetune``."""
        return self.task.protocols[self.protocol]

    @property
    def reads(self) -> Reads:
        """The part of the backbone's output that the head is given."""
        return self.task.reads(self.protocol)

    @property
    def keeps(self) -> bool:
        """True if features are computed once instead of at every step."""
        return self.task.caches_features and self.family == "frozen"

    def autocast(self, backbone: Backbone) -> Any:
        """Return float32 for frozen features that are kept and their readers; else the device's precision."""
        enabled = not self.keeps and self.device.autocasts(backbone)
        return torch.autocast(self.device.torch.type, torch.bfloat16, enabled=enabled)

    def bank(self, backbone: Backbone, data: TaskData) -> Bank | None:
        """The frozen features of a split, where they are kept."""
        if not self.keeps:
            return None
        frozen = features.Frozen(backbone, self.reads)
        return features.bank(self.device, self.task, frozen, data, self.disk, self.progress)


class Transfer(nn.Module):
    """Backbone and head as one network: images (uint8) or ready features in, the loss or raw outputs out."""

    def __init__(self, backbone: Backbone, head: nn.Module, job: Job) -> None:
        super().__init__()
        self.head = head
        self.family, self.reads = job.family, job.reads
        self.still: list[nn.Module] = []
        if job.family == "finetune":
            backbone.train_for("vector" if job.reads == "vector" else "maps")
            self.still = limit(backbone, job.protocol, job.task.config)
            self.backbone = backbone
        else:
            self.__dict__["backbone"] = backbone  # not a submodule: neither trained, nor saved, nor set to train mode

    def train(self, mode: bool = True) -> Transfer:
        """Set the mode of all but the frozen parts of a backbone that is trained in part."""
        super().train(mode)
        for module in self.still:
            module.eval()
        return self

    def forward(
        self, images: dict[str, Tensor], present: dict[str, Tensor], ready: Given | None, targets: list[Any] | None
    ) -> Any:
        """Return the head's loss where there are targets, else its raw outputs."""
        if ready is None:
            grad = self.family == "finetune"
            maps = {name: encode(self.backbone, seen, self.reads, grad) for name, seen in images.items()}
            ready = given(maps, present, images)
        return self.head(ready, targets)


def network_state(net: Any, backbone: Backbone) -> dict[str, Tensor]:
    """Return the state learnt beyond the given backbone: the head, and statistics or fine-tuned weights.

    Nothing of a head that is fitted at once: it may hold a whole split.
    """
    module: Transfer = net.module
    if isinstance(module.head, FittedHead):
        return {}
    learnt = backbone.state_dict() if module.family == "finetune" else dict(backbone.named_buffers())
    state = {**{f"head.{name}": of for name, of in module.head.state_dict().items()}}
    state |= {f"backbone.{name}": of for name, of in learnt.items()}
    return {name: of.detach().cpu().contiguous().clone() for name, of in state.items()}


def restored(job: Job, backbone: Backbone, state: Mapping[str, Tensor]) -> Untrained:
    """Return a finished run's network, ready to predict; ``backbone`` as the run was handed it, filled in place.

    Raises RunError where the state is not that of this head.
    """
    parts: dict[str, dict[str, Tensor]] = {"head": {}, "backbone": {}}
    for name, of in state.items():
        part, _, rest = name.partition(".")
        parts[part][rest] = of
    raw = Transfer(backbone, job.task.head(backbone, job.protocol), job)
    merge(backbone)
    missing, extra = backbone.load_state_dict(parts["backbone"], strict=False)
    if extra or (job.family == "finetune" and missing):
        raise RunError(f"the stored network is not one of {backbone.name}; run it again with --force")
    try:
        raw.head.load_state_dict(parts["head"])
    except RuntimeError as error:
        why = str(error).splitlines()[-1].strip()
        raise RunError(f"the stored network has another head ({why}); run it again with --force") from None
    return Untrained(raw.to(job.device.torch, memory_format=torch.channels_last).eval())  # type: ignore[call-overload]


class Untrained(nn.Module):
    """A network without anything to train by steps, where a trained one would be wrapped for the ranks."""

    def __init__(self, module: Transfer) -> None:
        super().__init__()
        self.module = module


def train_head(
    job: Job, backbone: Backbone, data: TaskData, val: TaskData, factor: float, checkpoint: engine.Checkpoint
) -> tuple[Any, Curve, dict[str, Any]]:
    """Train one head; gives the network, its loss curve, and what a fitted head has chosen."""
    device, task = job.device, job.task
    if job.family == "finetune":
        set_drop_path(backbone, task.config.drop_path)
    torch.manual_seed(derive(job.seed, "head", task.name))
    raw = Transfer(backbone, task.head(backbone, job.protocol), job)
    raw = raw.to(device.torch, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    if isinstance(raw.head, FittedHead):
        return Untrained(raw), [], _fit(job, raw.head, backbone, data, val)
    if job.steps == 0:
        return Untrained(raw), [], {}
    groups = _groups(job, raw.head, backbone, factor)
    net, optimizer = device.fabric.setup(raw, torch.optim.AdamW(groups, weight_decay=task.config.weight_decay))
    trained = sum(p.numel() for p in backbone.parameters() if p.requires_grad)
    curve = train(_training(job, backbone, data, net, optimizer), checkpoint, job.progress)
    merge(backbone)
    return net, curve, {"trained_parameters": trained} if job.protocol in (PARTIAL, LORA) else {}


def _groups(job: Job, head: nn.Module, backbone: Backbone, factor: float) -> list[dict[str, Any]]:
    """Return the groups of parameters by rate: ``factor`` scales the head's, or a fine-tuned backbone's."""
    config = job.task.config
    groups = job.task.parameter_groups(head, config.lr * (factor if job.family == "frozen" else 1.0))
    if job.family == "finetune":
        groups += backbone_groups(backbone, config.backbone_lr * factor, config.layer_decay)
    return groups


def _training(
    job: Job, backbone: Backbone, data: TaskData, net: Any, optimizer: torch.optim.Optimizer
) -> Training[tuple[dict[str, Tensor], np.ndarray]]:
    """Return the steps of a head: a batch drawn by the task or from the seed, and the rate warmed up and let down."""
    device, task, config = job.device, job.task, job.task.config
    rates = [group["lr"] for group in optimizer.param_groups]
    targets = _targets(job, data)
    bank = job.bank(backbone, data)
    sampler, count = task.sampler(data.truths), len(data.items)

    def fetch(step: int) -> tuple[dict[str, Tensor], np.ndarray]:
        if sampler:
            chosen = sampler(job.seed, step, config.batch)
        else:
            chosen = engine.batch_indices(count, config.batch, job.seed, "head", step)
        mine = chosen[device.fabric.global_rank :: device.fabric.world_size]
        return ({} if bank else on_device(data, mine, device)), mine

    def update(step: int, batch: tuple[dict[str, Tensor], np.ndarray]) -> list[Tensor]:
        images, mine = batch
        engine.context(device, job.seed, "head", step, job.steps)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * warmup_cosine(step / job.steps)
        ready = bank.at(mine) if bank else None
        with job.autocast(backbone):
            loss = net(images, {} if bank else present_masks(data, mine, device), ready, [targets[i] for i in mine])
        device.fabric.backward(loss)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return [loss.detach()]

    return Training(
        label=f"train {task.name} head",
        named=task.name,
        mend=f"lower {task.name}.lr",
        steps=job.steps,
        images=config.batch,
        nets={"net": net},
        optimizers={"net": optimizer},
        fetch=fetch,
        update=update,
    )


def _fit(job: Job, head: FittedHead, backbone: Backbone, train: TaskData, val: TaskData) -> dict[str, Any]:
    """Fit a head at once to the features of whole splits; gives what it has chosen."""
    banks = [job.bank(backbone, data) for data in (train, val)]
    if banks[0] is None or banks[1] is None:
        raise RunError(
            f"{job.task.name}/{job.protocol} needs the features of a whole split in memory, at most "
            f"{features.MAX_CACHED_BYTES / 2**30:.0f} GiB; use a smaller --backbone, or --label-fraction"
        )
    fitted, chosen = (bank.at(slice(None)) for bank in banks if bank)
    seed = derive(job.seed, "fit", job.task.name)
    return head.eval().fit(fitted, _targets(job, train), chosen, _targets(job, val), seed)


def _targets(job: Job, data: TaskData) -> list[dict[str, Tensor]]:
    made = (job.task.target(*pair) for pair in zip(data.truths, data.placements, strict=True))
    return [_tensors(target, job.device) for target in made]


@torch.no_grad()
def predict(job: Job, net: Any, backbone: Backbone, data: TaskData, label: str) -> Predictions:
    """Predict all items in order; ranks take items in turn, unpadded, and gather."""
    net.eval()
    device, task, module = job.device, job.task, net.module
    engine.share_buffers(device, net, backbone)
    rank, world = device.fabric.global_rank, device.fabric.world_size
    mine = np.arange(len(data.items))[rank::world]
    bank = job.bank(backbone, data) if world == 1 else None  # a rank's batches are not those of a whole split
    found: Predictions = []
    with job.progress.bar(label, len(mine)) as bar:
        for start in range(0, len(mine), EVAL_BATCH):
            chosen = mine[start : start + EVAL_BATCH]
            images = {} if bank else on_device(data, chosen, device)
            with job.autocast(backbone):
                outputs = module(images, present_masks(data, chosen, device), bank.at(chosen) if bank else None, None)
            found += task.decode(outputs, [data.truths[i] for i in chosen], [data.placements[i] for i in chosen])
            bar.advance(len(chosen))
    net.train()
    shards = engine.gather(device, found)
    return [shards[i % world][i // world] for i in range(len(data.items))]


def _tensors(target: Truth, device: engine.Device) -> dict[str, Tensor]:
    return {name: torch.from_numpy(np.ascontiguousarray(value)).to(device.torch) for name, value in target.items()}
