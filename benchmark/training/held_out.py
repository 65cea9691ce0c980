"""Evaluation of the pretext task on held-out images, beside its trivial predictor; and its pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from inkbench.benchmark.data.cached import Cached
from inkbench.benchmark.errors import RunError
from inkbench.benchmark.training import engine
from inkbench.benchmark.training.batches import at, labels_of
from inkbench.benchmark.training.learner import Learner

PICTURED = 6
TRIVIAL = "trivial:"


@torch.no_grad()
def solved(
    learner: Learner, nets: Mapping[str, nn.Module], held_out: Mapping[str, Cached]
) -> tuple[dict[str, dict[str, Any]], dict[str, np.ndarray]]:
    """The pretext figures on panels of the validation series, against the trivial predictor; and its pictures."""
    device, method, settings = learner.device, learner.method, learner.settings
    for net in nets.values():
        net.eval()
    count = len(next(iter(held_out.values())).items)
    chosen = np.linspace(0, count - 1, min(settings.held_out, count)).astype(np.int64)
    labels = labels_of(method, held_out)
    figures: dict[str, list[np.ndarray]] = {}
    pictures: dict[str, np.ndarray] = {}
    for k, part in enumerate(np.array_split(chosen, max(1, -(-len(chosen) // settings.batch)))):
        batch = at(device, held_out, labels, part)
        with device.autocast(learner.backbone):
            context = engine.context(device, learner.seed, "held out", k, 1)
            for name, values in method.pretext(nets, batch, context).items():
                array = np.asarray(values, dtype=np.float64)
                if array.shape != (len(part),) or not np.isfinite(array).all():
                    raise RunError(f"pretext of {method.name}: '{name}' must be one finite figure for each image")
                figures.setdefault(name, []).append(array)
            if k == 0:
                few = {name: tensor[:PICTURED] for name, tensor in batch.items()}
                pictures = method.pictures(nets, few, engine.context(device, learner.seed, "held out", k, 1))
    return _against_trivial(figures, method.trivial()), pictures


def _against_trivial(figures: Mapping[str, list[np.ndarray]], chance: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """Return each pretext figure with its trivial predictor's, and whether it exceeds it by over 1.96 standard errors.

    A trivial predictor that was measured on the same images (``trivial:NAME``) is compared image by image.
    """
    pretext = {}
    for name, parts in figures.items():
        if name.startswith(TRIVIAL):
            continue
        values = np.concatenate(parts)
        measured = figures.get(TRIVIAL + name)
        trivial = np.concatenate(measured) if measured else np.array(chance.get(name, np.nan))
        above = values - trivial
        error = float(above.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("inf")
        known = bool(np.isfinite(trivial).all())
        pretext[name] = {
            "value": float(values.mean()),
            "trivial": float(trivial.mean()) if known else None,
            "n": len(values),
            "learnt": bool(above.mean() - 1.96 * error > 0) if known else None,
        }
    return pretext
