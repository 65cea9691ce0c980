"""Declared rows against other declared rows of their block: continued weights against those that they started from."""

from __future__ import annotations

from collections.abc import Sequence

from inkbench.benchmark.scoring.statistics import holm
from inkbench.leaderboards.declared.match import row_of
from inkbench.leaderboards.declared.spec import TableFile
from inkbench.leaderboards.significance.item_statistics import ItemStatistics, Pair
from inkbench.leaderboards.significance.row_statistics import BlockStatistics, Held, Limits, RowStatistics


def hold_against(block_statistics: Sequence[BlockStatistics], declared: TableFile, items: ItemStatistics) -> None:
    """Fill ``RowStatistics.against`` of rows that declare it; Holm covers each kind of comparison over the table."""
    found: dict[str, list[tuple[RowStatistics, Pair]]] = {}
    for block in block_statistics:
        specs = [row_of(declared, group) for group in block.rows]
        by_label = {spec.label: group for spec, group in zip(specs, block.rows, strict=True) if spec and group.done}
        for spec, statistics in zip(specs, block.statistics, strict=True):
            for kind, label in spec.against.items() if spec and spec.label in by_label else ():
                other = by_label.get(label)
                pair = items.pair(by_label[spec.label], other) if spec and other else None
                if pair is not None:
                    found.setdefault(kind, []).append((statistics, pair))
    for kind, pairs in found.items():
        limit = Limits()
        for _, pair in pairs:
            limit.add(pair)
        for (statistics, pair), p in zip(pairs, holm([pair.p for _, pair in pairs]), strict=True):
            statistics.against[kind] = Held(pair, float(p), limit)
