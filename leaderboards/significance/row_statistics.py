"""The claims of a table: each row against its block's control and best trivial baseline, and who is best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from inkbench.benchmark.scoring.statistics import ALPHA, few_series, holm, not_distinguishable
from inkbench.leaderboards.groups import Group
from inkbench.leaderboards.significance.item_statistics import ItemStatistics, Pair


@dataclass(slots=True)
class Limits:
    """The limits of a column's tests, which may allow no mark: how many there are, over how few series."""

    tests: int = 0
    series: int = 0

    @property
    def few(self) -> bool:
        """True if no mark is possible."""
        return self.tests > 0 and few_series(self.tests, self.series)

    def add(self, pair: Pair) -> None:
        """Count a test."""
        self.series = min(self.series, pair.series) if self.tests else pair.series
        self.tests += 1


@dataclass(frozen=True, slots=True)
class Held:
    """A row held against another one that its table names: the pair, p adjusted over the column, its limits."""

    pair: Pair
    p: float
    limit: Limits


@dataclass(slots=True)
class RowStatistics:
    """The statistics of one row; p-values are Holm-adjusted over their column of the whole table."""

    items: int = 0
    series: int | None = None
    interval: tuple[float, float] | None = None
    control: Pair | None = None
    control_p: float | None = None
    trivial: Pair | None = None
    trivial_p: float | None = None
    best: bool = False
    against: dict[str, Held] = field(default_factory=dict)
    """By the word of the declared row's ``against``."""


@dataclass(slots=True)
class BlockStatistics:
    """A block's rows with their statistics, in order, and what holds for the block."""

    rows: list[Group]
    statistics: list[RowStatistics]
    control: Group | None = None
    best_trivial: Group | None = None
    informative: bool = True
    notes: list[str] = field(default_factory=list)


def control_of(rows: Sequence[Group]) -> Group | None:
    """Return the control row of a block's finished rows."""
    return next((row for row in rows if row.control), None)


def compute(
    blocks: Sequence[list[Group]],
    item_statistics: ItemStatistics,
    metric: str,
    direction: str,
    control: Callable[[Sequence[Group]], Group | None] = control_of,
) -> list[BlockStatistics]:
    """Compute statistics for every row of every block; Holm covers the primary metric's column over all blocks.

    ``control`` gives the row of a block's finished rows that the others are held against.
    """
    block_statistics = [_block_statistics(rows, item_statistics, metric, direction, control) for rows in blocks]
    of_rows = [row for block in block_statistics for row in block.statistics]
    tested = [row for row in of_rows if row.control]
    for row, p in zip(tested, holm([row.control.p for row in tested if row.control]), strict=True):
        row.control_p = float(p)
    tested = [row for row in of_rows if row.trivial]
    for row, p in zip(tested, holm([row.trivial.p for row in tested if row.trivial]), strict=True):
        row.trivial_p = float(p)
    return block_statistics


def limits(block_statistics: Sequence[BlockStatistics]) -> tuple[Limits, Limits]:
    """Return the limits of the tests against the control and against the trivial baseline, over the whole table."""
    control, trivial = Limits(), Limits()
    for block in block_statistics:
        for row in block.statistics:
            if row.control:
                control.add(row.control)
            if row.trivial:
                trivial.add(row.trivial)
    return control, trivial


def _block_statistics(
    rows: list[Group],
    item_statistics: ItemStatistics,
    metric: str,
    direction: str,
    control: Callable[[Sequence[Group]], Group | None],
) -> BlockStatistics:
    sign = 1.0 if direction == "max" else -1.0
    values = [row.value(metric) for row in rows]
    merits = [None if value is None else sign * value for value in values]
    block = BlockStatistics(rows, [RowStatistics() for _ in rows])
    done = [place for place, merit in enumerate(merits) if merit is not None]
    block.control = control([rows[place] for place in done])
    trivial = max((place for place in done if rows[place].trivial), key=lambda p: merits[p] or 0.0, default=None)
    block.best_trivial = rows[trivial] if trivial is not None else None
    learned = [merits[place] for place in done if not rows[place].trivial and not rows[place].reference]
    if trivial is not None and learned:
        block.informative = max(merit for merit in learned if merit is not None) > (merits[trivial] or 0.0)
    for place in done:
        row, statistics = rows[place], block.statistics[place]
        facts = item_statistics.facts(row.done[0])
        statistics.items = facts.items if facts else row.done[0].metrics[metric].n
        statistics.series = facts.series if facts else None
        statistics.interval = item_statistics.interval(row)
        if row.trivial:
            continue
        if block.control is not None and row is not block.control:
            statistics.control = item_statistics.pair(row, block.control)
        if block.best_trivial is not None:
            statistics.trivial = item_statistics.pair(row, block.best_trivial)
    _mark_best(block, [(place, merits[place] or 0.0) for place in done], item_statistics)
    return block


def _mark_best(block: BlockStatistics, merits: Sequence[tuple[int, float]], item_statistics: ItemStatistics) -> None:
    """Mark the best and all not distinguishable from it; nothing where a block has too few series to tell any apart."""
    if len(merits) < 2:
        return
    best = max(merits, key=lambda pair: pair[1])[0]
    limit = Limits()
    others, p = [], []
    for place, _ in merits:
        pair = None if place == best else item_statistics.pair(block.rows[place], block.rows[best])
        if pair is not None:
            limit.add(pair)
            others.append(place)
            p.append(pair.p)
    if limit.few:
        block.notes.append("few series: no difference from the best can be significant, so no row is marked best")
        return
    block.statistics[best].best = True
    for place, same in zip(others, not_distinguishable(p), strict=True):
        block.statistics[place].best = bool(same)


def star(p: float | None, limit: Limits) -> str:
    """Return ``*`` for an adjusted p below .05 where a mark is possible."""
    return "*" if p is not None and p < ALPHA and not limit.few else ""
