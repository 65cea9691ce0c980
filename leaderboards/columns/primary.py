"""Columns of the primary metric: the figure, what it is against the control and the best trivial baseline, and n."""

from __future__ import annotations

from collections.abc import Callable

from inkbench.leaderboards.columns.column import PRIMARY, Column, Subject, figure, p_text
from inkbench.leaderboards.groups import CONTROL
from inkbench.leaderboards.significance.item_statistics import Pair
from inkbench.leaderboards.significance.row_statistics import Limits, star
from inkbench.leaderboards.table import Cell


def _primary(subject: Subject) -> Cell:
    value = subject.row.value(subject.primary)
    if value is None:
        return Cell()
    best, interval, p = subject.statistics.best, subject.statistics.interval, subject.statistics.control_p
    extra = {"differs": True} if star(p, subject.limits[0]) else {}
    if interval is None:
        return Cell(figure(value), value, best=best, extra=extra)
    text = f"{figure(value)} [{figure(interval[0])}, {figure(interval[1])}]"
    return Cell(text, value, *interval, best=best, figure=figure(value), extra=extra)


def _difference(subject: Subject) -> Cell:
    pair = subject.statistics.control
    if subject.row is subject.control:
        return Cell("control" if subject.row.control else "reference")
    return Cell() if pair is None else _difference_cell(pair)


def _difference_cell(pair: Pair) -> Cell:
    text = f"{figure(pair.difference, True)} [{figure(pair.low, True)}, {figure(pair.high, True)}]"
    return Cell(text, pair.difference, pair.low, pair.high, extra={"seeds": pair.seeds, "series": pair.series})


def _p(subject: Subject) -> Cell:
    return _p_cell(subject.statistics.control, subject.statistics.control_p, subject.limits[0])


def _over_trivial(subject: Subject) -> Cell:
    pair = subject.statistics.trivial
    if subject.row is subject.best_trivial:
        return Cell("(best)")
    if pair is None:
        return Cell()
    return Cell(figure(pair.difference, True), pair.difference, pair.low, pair.high)


def _p_trivial(subject: Subject) -> Cell:
    return _p_cell(subject.statistics.trivial, subject.statistics.trivial_p, subject.limits[1])


def _p_cell(pair: Pair | None, p: float | None, limit: Limits) -> Cell:
    if pair is None or p is None:
        return Cell()
    extra = {"unadjusted": pair.p, "flips": pair.flips, "exact": pair.exact}
    return Cell(p_text(p) + star(p, limit), p, extra=extra)


def _over(kind: str) -> Callable[[Subject], Cell]:
    """Return the column of the difference to the row that a declared row names for this."""

    def produce(subject: Subject) -> Cell:
        held = subject.statistics.against.get(kind)
        return _difference_cell(held.pair) if held else Cell()

    return produce


def _p_over(kind: str) -> Callable[[Subject], Cell]:
    def produce(subject: Subject) -> Cell:
        held = subject.statistics.against.get(kind)
        return _p_cell(held.pair, held.p, held.limit) if held else Cell()

    return produce


def _counts(subject: Subject) -> Cell:
    items, series, seeds = subject.statistics.items, subject.statistics.series, len(subject.row.done)
    text = f"{items:,}/{'?' if series is None else f'{series:,}'}/{seeds}"
    return Cell(text, text, extra={"items": items, "series": series, "seeds": seeds})


VERDICT_COLUMNS = (
    Column("primary", "", _primary, metric=PRIMARY),
    Column("difference", f"Δ to {CONTROL}", _difference, requires="control", interval=True),
    Column("p", f"p vs\n{CONTROL}", _p, requires="control"),
    Column("over_trivial", "Δ to\ntrivial", _over_trivial, requires="trivial"),
    Column("p_trivial", "p vs\ntrivial", _p_trivial, requires="trivial"),
    Column("over_given", "Δ to\ngiven", _over("given")),
    Column("p_given", "p vs\ngiven", _p_over("given")),
    Column("over_fresh", "Δ to\nrandom start", _over("fresh")),
    Column("p_fresh", "p vs\nrandom start", _p_over("fresh")),
    Column("n", "n: items/\nseries/seeds", _counts),
)
