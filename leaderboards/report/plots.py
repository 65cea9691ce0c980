"""The plots of a report: cost against score, pretext against transfer, curves, and a table's intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from inkbench.benchmark.data.damage.catalogue import Damage
from inkbench.benchmark.store.record import Record
from inkbench.leaderboards.report import svg
from inkbench.leaderboards.report.gather import Shown, first_value
from inkbench.leaderboards.table import Block, Cell, Row, RowKind

NAMED = 10
"""Dots up to which each has its name beside it; with more, tooltips alone tell them apart."""
Place = Callable[[str], str]


def of_table(shown: Shown, records: Mapping[str, Record], href: Place) -> list[Markup]:
    """Plot a table: score against cost, and against how well the pretext task was learnt.

    The pretext figures of different methods have nothing in common but chance and perfection, so across methods it is
    the share of the way between; a figure itself is the axis only among the rows of one method.
    """
    rows = [row for block in shown.table.blocks for row in block.rows if _plotted(row, records)]
    score = shown.table.columns[0].label
    seconds = [(row, _device_seconds(row, records)) for row in rows]
    images = [(row, _images(row, records) or None) for row in rows]
    skills = [(row, _skill(row)) for row in rows]
    plots = [
        _against("Score against device time", "device seconds, all phases", score, seconds, records, href),
        _against("Score against images seen", "source images of the pretraining", score, images, records, href),
        _against(
            "Transfer against the pretext task", "pretext: from chance (0) to perfect (1)", score, skills, records, href
        ),
    ]
    for method in dict.fromkeys(records[row.records[0]].method for row in rows):
        own = [row for row in rows if records[row.records[0]].method == method]
        for name in dict.fromkeys(name for row in own for name in _pretext(row, records)):
            told = [(row, _pretext(row, records).get(name)) for row in own]
            plots.append(_against(f"Transfer against the pretext task of {method}", name, score, told, records, href))
    return [plot for plot in plots if plot]


def _skill(row: Row) -> float | None:
    """Return a pretext figure's share of the way from its trivial predictor's to 1; None without such ends."""
    cell = row.cells.get("pretext", Cell())
    value, trivial = cell.value, cell.extra.get("trivial")
    if not isinstance(value, int | float) or not isinstance(trivial, int | float) or not (0 <= trivial < 1 >= value):
        return None
    return (value - trivial) / (1 - trivial)


def _against(
    title: str,
    x_label: str,
    score: str,
    rows: Sequence[tuple[Row, float | None]],
    records: Mapping[str, Record],
    href: Place,
) -> Markup:
    """Plot a scatter of rows; none where fewer than two have a figure, or all have the same."""
    kept = [(row, x) for row, x in rows if x is not None]
    if len({x for _, x in kept}) < 2:
        return Markup("")
    colours = {name: k for k, name in enumerate(dict.fromkeys(records[row.records[0]].method for row, _ in kept))}
    points = []
    for row, x in kept:
        cell = next(iter(row.cells.values()))
        value = first_value(row)
        assert value is not None
        points.append(
            svg.Point(
                x,
                value,
                f"{row.label}: {score} {cell.text}, {x_label} {svg.number(x)}",
                colours[records[row.records[0]].method],
                row.label if len(kept) <= NAMED else "",
                href(row.records[0]),
                cell.low,
                cell.high,
            )
        )
    values = [x for _, x in kept]
    return svg.scatter(title, x_label, score, points, log_x=min(values) > 0 and max(values) / min(values) > 30)


def _plotted(row: Row, records: Mapping[str, Record]) -> bool:
    """Return whether a row is done and has a backbone: for others cost says nothing."""
    return first_value(row) is not None and bool(row.records) and records[row.records[0]].backbone is not None


def _device_seconds(row: Row, records: Mapping[str, Record]) -> float | None:
    sums = [
        sum(phase.device_s for phase in records[run].phases.values())
        for run in row.records
        if records[run].status == "done"
    ]
    return sum(sums) / len(sums) if sums else None


def _images(row: Row, records: Mapping[str, Record]) -> float | None:
    """Return source images seen, mean over seeds; None for weights from outside the budget."""
    own = [records[run] for run in row.records if not records[run].given]
    known = [record.images_seen for record in own if record.images_seen is not None]
    return sum(known) / len(known) if known else None


def _pretext(row: Row, records: Mapping[str, Record]) -> dict[str, float]:
    """Return the pretext figures of a row, means over the seeds that have them."""
    found: dict[str, list[float]] = {}
    for run in row.records:
        for name, figure in (records[run].pretext or {}).items():
            found.setdefault(name, []).append(figure.value)
    return {name: sum(values) / len(values) for name, values in found.items()}


def forests(block: Block) -> list[Markup]:
    """Plot the figure and interval of each row of a block, all on one scale, with a line where ``random`` lies."""
    cells = [next(iter(row.cells.values()), Cell()) for row in block.rows]
    values = [first_value(row) for row in block.rows]
    reach = [value for value in values if value is not None]
    reach += [end for cell in cells for end in (cell.low, cell.high) if end is not None]
    if not reach or min(reach) == max(reach):
        return [Markup("")] * len(cells)
    control = [
        value
        for row, value in zip(block.rows, values, strict=True)
        if row.kind is RowKind.CONTROL and value is not None
    ]
    bounds = (min(reach), max(reach))
    return [
        Markup("") if value is None else svg.forest(value, cell.low, cell.high, bounds, control, cell.best)
        for cell, value in zip(cells, values, strict=True)
    ]


def robustness(record: Record) -> Markup:
    """Plot the primary metric by strength for each damage, from the clean score (0) on."""
    if record.robustness is None:
        return Markup("")
    clean = record.metrics[record.primary].value
    drawn: dict[str, list[tuple[float, float]]] = {}
    for name, under in record.robustness.under.items():
        damage = Damage.of(name)
        drawn.setdefault(damage.name, [(0.0, clean)]).append((float(damage.strength), under.figure.value))
    lines = [svg.Line(name, points) for name, points in drawn.items()]
    return svg.lines("Score under damage", "strength (0: clean)", record.primary, lines)


def curve(title: str, named: Mapping[str, Any]) -> Markup:
    """Plot loss curves, name -> pairs of (step, value); entries that are no curve are passed over."""
    drawn = []
    for name, pairs in named.items():
        if isinstance(pairs, Sequence) and all(isinstance(p, Sequence) and len(p) == 2 for p in pairs):
            numbers = [(a, b) for a, b in pairs if isinstance(a, int | float) and isinstance(b, int | float)]
            drawn.append(svg.Line(name, numbers))
    return svg.lines(title, "step", "loss", drawn)
