"""The columns of a leaderboard: keys that every server takes, with the metric that each shows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from inkbench.benchmark.errors import UsageError
from inkbench.tasks.metrics.scorer import Scorer

MOST_CHARACTERS = 36
"""Of a key and of a title on Codabench."""


@dataclass(frozen=True, slots=True)
class Column:
    """``key`` in the scores, ``metric`` and ``title`` for people, ``sorting`` desc or asc, what is measured."""

    key: str
    metric: str
    sorting: str
    help: str

    @property
    def title(self) -> str:
        """The heading of the column."""
        return self.metric


def columns(scorer: Scorer, metrics: Sequence[str]) -> list[Column]:
    """Return a column for each of ``metrics``, the primary one first.

    Raises UsageError where a name is too long for a server.
    """
    found = []
    for name in metrics:
        metric = scorer.definition(name)
        key = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
        if len(name) > MOST_CHARACTERS:
            raise UsageError(
                f"metric {name} has more than {MOST_CHARACTERS} characters, which Codabench does not accept"
            )
        said = metric.help if name == metric.name else f"{metric.help} ({name.removeprefix(metric.name)})"
        version = f" (version {metric.version})" if metric.version > 1 else ""
        found.append(Column(key, name, "desc" if metric.direction == "max" else "asc", said + version))
    if len({column.key for column in found}) < len(found):
        raise UsageError(f"two of {', '.join(metrics)} would have the same key; rename a style or class")
    return found
