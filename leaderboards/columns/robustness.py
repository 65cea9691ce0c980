"""Columns of what damage leaves of a score: over all damages, and for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from inkbench.benchmark.data.damage.catalogue import DAMAGES, Damage
from inkbench.benchmark.store.record import Record
from inkbench.leaderboards.columns.column import Column, Subject
from inkbench.leaderboards.groups import Group
from inkbench.leaderboards.table import Cell

OVERALL = "robustness"


def relative(score: float, clean: float, direction: str, chance: float | None = None) -> float | None:
    """Return (score - chance) / (clean - chance), without a known chance score / clean; of ``min`` clean / score.

    1 is unharmed. None where the clean score is not above chance (or 0): nothing is left of nothing. Of ``min`` metrics
    also None where a score is not above 0.
    """
    if direction == "min":
        return clean / score if clean > 0 and score > 0 else None
    base = chance or 0.0
    return (score - base) / (clean - base) if clean > base else None


def relative_scores(record: Record) -> Mapping[str, float | None]:
    """Return the relative primary metric of a run by damage and strength; empty where it has none."""
    if record.robustness is None:
        return {}
    clean, chance = record.metrics[record.primary], record.robustness.chance
    return {
        name: relative(under.figure.value, clean.value, clean.direction, chance)
        for name, under in record.robustness.under.items()
    }


def scores_of(row: Group, damage: str) -> dict[int, float]:
    """Return a row's score by strength of a damage, means over seeds; empty where a seed lacks one."""
    found: dict[int, list[float]] = {}
    for record in row.done:
        for name, under in record.robustness.under.items() if record.robustness else ():
            if (of := Damage.of(name)).name == damage:
                found.setdefault(of.strength, []).append(under.figure.value)
    return {strength: _mean(each) for strength, each in found.items() if len(each) == len(row.done)}


def _relative_cell(damages: Sequence[str]) -> Callable[[Subject], Cell]:
    """Return the mean over seeds, damages and strengths of a row's relative score.

    Of one damage also the scores by strength, ``@1`` to ``@3``, for programs. "no base": the clean score is not above
    chance, or not all seeds were tested.
    """

    def produce(subject: Subject) -> Cell:
        row = subject.row
        told = [
            value
            for record in row.done
            for name, value in relative_scores(record).items()
            if Damage.of(name).name in damages
        ]
        if not told:
            return Cell()
        scores = scores_of(row, damages[0]) if len(damages) == 1 else {}
        extra = {"scores": {f"@{strength}": value for strength, value in scores.items()}} if scores else {}
        known = [value for value in told if value is not None]
        if len(known) < len(told) or not all(record.robustness for record in row.done):
            return Cell("no base", extra=extra)
        return Cell(f"{_mean(known):.2f}", _mean(known), extra=extra)

    return produce


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


ROBUSTNESS_COLUMNS = (
    Column(OVERALL, "robustness\n(of clean)", _relative_cell(tuple(DAMAGES))),
    *(Column(name, f"under\n{name}", _relative_cell((name,))) for name in DAMAGES),
)
"""The relative scores under damage; a row that was not tested under any has none."""
