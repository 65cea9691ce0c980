"""Factors and values as functions of the share of the budget that is spent."""

from __future__ import annotations

import math


def warmup_cosine(progress: float, warmup: float = 0.05) -> float:
    """Return a linear rise over the first ``warmup``, then half a cosine to 0 (Loshchilov & Hutter 2017)."""
    if progress < warmup:
        return (progress + 1e-3) / (warmup + 1e-3)
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))


def half_cosine(progress: float, first: float, last: float) -> float:
    """Return the value from ``first`` to ``last`` by half a cosine over the whole budget."""
    return last + (first - last) * 0.5 * (1 + math.cos(math.pi * progress))
