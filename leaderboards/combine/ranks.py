"""The average rank of a block's rows over several tasks, with an interval from resampling the tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from inkbench.benchmark.scoring.statistics import RESAMPLES, percentiles
from inkbench.benchmark.seeding import derive
from inkbench.leaderboards.table import Block, Cell, Head, Note, RowKind

LEAST = 3
"""Columns below which nothing is ranked: the mean of two ranks says less than the two."""
RANK = Head("rank", "average rank ↓", "min", interval=True)


def average_ranks(merits: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Compute the mean over columns of the rank in each (1 is best, ties share their mean rank), and its interval.

    ``merits`` (rows, columns), larger is better, finite. Gives (rows,) and (rows, 2), the percentiles 2.5 and 97.5 over
    1,000 resamples of the columns.
    """
    above = (merits[None] > merits[:, None]).sum(axis=1)
    equal = (merits[None] == merits[:, None]).sum(axis=1)
    ranks = above + (equal + 1) / 2
    count = merits.shape[1]
    drawn = np.random.default_rng(derive(seed, "ranks", count)).multinomial(count, np.full(count, 1 / count), RESAMPLES)
    over = ranks @ drawn.T / count
    return ranks.mean(axis=1), np.array([percentiles(row) for row in over])


def with_ranks(blocks: Sequence[Block], heads: Sequence[Head]) -> tuple[list[Block], list[Head], list[Note]]:
    """Add the column of the average rank, and its note, to the blocks; unchanged where nothing is ranked.

    Ranked are the rows with a backbone that have a figure in every primary column of ``heads``.
    """
    primary = [head for head in heads if head.primary]
    signs = np.array([1.0 if head.direction == "max" else -1.0 for head in primary])
    made, ranked = [], 0
    for block in blocks:
        values = {
            place: [row.cells.get(head.key, Cell()).value for head in primary]
            for place, row in enumerate(block.rows)
            if row.kind in (RowKind.COMPARED, RowKind.CONTROL)
        }
        whole = {place: found for place, found in values.items() if all(isinstance(v, int | float) for v in found)}
        if len(primary) < LEAST or len(whole) < 2:
            made.append(block)
            continue
        ranked += 1
        means, intervals = average_ranks(np.array(list(whole.values()), dtype=np.float64) * signs)
        rows = list(block.rows)
        for place, mean, (low, high) in zip(whole, means, intervals, strict=True):
            cell = Cell(f"{mean:.2f} [{low:.2f}, {high:.2f}]", float(mean), float(low), float(high))
            rows[place] = replace(rows[place], cells={**rows[place].cells, RANK.key: cell})
        made.append(replace(block, rows=tuple(rows)))
    if not ranked:
        return list(blocks), list(heads), []
    note = Note(
        f"average rank: over {len(primary)} columns, among the rows of a block that have them all; "
        "1 is best; interval: resampling columns"
    )
    return made, [*heads, RANK], [note]
