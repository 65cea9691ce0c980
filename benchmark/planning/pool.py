"""A pool: data that is only pretrained on; what of it decides which items a pretraining reads."""

from __future__ import annotations

from typing import Any

from inkbench.benchmark.contracts.dataset import SPLITS, Dataset, Kind
from inkbench.benchmark.data.leaks.compare import THRESHOLD, alike
from inkbench.benchmark.data.leaks.hashes import hash_name
from inkbench.benchmark.errors import UsageError

VERSION = 1
HELD_OUT_SHARE = 0.1
"""The largest share of a pool's images that is kept for the pretext figure; never more than are asked for."""


def is_pool(data: Dataset, pretrain_data: Dataset) -> bool:
    """Return whether a dataset is only pretrained on: other data than the task's, not the same under another name."""
    if pretrain_data is data:
        return False
    same_place = pretrain_data.root.resolve() == data.root.resolve() and pretrain_data.reader == data.reader
    return not same_place and pretrain_data.fingerprint() != data.fingerprint()


def identity(data: Dataset, pretrain_data: Dataset, exclude_suspects: bool) -> dict[str, Any]:
    """Return the pool's part of a pretraining's key; nothing where the task's own training series are read."""
    told: dict[str, Any] = {}
    if is_pool(data, pretrain_data):
        told["pool"] = {"version": VERSION, "held_out": HELD_OUT_SHARE}
        if alike(data, pretrain_data) or nested(data, pretrain_data):
            told["pool"]["apart_from"] = [data.reader, data.version, data.fingerprint()]
    if exclude_suspects:
        against = [data.reader, data.version, data.fingerprint()]
        told["without_suspects"] = {"against": against, "hash": hash_name(), "threshold": THRESHOLD}
    return told


def require(data: Dataset, kind: Kind) -> None:
    """Raise UsageError where a pool has too few items to read some and to hold some out."""
    if not data.drawn and sum(len(data.items(kind, split)) for split in SPLITS) < 2:
        raise UsageError(f"{data.root} ({data.reader}) has fewer than two {kind}; give a larger folder to pretrain on")


def nested(data: Dataset, pool: Dataset) -> bool:
    """Return whether the folder of one dataset lies in that of the other."""
    one, other = data.root.resolve(), pool.root.resolve()
    return one.is_relative_to(other) or other.is_relative_to(one)
