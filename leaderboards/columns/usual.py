"""The columns that a table can have: one entry each, which says how a row's records become a cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inkbench.leaderboards.columns.column import Column, Subject, figure
from inkbench.leaderboards.columns.cost import COST_COLUMNS
from inkbench.leaderboards.columns.origin import BACKBONE_COLUMNS, ORIGIN_COLUMNS
from inkbench.leaderboards.columns.primary import VERDICT_COLUMNS
from inkbench.leaderboards.columns.robustness import ROBUSTNESS_COLUMNS
from inkbench.leaderboards.groups import Group, plain
from inkbench.leaderboards.table import NO, YES, Cell


def metric_column(name: str, label: str = "") -> Column:
    """Return the column of a metric: its mean over seeds."""

    def produce(subject: Subject) -> Cell:
        value = subject.row.value(name)
        return Cell() if value is None else Cell(figure(value), value)

    return Column(name, label or name, produce, metric=name)


def setting_column(key: str, label: str = "") -> Column:
    """Return the column of a setting NAME.FIELD of method, task, pretrain, backbone or data; a check mark for on."""
    owner, _, name = key.partition(".")

    def produce(subject: Subject) -> Cell:
        record = subject.row.any
        value = record.rooms().get(owner, {}).get(name)
        if value is None:
            return Cell()
        if isinstance(value, bool):
            return Cell(YES if value else NO, value)
        return Cell(plain(value), value if isinstance(value, int | float | str) else plain(value))

    return Column(key, label or name.replace("_", " "), produce)


def pretext(row: Group) -> dict[str, Any] | None:
    """Return the first figure of the pretext task, mean over seeds: name, value, trivial, learnt; None without one."""
    told = [record.pretext for record in row.done if record.pretext]
    if not told or len(told) < len(row.done):
        return None
    name = next(iter(told[0]))
    solved = [seed[name] for seed in told]
    trivial = solved[0].trivial
    return {
        "name": name,
        "value": sum(one.value for one in solved) / len(solved),
        "trivial": trivial,
        "learnt": None if trivial is None else all(one.learnt for one in solved),
    }


def _pretext(subject: Subject) -> Cell:
    found = pretext(subject.row)
    if found is None:
        return Cell()
    text = f"{found['name']} {figure(found['value'])}"
    if found["learnt"] is False:
        text += ", not learned"
    elif found["trivial"] is not None:
        text += f" > {figure(found['trivial'])}"
    return Cell(text, found["value"], extra={name: found[name] for name in ("name", "trivial", "learnt")})


def _fact(key: str, places: int) -> Callable[[Subject], Cell]:
    """Return a figure of the method's settings that is known without training."""

    def produce(subject: Subject) -> Cell:
        value = subject.row.any.facts.get(key)
        return Cell() if value is None else Cell(f"{value:.{places}f}", value)

    return produce


def _shortcut(subject: Subject) -> Cell:
    """Return the share of the input gradient on tile borders, beside the same network's at initialisation."""
    if not subject.audits:
        return Cell()
    shares = [
        sum(audit["gradients"][name]["right"]["value"] for audit in subject.audits) / len(subject.audits)
        for name in ("trained", "at initialisation")
    ]
    return Cell(f"{shares[0]:.2f} ({shares[1]:.2f})", shares[0], extra={"at initialisation": shares[1]})


def _leaks(subject: Subject) -> Cell:
    """Count the suspect test items of what a row's seeds were pretrained on: the most of any seed."""
    told = [record.leaks for record in subject.row.done if record.leaks]
    if not told:
        return Cell()
    worst = max(told, key=lambda leaks: leaks.suspect)
    left = worst.without.get(subject.primary)
    text = f"{worst.suspect:,} ({worst.share:.1%})" if worst.suspect else "0"
    return Cell(text, worst.suspect, extra={"share": worst.share, "without": left})


def _supervision(subject: Subject) -> Cell:
    text = subject.row.any.supervision
    return Cell(text, text)


COLUMNS: dict[str, Column] = {
    column.key: column
    for column in (
        *VERDICT_COLUMNS,
        Column("pretext", "pretext\n(held out)", _pretext),
        *ROBUSTNESS_COLUMNS,
        *COST_COLUMNS,
        Column("leaks", "suspect\n(leaks)", _leaks),
        Column("shortcut", "gradient on tile borders\n(at initialisation)", _shortcut),
        Column("supervision", "supervision", _supervision),
        *ORIGIN_COLUMNS,
        *BACKBONE_COLUMNS,
        Column("hamming_mean", "average\nHamming distance", _fact("hamming_mean", 2)),
        Column("hamming_min", "minimum\nHamming distance", _fact("hamming_min", 0)),
    )
}
"""A new column is one entry here; a metric's name is a column too, and so is a setting's, NAME.FIELD."""
BEFORE_METRICS = ("primary", "difference", "p", "over_trivial", "p_trivial", "n")
AFTER_METRICS = (
    *(column.key for column in ROBUSTNESS_COLUMNS),
    *("pretext", "supervision", "data", "seen", "licence", "images", "share", "trials", "parameters", "gflop", "speed"),
    *("device", "memory", "shortcut", "leaks"),
)
