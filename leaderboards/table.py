"""The model of a finished table: titles, notes, blocks, rows and cells; renderers know nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Self

YES, NO = "✓", "✗"
"""How a setting that is on or off is shown."""
INTERVAL = "[95 % interval]"


class RowKind(StrEnum):
    """The role of a row among the others of its block."""

    COMPARED = ""
    CONTROL = "control"
    TRIVIAL = "trivial"
    BEST_TRIVIAL = "best trivial"
    REFERENCE = "reference"


class NoteKind(StrEnum):
    """The subject of a note, where something depends on it."""

    OTHER = ""
    BEST = "best"
    """The one that a renderer prefixes with its own sign for ``Cell.best``."""
    DATA = "data"
    """What the test images are: simulated, no comics."""
    REPORTED = "reported"
    """Where a paper's figures come from."""
    NO_CONTROL = "no control"
    LEFT_OUT = "left out"
    """Records that are not believed."""


class Note(str):
    """A line under a block or a table, in words for people; ``kind`` is what programs go by."""

    kind: NoteKind
    __slots__ = ("kind",)

    def __new__(cls, text: str, kind: NoteKind = NoteKind.OTHER) -> Self:
        """Create a line of a kind."""
        note = super().__new__(cls, text)
        note.kind = kind
        return note


BEST_NOTE = Note("best in this block, or not significantly different from the best (Holm p >= .05)", NoteKind.BEST)


@dataclass(frozen=True, slots=True)
class About:
    """The facts that a table's figures share: task and protocol, data with the start of their fingerprint, how a series
    was found where that was guessed, preset. Empty where they share none.

    ``called`` is the data's name as a file's name has it.
    """

    task: str = ""
    protocol: str = ""
    data: str = ""
    series: str = ""
    preset: str = ""
    called: str = ""

    def told(self) -> dict[str, str]:
        """Return the facts to tell, by name, in this order."""
        named = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "called"}
        return {name: value for name, value in named.items() if value}

    def shared(self, *others: About) -> About:
        """Return the facts that all of them share."""
        every = [self, *others]
        alike = {one.name: {getattr(about, one.name) for about in every} for one in fields(self)}
        return About(**{name: values.pop() for name, values in alike.items() if len(values) == 1})


@dataclass(frozen=True, slots=True)
class Setup:
    """The setup that a block's rows share: backbone, side in pixels of its input, family of the protocol, settings.

    Without a side it is a name alone: "no backbone", or what a joined table calls its blocks.
    """

    backbone: str
    side: int | None = None
    family: str = ""
    changes: tuple[str, ...] = ()

    @property
    def rest(self) -> str:
        """All but the backbone."""
        return ", ".join([f"{self.side} px", self.family, *self.changes]) if self.side is not None else ""

    def __str__(self) -> str:
        return f"{self.backbone}, {self.rest}" if self.rest else self.backbone


@dataclass(frozen=True, slots=True)
class Cell:
    """One field: ``text`` for people, ``value`` (finite, or words) for programs, an interval where there is one.

    ``best``: best of its block, or not distinguishable from it. ``extra``: what a program may want besides. ``figure``:
    the text without its interval, where there is one.
    """

    text: str = "–"
    value: float | int | str | None = None
    low: float | None = None
    high: float | None = None
    best: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
    figure: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """A column: its key for programs, its label for people; of a metric which way is better (``max``, ``min``).

    ``primary``: whether it is the task's primary metric, which tests and marks are about. ``volatile``: whether its
    cells differ from run to run of the same command (time, memory); a terminal leaves it out, so that the same command
    prints the same. ``interval``: whether its cells show one; ``text`` says so below the label.
    """

    key: str
    label: str
    direction: str = ""
    primary: bool = False
    volatile: bool = False
    interval: bool = False

    @property
    def text(self) -> str:
        """The heading of the column, with line breaks."""
        return f"{self.label}\n{INTERVAL}" if self.interval else self.label


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a cell for every column, and its ``marks``, remarks in words that belong to this row alone.

    ``name`` is that of a row without a backbone (a baseline, a reference, predictions) without its kind; empty for
    all others.
    """

    label: str
    status: str
    cells: Mapping[str, Cell]
    marks: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    records: tuple[str, ...] = ()
    kind: RowKind = RowKind.COMPARED
    name: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that share backbone, input side, protocol and task settings; nothing is compared across blocks."""

    setup: Setup
    rows: tuple[Row, ...]
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A finished table; ``name`` is its file's name, ``subtitle`` says what was measured on what.

    ``about`` holds the same for programs.
    ``head`` stands over the rows' labels.
    """

    name: str
    title: str
    subtitle: str
    columns: tuple[Head, ...]
    blocks: tuple[Block, ...]
    notes: tuple[Note, ...] = ()
    about: About = About()
    head: str = "row"
