"""The base of both loops: device, precision, ranks, the order of images, checkpoints."""

from __future__ import annotations

import io
import os
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from inkbench.benchmark.api import Context
from inkbench.benchmark.data.cached import Cached
from inkbench.benchmark.errors import RunError, UsageError, plural
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.progress import complain
from inkbench.benchmark.seeding import derive
from inkbench.benchmark.store.files import remove
from inkbench.benchmark.store.sealed import Damaged, read_sealed, write_sealed
from inkbench.benchmark.training.fabric import DDPStrategy, Fabric

CHECKPOINT_EVERY_S = 20.0
VERSION = 3
"""Raised with every change of loops, augmentations, heads or caches that changes numbers; part of every id."""
PATIENCE = timedelta(days=7)
"""How long ranks wait for one that draws, builds a cache or waits for the machine."""


@dataclass(frozen=True, slots=True)
class Device:
    """The device and arithmetic of this process; what of it a user can ask for is part of a run's id."""

    fabric: Fabric
    bf16: bool
    threads: int

    @property
    def torch(self) -> torch.device:
        """The device of this rank."""
        return self.fabric.device

    @property
    def name(self) -> str:
        """The slot's name: ``cpu``, ``cuda:0``."""
        return str(self.fabric.device)

    @property
    def family(self) -> str:
        """The accelerator's family, ``cpu`` or ``cuda``: what a user can ask for, and so part of every id."""
        return self.fabric.device.type

    def hardware(self) -> dict[str, str]:
        """Return torch's facts on the hardware: recorded, and marked in tables where rows differ in it; in no id."""
        found = {"device": self.family, "instructions": torch.backends.cpu.get_cpu_capability()}
        if self.family == "cuda":
            found["device"] = torch.cuda.get_device_name(self.fabric.device)
            found["cudnn"] = str(torch.backends.cudnn.version())
        return found

    def precision(self, backbone: Backbone | None = None) -> str:
        """Return the arithmetic of forward passes as resolved: ``bf16`` or ``32``."""
        return "bf16" if self.autocasts(backbone) else "32"

    def identity(self, backbone: Backbone | None = None) -> dict[str, Any]:
        """Return the part of the device that is in an id."""
        return {
            "precision": self.precision(backbone),
            "device": self.family,
            "world": self.fabric.world_size,
            "threads": self.threads,
        }

    def autocasts(self, backbone: Backbone | None) -> bool:
        """Return whether convolutions run in bf16: not on a CPU where they are depthwise, which is slow there."""
        slow = self.fabric.device.type == "cpu" and backbone is not None and backbone.has_depthwise()
        return self.bf16 and not slow

    def autocast(self, backbone: Backbone | None) -> Any:
        """Return the precision of a forward pass."""
        return torch.autocast(self.fabric.device.type, torch.bfloat16, enabled=self.autocasts(backbone))


def start(devices: int, precision: str, threads: int) -> Device:
    """Join the ranks (their numbers come in the environment, see ``supervisor``) and settle what decides the bits.

    Raises UsageError where this machine has fewer devices than are asked for.
    """
    torch.set_num_threads(threads)
    cuda = torch.cuda.is_available()
    if devices > (most := torch.cuda.device_count() if cuda else os.cpu_count() or 1):
        raise UsageError(f"--devices {devices}: this machine has {plural(most, 'GPU' if cuda else 'core')}")
    world = int(os.environ.get("WORLD_SIZE", "1"))
    strategy: Any = "auto"
    if world > 1:
        backend = "nccl" if cuda else "gloo"
        strategy = DDPStrategy(broadcast_buffers=False, process_group_backend=backend, timeout=PATIENCE)
    fabric = Fabric(accelerator="cuda" if cuda else "cpu", devices=devices, strategy=strategy)
    fabric.launch()
    torch.use_deterministic_algorithms(not cuda)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    bf16 = precision == "bf16" or (precision == "auto" and _bf16_pays(cuda))
    return Device(fabric, bf16, threads)


def _bf16_pays(cuda: bool) -> bool:
    return torch.cuda.is_bf16_supported() if cuda else torch.cpu._is_avx512_bf16_supported()


def context(device: Device, seed: int, purpose: str, step: int, steps: int) -> Context:
    """Return the context of one step; also seeds torch's global generator, which dropout uses, for this step alone."""
    own = derive(seed, purpose, step, device.fabric.global_rank)
    torch.manual_seed(own)
    generator = torch.Generator(device=device.torch).manual_seed(own)
    return Context(seed, step, steps, device.torch, generator, device.fabric.global_rank, device.fabric.world_size)


def batch_indices(count: int, batch: int, seed: int, purpose: str, step: int) -> np.ndarray:
    """Return the images of a step: every epoch is a permutation of all ``count``, batches run across epochs."""
    positions = np.arange(step * batch, (step + 1) * batch)
    chosen = np.empty(batch, dtype=np.int64)
    for epoch in np.unique(positions // count):
        order = np.random.default_rng(derive(seed, purpose, "epoch", int(epoch))).permutation(count)
        here = positions // count == epoch
        chosen[here] = order[positions[here] % count]
    return chosen


def prefetch(fetch: Callable[[int], Any], first: int, last: int, ahead: int = 2) -> Iterator[Any]:
    """Yield ``fetch(step)`` for ``first <= step < last``, made by a thread a few steps ahead of their use."""
    ready: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue(maxsize=ahead)
    stop = threading.Event()

    def work() -> None:
        for step in range(first, last):
            try:
                made: tuple[Any, BaseException | None] = (fetch(step), None)
            except BaseException as error:
                made = (None, error)
            while not stop.is_set():
                try:
                    ready.put(made, timeout=0.2)
                    break
                except queue.Full:
                    continue
            if stop.is_set() or made[1] is not None:
                return

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        for _ in range(first, last):
            value, error = ready.get()
            if error is not None:
                raise error
            yield value
    finally:
        stop.set()
        thread.join()


def to_device(images: np.ndarray, device: torch.device) -> Tensor:
    """Move uint8 (B, S, S, 3) in memory to (B, 3, S, S) in channels_last on the device, without a copy on a CPU."""
    tensor = torch.from_numpy(images)
    if device.type == "cuda":
        tensor = tensor.pin_memory().to(device, non_blocking=True)
    return tensor.permute(0, 3, 1, 2)


def images_at(cache: Cached, chosen: np.ndarray, device: torch.device, at: np.ndarray | None = None) -> Tensor:
    """Return the resized images at ``chosen``, uint8 (B, 3, S, S) in channels_last on the device.

    ``at`` float (B,) in [0, 1): where along a strip each is taken; None is the centre. For a GPU they are gathered
    straight into pinned memory, from which the copy runs beside the computation.
    """
    if device.type != "cuda":
        return to_device(cache.batch(chosen, at=at), device)
    pinned = torch.empty((len(chosen), cache.side, cache.side, 3), dtype=torch.uint8, pin_memory=True)
    cache.batch(chosen, out=pinned.numpy(), at=at)
    return pinned.to(device, non_blocking=True).permute(0, 3, 1, 2)


class Checkpoint:
    """The state of a loop on disk: networks, optimisers, step. Written by rank 0, whole or not at all."""

    def __init__(self, path: Path, device: Device) -> None:
        self.path, self.device = path, device

    def save(
        self,
        step: int,
        nets: Mapping[str, nn.Module],
        optimizers: Mapping[str, torch.optim.Optimizer],
        curve: list[tuple[int, float]],
    ) -> None:
        """Write the state in which ``step`` steps are done, with the loss curve so far."""
        if self.device.fabric.global_rank:
            return
        buffer = io.BytesIO()
        torch.save(
            {
                "step": step,
                "curve": curve,
                "nets": {name: net.state_dict() for name, net in nets.items()},
                "optimizers": {name: optimizer.state_dict() for name, optimizer in optimizers.items()},
            },
            buffer,
        )
        try:
            write_sealed(self.path, self.path.stem, buffer.getvalue())
        except OSError as error:
            complain(f"checkpoint {self.path} not written ({error.strerror}); what is stopped now begins again")

    def load(
        self, nets: Mapping[str, nn.Module], optimizers: Mapping[str, torch.optim.Optimizer]
    ) -> tuple[int, list[tuple[int, float]]]:
        """Fill networks and optimisers; gives the steps that are done (0 without a checkpoint) and the loss curve."""
        data = self._read()
        if not all(gather(self.device, data is not None)) or data is None:
            return 0, []
        try:
            state = torch.load(io.BytesIO(data), map_location=self.device.torch, weights_only=True)
            for name, net in nets.items():
                net.load_state_dict(state["nets"][name])
            for name, optimizer in optimizers.items():
                optimizer.load_state_dict(state["optimizers"][name])
        except Exception as error:
            self._set_aside(f"it does not fit: {error}")
            raise RunError(f"checkpoint {self.path} does not fit its networks ({error}); run again") from error
        return int(state["step"]), [(int(step), float(loss)) for step, loss in state["curve"]]

    def _read(self) -> bytes | None:
        """Return the state as it was written; what is damaged is set aside and told, and the work begins anew."""
        try:
            return read_sealed(self.path, self.path.stem)
        except Damaged as damage:
            self._set_aside(str(damage))
            return None

    def _set_aside(self, reason: str) -> None:
        if self.device.fabric.global_rank:
            return
        aside = self.path.with_name(f"{self.path.name}.damaged")
        complain(f"checkpoint {self.path} is damaged ({reason}); set aside as {aside.name}, the work begins anew")
        remove(aside)
        try:
            self.path.rename(aside)
        except OSError:
            remove(self.path)

    def remove(self) -> None:
        """Remove the checkpoint: the work is recorded elsewhere now."""
        if not self.device.fabric.global_rank:
            self.path.unlink(missing_ok=True)


def share_buffers(device: Device, *modules: nn.Module) -> None:
    """Give every rank the running statistics of rank 0; each has seen its own part of the batches."""
    if device.fabric.world_size > 1:
        for module in modules:
            for buffer in module.buffers():
                torch.distributed.broadcast(buffer, src=0)


def gather(device: Device, value: Any) -> list[Any]:
    """Return the values of all ranks, on every rank, in rank order."""
    world = device.fabric.world_size
    if world == 1:
        return [value]
    values: list[Any] = [None] * world
    torch.distributed.all_gather_object(values, value)
    return values


def peak_memory_mib(device: Device) -> float:
    """Return the largest memory held so far: of the device where it has its own, else of this process."""
    if device.torch.type == "cuda":
        return torch.cuda.max_memory_allocated(device.torch) / 2**20
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
