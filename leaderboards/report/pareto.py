"""Score against what a backbone costs, with the rows that no other beats in both joined by a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from markupsafe import Markup

from inkbench.benchmark.store.record import Record
from inkbench.leaderboards.report import svg
from inkbench.leaderboards.report.gather import first_value
from inkbench.leaderboards.table import Row, Table

COSTS = (("gflop", "GFLOP an image"), ("parameters", "parameters"), ("speed", "images/s on this machine"))


def front(points: Sequence[tuple[float, float]], dear: bool = True, upwards: bool = True) -> list[tuple[float, float]]:
    """Return the points (cost, score) that no other beats in one and reaches in the other, by cost.

    ``dear``: whether a larger cost is worse (not so for speed); ``upwards``: whether a larger score is better.
    """
    sign, up = (1 if dear else -1), (1 if upwards else -1)
    found: list[tuple[float, float]] = []
    for cost, score in sorted(set(points), key=lambda point: (sign * point[0], -up * point[1])):
        if not found or up * score > up * found[-1][1]:
            found.append((cost, score))
    return sorted(found)


def of_table(table: Table, records: Mapping[str, Record], href: Callable[[str], str]) -> list[Markup]:
    """Plot the score of every row with a backbone against operations, parameters and speed; none of fewer than two."""
    score = table.columns[0]
    rows = [row for block in table.blocks for row in block.rows if not row.name and first_value(row) is not None]
    plots = [_against(rows, key, label, (score.label, score.direction != "min"), records, href) for key, label in COSTS]
    return [plot for plot in plots if plot]


def _against(
    rows: Sequence[Row],
    key: str,
    label: str,
    score: tuple[str, bool],
    records: Mapping[str, Record],
    href: Callable[[str], str],
) -> Markup:
    kept = [(row, cost, value) for row in rows if (cost := _cost(row, key)) and (value := first_value(row)) is not None]
    if len({cost for _, cost, _ in kept}) < 2:
        return Markup("")
    colours = {word: k for k, word in enumerate(dict.fromkeys(_supervision(row, records) for row, _, _ in kept))}
    points = [
        svg.Point(
            cost,
            value,
            f"{row.label}: {score[0]} {row.cells['primary'].text}, {label} {svg.number(cost)}, "
            f"supervision {_supervision(row, records)}",
            colours[_supervision(row, records)],
            row.label,
            href(row.records[0]),
        )
        for row, cost, value in kept
    ]
    best = front([(cost, value) for _, cost, value in kept], key != "speed", score[1])
    costs = [cost for _, cost, _ in kept]
    return svg.scatter(
        f"Score against {label}", label, score[0], points, max(costs) / min(costs) > 8, svg.Line("Pareto front", best)
    )


def _cost(row: Row, key: str) -> float | None:
    value = row.cells[key].value if key in row.cells else None
    return float(value) if isinstance(value, int | float) and value > 0 else None


def _supervision(row: Row, records: Mapping[str, Record]) -> str:
    return records[row.records[0]].supervision if row.records and row.records[0] in records else ""
