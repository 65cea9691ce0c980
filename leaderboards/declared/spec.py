"""Declared tables: which rows and columns, what the paper printed, and what is to be run for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from inkbench.benchmark import registry
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.given import catalogue
from inkbench.leaderboards.columns.usual import COLUMNS
from inkbench.leaderboards.groups import plain

FLAGS = ("method", "preset", "backbone", "init", "budget")
"""Settings of a row that are flags of the command line, not NAME.FIELD."""


@dataclass(frozen=True, slots=True)
class RowSpec:
    """A declared row: a label, all its settings (the table's included), and the paper's figures by column.

    A row without settings is only reported: no method here stands for it. ``against`` names rows of the table that it
    is held against: the ``given`` weights that it started from, the ``fresh`` pretraining from random.
    """

    label: str
    settings: Mapping[str, Any]
    reported: Mapping[str, float | int | str] = field(default_factory=dict)
    against: Mapping[str, str] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """The method's name; empty where the row is only reported."""
        return str(self.settings.get("method", ""))


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """A declared column: its key (an entry of ``columns.COLUMNS``, a metric or a setting), labels of ours and theirs.

    ``task``, ``protocol`` and ``data`` where they are others than the table's; ``setting`` says that the key is one.
    ``id`` tells the column from the others.
    """

    key: str
    label: str
    reported: str = ""
    task: str = ""
    protocol: str = ""
    data: str = ""
    setting: bool = False

    @property
    def id(self) -> str:
        """The key, with what is the column's own."""
        return " ".join(part for part in (self.task, self.protocol, self.data, self.key) if part)


@dataclass(frozen=True, slots=True)
class TableFile:
    """A declared table; ``head`` stands over the rows' labels.

    ``task`` is empty where every metric's column names its own; ``data`` is set in parts alone (``parts``). ``notes``
    stand under the table: what its columns and rows measure where the paper measures something else.
    ``across``: whether its rows are all that were run, whatever their backbone, under every protocol where it names
    none; ``reference`` is the label of the one that they are held against, the usual one where it is empty. ``given``
    is the word for given weights in its rows, which ``--init`` replaces.
    """

    name: str
    title: str
    task: str
    protocol: str
    source: str
    rows: tuple[RowSpec, ...]
    columns: tuple[ColumnSpec, ...]
    data: str = ""
    head: str = "row"
    notes: tuple[str, ...] = ()
    across: bool = False
    reference: str = ""
    given: str = ""

    def parts(self) -> list[TableFile]:
        """Split the table into tables of one task, protocol and dataset each, with the columns that concern it."""
        of = [(column.task or self.task, column.protocol or self.protocol, column.data) for column in self.columns]
        own = [place for place, column in enumerate(self.columns) if column.task or column.protocol or column.data]
        if not own:
            return [self]
        shared = [place for place in range(len(self.columns)) if place not in own]
        kinds = list(dict.fromkeys(of[place] for place in own))
        return [
            replace(
                self,
                task=task,
                protocol=protocol,
                data=data,
                columns=tuple(
                    self.columns[place]
                    for place in range(len(self.columns))
                    if place in shared or of[place] == (task, protocol, data)
                ),
            )
            for task, protocol, data in kinds
        ]


def expand(table: TableFile) -> list[dict[str, Any]]:
    """Expand the whole table to runs: fields of a Request for each distinct row, over those of the command line."""
    requests: list[dict[str, Any]] = []
    for row in table.rows:
        for part in table.parts() if row.method else ():
            request: dict[str, Any] = {
                "methods": (row.method,),
                "tasks": (part.task,),
                "protocols": (part.protocol,),
                "sets": tuple((key, plain(value)) for key, value in row.settings.items() if _concerns(key, row.method)),
            }
            request |= {key: row.settings[key] for key in FLAGS[1:] if key in row.settings}
            request |= {"data": part.data} if part.data else {}
            request |= {"backbone": table.given} if _is_catalogued(table.given) and "backbone" not in request else {}
            if request not in requests:
                requests.append(request)
    return requests


def with_settings(table: TableFile, sets: Sequence[tuple[str, str]]) -> TableFile:
    """Return the table with what ``--set`` lays over the settings of every row that it concerns."""
    rows = tuple(
        replace(row, settings={**row.settings, **{key: text for key, text in sets if _concerns(key, row.method)}})
        if row.method
        else row
        for row in table.rows
    )
    return replace(table, rows=rows)


def _is_catalogued(word: str) -> bool:
    """Return whether a word names weights whose network is known, so that it names the network too."""
    return bool(word) and ":" not in word and catalogue.is_row(word)


def with_given(table: TableFile, word: str) -> TableFile:
    """Return the table about other given weights: a name of ``list weights``, ``timm:TAG``, ..., or a file's path.

    Raises UsageError where it is about none.
    """
    if not table.given:
        raise UsageError(f"--init: the rows of table '{table.name}' start from what they say")
    word = word if word == table.given or catalogue.is_row(word) else f"weights:{word}"
    name = catalogue.name_of(word)

    def about(row: RowSpec) -> RowSpec:
        settings = {key: word if value == table.given else value for key, value in row.settings.items()}
        label, against = (
            row.label.replace(table.given, name),
            {kind: other.replace(table.given, name) for kind, other in row.against.items()},
        )
        return replace(row, label=label, settings=settings, against=against)

    return replace(table, given=word, rows=tuple(map(about, table.rows)))


def with_task(table: TableFile, task: str) -> TableFile:
    """Return the table of another task. Raises UsageError where its columns are of a task."""
    registry.find("tasks", task)
    own = [column.key for column in table.columns if column.task or column.key not in COLUMNS]
    if own:
        raise UsageError(f"--task: column '{own[0]}' of table '{table.name}' belongs to its own task")
    return replace(table, task=task, protocol=_alike(table, task))


def _alike(table: TableFile, task: str) -> str:
    """Return the first protocol of another task that trains what the table's own does; the table's where it has any."""
    if not table.protocol or table.task == task:
        return table.protocol
    kinds: list[Any] = [registry.load("tasks", name) for name in (table.task, task)]
    own, other = kinds[0].protocols, kinds[1].protocols
    family = next(of for name, of in own.items() if table.protocol in (name, name.partition("@")[0]))
    return str(next(name.partition("@")[0] for name, of in other.items() if of == family))


def with_reference(table: TableFile, label: str) -> TableFile:
    """Return the table with another reference row. Raises UsageError where its rows are declared."""
    if not table.across:
        raise UsageError(f"--reference chooses a row of a table across backbones, like 'models'; not of '{table.name}'")
    return replace(table, reference=label)


def with_protocol(table: TableFile, protocol: str) -> TableFile:
    """Return the table under another protocol. Raises UsageError where its columns name theirs."""
    if any(column.protocol for column in table.columns):
        raise UsageError(f"the columns of table '{table.name}' have protocols of their own; leave out --protocol")
    return replace(table, protocol=protocol)


def _concerns(key: str, method: str) -> bool:
    """Return whether a setting of the whole table concerns a row of this method."""
    owner = key.partition(".")[0]
    return key not in FLAGS and (owner == method or owner not in registry.names("methods"))
