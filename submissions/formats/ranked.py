"""Ranked lists: for every character, who is nearest to it, nearest first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from inkbench.benchmark.errors import UsageError, plural
from inkbench.submissions.findings import Report, few
from inkbench.submissions.formats.names import Names
from inkbench.submissions.formats.reading import Prediction
from inkbench.tasks.metrics.retrieval import nearest

MOST_ITEMS = 3_000
"""Items of which whole lists are written: their number squared is how many ids that is."""


def examine_rankings(
    file: str, content: Any, ids: Sequence[str] | None, report: Report
) -> Iterator[tuple[str, Prediction]]:
    """Yield ``ranking`` (k,) of every item, places in ``ids``; without ``ids`` the places are of the queries."""
    if content is None:
        return
    if not isinstance(content, dict) or not all(_is_list(answers) for answers in content.values()):
        report.error(file, "is not a dictionary of lists of ids", "write {query: [nearest, next, ...]}")
        return
    known = list(content) if ids is None else list(ids)
    names, place = Names(known), {item: k for k, item in enumerate(known)}
    queries = {query: names.find(query) for query in content}
    extra = [query for query, item in queries.items() if item is None]
    if extra:
        text = f"{plural(len(extra), 'list')} of items that are not in the reference: {few(extra)}"
        report.tolerated(file, text, "leave them out")
    missing = set(known) - set(queries.values())
    if missing:
        text = f"{len(missing)} of {plural(len(known), 'item')} without a list: {few(missing)}"
        report.error(file, text, "write a list for every item")
    answered = {
        query: (item, [names.find(answer) for answer in content[query]])
        for query, item in queries.items()
        if item is not None
    }
    _tell_of_answers(file, answered, report)
    if not report.errors:
        for item, answers in dict(answered.values()).items():
            listed = [place[answer] for answer in answers if answer is not None and answer != item]
            yield item, {"ranking": np.array(listed, dtype=np.int64)}


def _tell_of_answers(file: str, answered: Mapping[str, tuple[str, Sequence[str | None]]], report: Report) -> None:
    """Report the faults of the lists: query -> (its item, the items that it ranks, None for a stranger)."""
    strange = [query for query, (_, answers) in answered.items() if None in answers]
    twice = [query for query, (_, answers) in answered.items() if len(set(answers)) < len(answers)]
    for text, who in (("ranks items that are not in the reference", strange), ("ranks an item twice", twice)):
        if who:
            report.error(
                file, f"{text}: {plural(len(who), 'list')}, of {few(who)}", "list each item of the reference once"
            )
    own = [query for query, (item, answers) in answered.items() if item in answers]
    if own:
        text = f"{plural(len(own), 'list')} with its own query: {few(own)}"
        report.tolerated(file, text, "leave the query out; it is not an answer to itself")


def _is_list(answers: Any) -> bool:
    return isinstance(answers, list) and all(isinstance(answer, str) for answer in answers)


def write_rankings(ids: Sequence[str], vectors: np.ndarray) -> bytes:
    """Write all others for every item, nearest first, in the order that retrieval ranks them. Raises UsageError."""
    if len(ids) > MOST_ITEMS:
        raise UsageError(f"{len(ids):,} items need lists of {len(ids) ** 2:,} ids; write embeddings (npz) instead")
    order = enumerate(nearest(vectors).tolist())
    lists = {ids[query]: [ids[other] for other in row if other != query] for query, row in order}
    return (json.dumps(lists, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
