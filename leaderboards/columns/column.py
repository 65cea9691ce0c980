"""A column: a key, a label, and the function from a row's records to its cell; and the format of figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inkbench.leaderboards.groups import Group
from inkbench.leaderboards.significance.row_statistics import Limits, RowStatistics
from inkbench.leaderboards.table import Cell

PRIMARY = "primary"
"""Stands for the task's primary metric, whatever it is."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The data from which a column makes the cell of one row."""

    row: Group
    statistics: RowStatistics
    primary: str
    limits: tuple[Limits, Limits]
    control: Group | None
    best_trivial: Group | None
    audits: Sequence[Mapping[str, Any]] = ()
    """What ``audit`` found of the row's pretrainings, where it was run (results/audit/KEY/audit.json)."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: ``produce`` makes its cell for a row that is done; ``requires`` names the row it compares with.

    ``metric`` is the metric that it shows, if any: its heading says which way is better. ``volatile``: whether its
    cells differ from run to run of the same command.
    """

    key: str
    label: str
    produce: Callable[[Subject], Cell]
    requires: str = ""
    metric: str = ""
    direction: str = ""
    volatile: bool = False
    interval: bool = False

    @property
    def primary(self) -> bool:
        """True if it shows the task's primary metric."""
        return self.metric == PRIMARY


def figure(value: float, signed: bool = False) -> str:
    """Format a figure for people: three decimals, fewer where it is large."""
    places = 3 if abs(value) < 10 else 2 if abs(value) < 100 else 1
    return f"{value:{'+' if signed else ''}.{places}f}"


def p_text(p: float) -> str:
    """Format a p-value for people."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def duration(seconds: float) -> str:
    """Format a time for people, with two or three figures."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"
