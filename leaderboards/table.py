"""What a table is once it has been made: titles, notes, blocks, rows and cells; renderers know nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

YES, NO = "✓", "✗"
"""How a setting that is on or off is shown."""
BEST_NOTE = "best of its block, or not distinguishable from it (p at least .05, Holm)"
"""The note that a renderer prefixes with its own sign for ``Cell.best``."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One field: ``text`` for people, ``value`` (finite, or words) for programs, an interval where there is one.

    ``best``: best of its block, or not distinguishable from it. ``extra``: what a program may want besides.
    """

    text: str = "–"
    value: float | int | str | None = None
    low: float | None = None
    high: float | None = None
    best: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Head:
    """A column: its key for programs, its label for people; of a metric which way is better (``max``, ``min``).

    ``primary``: whether it is the task's primary metric, which tests and marks are about. ``volatile``: whether its
    cells differ from run to run of the same command (time, memory); a terminal leaves it out, so that the same command
    prints the same.
    """

    key: str
    label: str
    direction: str = ""
    primary: bool = False
    volatile: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a cell for every column, and its ``marks``, remarks in words that belong to this row alone.

    ``role``: ``control``, ``trivial``, ``best trivial``, ``reference``, or nothing.
    """

    label: str
    status: str
    cells: Mapping[str, Cell]
    marks: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    records: tuple[str, ...] = ()
    role: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that share backbone, input side, protocol and task settings; nothing is compared across blocks."""

    heading: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A finished table; ``name`` is its file's name, ``subtitle`` says what was measured on what.

    ``about`` holds the same for programs: task, protocol, data and preset, as far as all its figures share them.
    ``head`` stands over the rows' labels.
    """

    name: str
    title: str
    subtitle: str
    columns: tuple[Head, ...]
    blocks: tuple[Block, ...]
    notes: tuple[str, ...] = ()
    about: Mapping[str, str] = field(default_factory=dict)
    head: str = "row"
