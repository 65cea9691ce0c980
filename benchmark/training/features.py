"""Features of images as a head is given them; those of a frozen backbone computed once, for every step and run."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inkbench.benchmark.api import Reads, Seen, Task
from inkbench.benchmark.data.damage.items import damage_key
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.networks.weights_files import weights_bytes
from inkbench.benchmark.progress import Progress, complain
from inkbench.benchmark.store import provenance
from inkbench.benchmark.store.files import checksum, key_of, remove, temporary_path
from inkbench.benchmark.store.sealed import SealedFiles, sum_of, write_sealed
from inkbench.benchmark.training import engine
from inkbench.benchmark.training.task_data import TaskData

BATCH = 32
MAX_CACHED_BYTES = 4 * 2**30
MAX_STORED_BYTES = 2**30
"""More than this of a split is computed again by the next run instead of being written."""
VERSION = 2
Given = list[Tensor] | Seen


@dataclass(frozen=True, slots=True)
class Bank:
    """Cached features of a split, float32 on the device: ``levels[view]`` the maps of all items, fine to coarse."""

    levels: Mapping[str, list[Tensor]]
    present: Mapping[str, Tensor]

    def at(self, indices: np.ndarray | slice) -> Given:
        """Return the head's input for some items."""
        maps = {name: [level[indices] for level in levels] for name, levels in self.levels.items()}
        return given(maps, {name: mask[indices] for name, mask in self.present.items()}, {})


@dataclass(frozen=True, slots=True)
class Features:
    """The place of frozen features on disk: ``folder``, under keys that hold the data's ``fingerprint``."""

    folder: Path
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Frozen:
    """A backbone that no longer learns, and what of it a head reads."""

    backbone: Backbone
    reads: Reads


def given(maps: Mapping[str, list[Tensor]], present: Mapping[str, Tensor], images: Mapping[str, Tensor]) -> Given:
    """Return the head's input: the maps alone where a task has one view, else by view."""
    return next(iter(maps.values())) if len(maps) == 1 else Seen(maps, present, images)


def encode(backbone: Backbone, images: Tensor, reads: Reads, grad: bool = False) -> list[Tensor]:
    """Encode uint8 images (B, 3, S, S) as what ``reads`` says; a vector as a map, (B, width, 1, 1)."""
    with torch.set_grad_enabled(grad and torch.is_grad_enabled()):
        seen = backbone.normalize(images).contiguous(memory_format=torch.channels_last)
        if reads == "vector":
            return [_vector(backbone, seen)]
        maps: list[Tensor] = backbone(seen)
        if reads == "last":
            return maps[-1:]
        return [*maps, _vector(backbone, seen)] if reads == "all" and backbone.has_tokens else maps


def _vector(backbone: Backbone, seen: Tensor) -> Tensor:
    return backbone.pooled(seen)[:, :, None, None]


def kept(task: Task, reads: Reads, levels: list[Tensor]) -> list[Tensor]:
    """Return what is kept of an image's features for a head."""
    return levels if reads == "last" else task.cached_features(levels)


def on_device(data: TaskData, indices: np.ndarray, device: engine.Device) -> dict[str, Tensor]:
    """Return the images of items by view, uint8 (B, 3, S, S)."""
    return {name: engine.to_device(images, device.torch) for name, images in data.batch(indices).items()}


def present_masks(data: TaskData, indices: np.ndarray, device: engine.Device) -> dict[str, Tensor]:
    """Return whether each of the items has each image, bool (B,) by view."""
    return {name: torch.from_numpy(has).to(device.torch) for name, has in data.present(indices).items()}


@torch.no_grad()
def bank(
    device: engine.Device,
    task: Task,
    frozen: Frozen,
    data: TaskData,
    disk: Features | None,
    progress: Progress,
) -> Bank | None:
    """The features of a split in float32, fixed batches and its own order; from ``disk`` where they lie there.

    None where they would pass ``MAX_CACHED_BYTES``: then each step computes its own.
    """
    path = disk.folder / _key(device, task, frozen, data, disk.fingerprint) if disk else None
    levels = _read(path, data, device) if path else None
    if levels is None:
        levels = _compute(device, task, frozen, data, progress)
        if levels is None:
            return None
        if path and device.fabric.world_size == 1:
            _write(path, levels)
    return Bank(levels, present_masks(data, np.arange(len(data.items)), device))


def _compute(
    device: engine.Device, task: Task, frozen: Frozen, data: TaskData, progress: Progress
) -> dict[str, list[Tensor]] | None:
    parts: dict[str, list[list[Tensor]]] = {name: [] for name in data.caches}
    count = len(data.items)
    with progress.bar(f"features for {task.name}", count) as bar:
        for start in range(0, count, BATCH):
            chosen = np.arange(start, min(start + BATCH, count))
            for name, images in on_device(data, chosen, device).items():
                parts[name].append(
                    [
                        level.contiguous()
                        for level in kept(task, frozen.reads, encode(frozen.backbone, images, frozen.reads))
                    ]
                )
            bar.advance(len(chosen))
            if count * sum(level[0].nbytes for of in parts.values() for level in of[0]) > MAX_CACHED_BYTES:
                return None
    return {name: [torch.cat(level) for level in zip(*of, strict=True)] for name, of in parts.items()}


def _key(device: engine.Device, task: Task, frozen: Frozen, data: TaskData, fingerprint: str) -> str:
    """Hash everything that features depend on: weights with their statistics, images, reduction, arithmetic."""
    backbone, reads = frozen.backbone, frozen.reads
    settings = task.config.model_dump(mode="json")
    views = {
        name: [view.side, view.fit, view.reach, [_listed(data, name, row) for row in data.rows[name].tolist()]]
        for name, view in task.views().items()
    }
    return key_of(
        [
            *(VERSION, engine.VERSION, BATCH, fingerprint, task.name, task.version),
            {name: settings[name] for name in task.cache_key},
            *(reads, _readout(backbone) if reads in ("vector", "all") else ""),
            *(views, backbone.name, backbone.mean, backbone.std, checksum(weights_bytes(backbone))),
            *(device.identity(backbone), provenance.versions(provenance.DECIDING)),
        ]
    )


def _readout(backbone: Backbone) -> str:
    blocks = backbone.settings.last_blocks
    return backbone.readout if blocks == 1 else f"{backbone.readout} of {blocks} blocks"


def _listed(data: TaskData, name: str, row: int) -> Sequence[Any] | None:
    if row < 0:
        return None
    item = data.caches[name].items[row]
    return item.id, item.crop, item.hole, *damage_key(item)


def _read(path: Path, data: TaskData, device: engine.Device) -> dict[str, list[Tensor]] | None:
    """Read features as they were written; None where there are none, or damaged ones, which are told and removed."""
    kept = SealedFiles(path)
    index = kept.read(path.name)
    if index is None:
        remove(path)  # what an index does not vouch for
        return None
    sums: dict[str, list[list[int]]] = json.loads(index)
    found: dict[str, list[Tensor]] = {}
    try:
        for name in data.caches:
            levels = [np.load(path / _file(name, k), allow_pickle=False) for k in range(len(sums[name]))]
            if [_sums(level) for level in levels] != sums[name]:
                raise ValueError(f"the checksums of {name} do not match")
            found[name] = [torch.from_numpy(level).to(device.torch) for level in levels]
    except (OSError, ValueError, EOFError, KeyError) as error:
        complain(f"features {path} are damaged ({error}); they are computed again")
        remove(path)
        return None
    return found


def _file(name: str, level: int) -> str:
    return f"{name}.{level:02}.npy"


def _sums(level: np.ndarray) -> list[int]:
    """Return a checksum of each block of ``BATCH`` items."""
    starts = range(0, len(level), BATCH)
    return [sum_of(np.ascontiguousarray(level[start : start + BATCH])) for start in starts]


def _write(path: Path, levels: Mapping[str, list[Tensor]]) -> None:
    """Write features for other runs; a disk that has no room for them costs time, not the run."""
    size = sum(level.nbytes for of in levels.values() for level in of)
    path.parent.mkdir(parents=True, exist_ok=True)
    if size > MAX_STORED_BYTES or size > shutil.disk_usage(path.parent).free // 2 or path.exists():
        return
    temporary = temporary_path(path.parent)
    sums: dict[str, list[list[int]]] = {name: [] for name in levels}
    try:
        temporary.mkdir()
        for name, of in levels.items():
            for k, level in enumerate(of):
                array = level.cpu().numpy()
                sums[name].append(_sums(array))
                with (temporary / _file(name, k)).open("wb") as file:
                    np.save(file, array)
                    file.flush()
                    os.fsync(file.fileno())
        write_sealed(SealedFiles(temporary).path(path.name), path.name, json.dumps(sums).encode())
        temporary.rename(path)
    except OSError:
        remove(temporary)
