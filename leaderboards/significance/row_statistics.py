"""The claims of a table: each row against its block's control and best trivial baseline, and who is best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from inkbench.benchmark.scoring.statistics import ALPHA, few_series, holm, not_distinguishable
from inkbench.leaderboards.groups import Group
from inkbench.leaderboards.significance.item_statistics import Evidence, Pair


@dataclass(slots=True)
class Verdict:
    """The statistics of one row; p-values are Holm-adjusted over their column of the whole table."""

    items: int = 0
    series: int | None = None
    interval: tuple[float, float] | None = None
    control: Pair | None = None
    control_p: float | None = None
    trivial: Pair | None = None
    trivial_p: float | None = None
    best: bool = False


@dataclass(slots=True)
class Judged:
    """A block's rows with their verdicts, in order, and what holds for the block."""

    rows: list[Group]
    verdicts: list[Verdict]
    control: Group | None = None
    best_trivial: Group | None = None
    informative: bool = True
    notes: list[str] = field(default_factory=list)


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


def judge(blocks: Sequence[list[Group]], evidence: Evidence, metric: str, direction: str) -> list[Judged]:
    """Compute verdicts for every row of every block; Holm covers the primary metric's column over all blocks."""
    judged = [_judge_block(rows, evidence, metric, direction) for rows in blocks]
    verdicts = [verdict for block in judged for verdict in block.verdicts]
    tested = [verdict for verdict in verdicts if verdict.control]
    for verdict, p in zip(tested, holm([v.control.p for v in tested if v.control]), strict=True):
        verdict.control_p = float(p)
    tested = [verdict for verdict in verdicts if verdict.trivial]
    for verdict, p in zip(tested, holm([v.trivial.p for v in tested if v.trivial]), strict=True):
        verdict.trivial_p = float(p)
    return judged


def limits(judged: Sequence[Judged]) -> tuple[Limits, Limits]:
    """Return the limits of the tests against the control and against the trivial baseline, over the whole table."""
    control, trivial = Limits(), Limits()
    for block in judged:
        for verdict in block.verdicts:
            if verdict.control:
                control.add(verdict.control)
            if verdict.trivial:
                trivial.add(verdict.trivial)
    return control, trivial


def _judge_block(rows: list[Group], evidence: Evidence, metric: str, direction: str) -> Judged:
    sign = 1.0 if direction == "max" else -1.0
    values = [row.value(metric) for row in rows]
    merits = [None if value is None else sign * value for value in values]
    block = Judged(rows, [Verdict() for _ in rows])
    done = [place for place, merit in enumerate(merits) if merit is not None]
    controls = [rows[place] for place in done if rows[place].control]
    block.control = controls[0] if controls else None
    trivial = max((place for place in done if rows[place].trivial), key=lambda p: merits[p] or 0.0, default=None)
    block.best_trivial = rows[trivial] if trivial is not None else None
    learned = [merits[place] for place in done if not rows[place].trivial and not rows[place].reference]
    if trivial is not None and learned:
        block.informative = max(merit for merit in learned if merit is not None) > (merits[trivial] or 0.0)
    for place in done:
        row, verdict = rows[place], block.verdicts[place]
        facts = evidence.facts(row.done[0])
        verdict.items = facts.items if facts else row.done[0].metrics[metric].n
        verdict.series = facts.series if facts else None
        verdict.interval = evidence.interval(row)
        if row.trivial:
            continue
        if block.control is not None and row is not block.control:
            verdict.control = evidence.pair(row, block.control)
        if block.best_trivial is not None:
            verdict.trivial = evidence.pair(row, block.best_trivial)
    _mark_best(block, [(place, merits[place] or 0.0) for place in done], evidence)
    return block


def _mark_best(block: Judged, merits: Sequence[tuple[int, float]], evidence: Evidence) -> None:
    """Mark the best and all not distinguishable from it; nothing where a block has too few series to tell any apart."""
    if len(merits) < 2:
        return
    best = max(merits, key=lambda pair: pair[1])[0]
    limit = Limits()
    others, p = [], []
    for place, _ in merits:
        pair = None if place == best else evidence.pair(block.rows[place], block.rows[best])
        if pair is not None:
            limit.add(pair)
            others.append(place)
            p.append(pair.p)
    if limit.few:
        block.notes.append("few series: no difference from the best can be significant, so no row is marked best")
        return
    block.verdicts[best].best = True
    for place, same in zip(others, not_distinguishable(p), strict=True):
        block.verdicts[place].best = bool(same)


def star(p: float | None, limit: Limits) -> str:
    """Return ``*`` for an adjusted p below .05 where a mark is possible."""
    return "*" if p is not None and p < ALPHA and not limit.few else ""
