"""The tensors of a checkpoint that are the backbone's: found by name and shape; what is passed over is told."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from timm.layers import resample_abs_pos_embed
from torch import Tensor, nn

from inkbench.benchmark.errors import plural
from inkbench.benchmark.networks.checkpoint_attention import is_idle, is_part, shaped
from inkbench.benchmark.networks.checkpoint_names import (
    CHOICES,
    COMPUTED,
    DIALECTS,
    HEADS,
    LAYOUTS,
    META,
    NOT_WEIGHTS,
    WRAPPERS,
    Dialect,
)
from inkbench.benchmark.networks.hugging_face_names import HUGGING_FACE

COUNTED = "num_batches_tracked"
"""A buffer that older files lack and nothing here reads."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The tensors of one network in a file under timm's names; ``problem`` says why they don't fill the backbone."""

    prefix: str
    state: Mapping[str, Tensor]
    heads: tuple[str, ...]
    problem: str
    lacking: int
    told: tuple[str, ...] = ()


def read_backbone(flat: Mapping[str, Tensor], model: nn.Module) -> Reading | str:
    """Return the tensors in ``flat`` (dotted names) that fill ``model``, a timm network; a line where none is sure.

    ``flat`` may hold several networks: the one that fits, or of several the one that its authors evaluate by.
    """
    kept = {name: value for name, value in flat.items() if not NOT_WEIGHTS.search(name)}
    bare = {WRAPPERS.sub("", name): value for name, value in kept.items()}
    readings = _readings(bare, model)
    fitting = [reading for reading in readings if not reading.problem] or _by_timm(bare, model)
    if not fitting:
        return min(readings, key=lambda reading: reading.lacking).problem
    chosen, why = _chosen(fitting)
    if chosen is None:
        return (
            f"it contains {len(fitting)} networks that fit ({', '.join(reading.prefix for reading in fitting)}); "
            "save only the one to use"
        )
    wrapped = sorted({found for name in kept for found in WRAPPERS.findall(name)})
    return _with_words(chosen, bare, [*wrapped, *([chosen.prefix] if chosen.prefix else [])], why)


def _readings(flat: Mapping[str, Tensor], model: nn.Module) -> list[Reading]:
    """Return a reading for each place of ``flat`` where a network may begin; the top is always one of them."""
    own = model.state_dict()
    first = next((name for name, value in own.items() if name.endswith(".weight") and value.ndim > 1), next(iter(own)))
    found = [
        _reading(flat, prefix, dialect, model)
        for dialect in (META, *DIALECTS, *HUGGING_FACE)
        for prefix in _prefixes(flat, dialect.anchor or first)
    ]
    return found or [_reading(flat, "", META, model)]


def _prefixes(flat: Iterable[str], anchor: str) -> list[str]:
    """Return the prefixes of ``anchor`` in the names that end with it."""
    return [name.removesuffix(anchor) for name in flat if name == anchor or name.endswith("." + anchor)]


def _reading(flat: Mapping[str, Tensor], prefix: str, dialect: Dialect, model: nn.Module) -> Reading:
    own = model.state_dict()
    within = {name.removeprefix(prefix): value for name, value in flat.items() if name.startswith(prefix)}
    named = {name: name if name in own else _renamed(name, dialect) for name in within}
    state = shaped({named[name]: value for name, value in within.items()}, own)
    told = [] if dialect is META else [f"names of {dialect.name} converted to timm's"]
    told += _fit_positions(state, model)
    heads = tuple(name for name in within if named[name] not in own and _is_head(name, model))
    left = [name for name in within if named[name] not in own and name not in heads and not COMPUTED.search(name)]
    left = [name for name in left if not is_part(named[name], state)]
    extra = [name for name in left if not is_idle(named[name], within[name])]
    if len(left) > len(extra):
        told.append(f"{_count(len(left) - len(extra))} of attention's biases, 0 everywhere, left out")
    missing = [name for name in own if name not in state and not name.endswith(COUNTED)]
    return Reading(
        prefix,
        {name: value for name, value in state.items() if name in own},
        heads,
        _problem(state, own, missing, extra),
        len(missing) + len(extra),
        tuple(told),
    )


def _problem(state: Mapping[str, Tensor], own: Mapping[str, Tensor], missing: list[str], extra: list[str]) -> str:
    if missing or extra:
        what = f"lacks {missing[0]}" if missing else f"has {extra[0]}, which this backbone does not have"
        return f"it {what} ({len(missing)} missing, {len(extra)} unused)"
    for name, value in own.items():
        if name in state and state[name].shape != value.shape:
            return f"{name} is {tuple(state[name].shape)}, not {tuple(value.shape)}"
    return ""


def _renamed(name: str, dialect: Dialect) -> str:
    for pattern, replacement in dialect.renames:
        name = pattern.sub(replacement, name)
    return name


def _is_head(name: str, model: Any) -> bool:
    classifiers = getattr(model, "pretrained_cfg", {}).get("classifier") or ()
    own = [classifiers] if isinstance(classifiers, str) else classifiers
    return bool(HEADS.match(name)) or any(name.startswith(head + ".") for head in own)


def _fit_positions(state: dict[str, Tensor], model: Any) -> list[str]:
    """Resample a position embedding of another grid in place; what was done, in words.

    Where the model gives its class token no position but the file does, that one is added to the token, as timm
    does for DINOv2 with registers.
    """
    own, given = getattr(model, "pos_embed", None), state.get("pos_embed")
    if own is None or given is None or given.ndim != 3 or own.ndim != 3 or given.shape == own.shape:
        return []
    prefix = 0 if getattr(model, "no_embed_class", False) else int(getattr(model, "num_prefix_tokens", 0))
    told = []
    if prefix == 0 and _is_square(given.shape[1] - 1) and not _is_square(given.shape[1]) and "cls_token" in state:
        state["cls_token"], given = state["cls_token"] + given[:, :1], given[:, 1:]
        told.append("the class token's position was added to it")
    count = given.shape[1] - prefix
    if given.shape[2] == own.shape[2] and given.shape[1] != own.shape[1] and _is_square(count):
        grid = model.patch_embed.grid_size
        given = resample_abs_pos_embed(given.float(), list(grid), num_prefix_tokens=prefix)
        was = math.isqrt(count)
        told.append(f"position embeddings resampled from {was} x {was} to {grid[0]} x {grid[1]}")
    state["pos_embed"] = given
    return told


def _is_square(number: int) -> bool:
    return number > 0 and math.isqrt(number) ** 2 == number


def _by_timm(flat: Mapping[str, Tensor], model: nn.Module) -> list[Reading]:
    """Return the reading of timm's own converter of an architecture's first files, where it has one and they fit."""
    convert = getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)
    while len({name.partition(".")[0] for name in flat}) == 1 and all("." in name for name in flat):
        flat = {name.partition(".")[2]: value for name, value in flat.items()}
    if convert is None:
        return []
    try:
        state = convert(dict(flat), model)
    except Exception:  # files of another kind break it in ways of their own
        return []
    changed = [name for name, value in state.items() if name in flat and flat[name].shape != value.shape]
    if any("embed" in name and name != "pos_embed" for name in changed):
        return []
    reading = _reading(state, "", META, model)
    told = ["names converted to timm's by its own converter", *(f"{name} resampled" for name in changed)]
    told += reading.told
    return [] if reading.problem else [Reading("", reading.state, reading.heads, "", 0, tuple(told))]


def _chosen(fitting: list[Reading]) -> tuple[Reading | None, str]:
    """Choose the reading that is meant, and say which others are passed over; none where nothing says."""
    left, words = list(fitting), []
    for choice in CHOICES:
        winners = [reading for reading in left if choice.chosen.search(reading.prefix)]
        losers = [reading for reading in left if reading not in winners and choice.other.search(reading.prefix)]
        if winners and losers:
            words += [f"{reading.prefix} left out ({choice.why})" for reading in losers]
            left = [reading for reading in left if reading not in losers]
    first, *others = left
    same = [reading for reading in others if _equal(reading.state, first.state)]
    return (first if len(same) == len(others) else None), ", ".join(words)


def _equal(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return all(name in other and torch.equal(value, other[name]) for name, value in one.items())


def _with_words(chosen: Reading, flat: Mapping[str, Tensor], taken_off: list[str], why: str) -> Reading:
    """Return ``chosen`` with all that is to be told of it, in one line's parts."""
    code = next((name for name, mark in LAYOUTS if any(mark.search(key) for key in flat)), "")
    words = [f"{' and '.join(taken_off)} removed"] if taken_off else []
    if chosen.heads:
        roots = ", ".join(sorted({name.partition(".")[0] for name in chosen.heads}))
        words.append(f"{_count(len(chosen.heads))} of a head left out ({roots})")
    words += [why] if why else []
    outside = sum(1 for name in flat if not name.startswith(chosen.prefix))
    words += [f"{_count(outside)} outside the backbone left out"] if outside else []
    words += chosen.told
    told = (f"read as {code}: " if code else "") + ", ".join(words)
    return Reading(chosen.prefix, chosen.state, chosen.heads, "", 0, (told,) if words else ())


def _count(number: int) -> str:
    return plural(number, "tensor")
