"""The two ids of a run: of its predictions, which are the work, and of its figures, which are scored from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inkbench.benchmark.store.files import key_of

SCORED_BY = "metrics"
"""The entry of an identity that changes figures and no prediction: the metrics with their versions."""
CHOSEN_BY = "chosen_by"
"""The entry of the metric, with its version, by which validation chooses: another one may choose another head."""


def plugged_metrics(identity: Mapping[str, Any]) -> dict[str, str]:
    """The metrics of lone files that a record is scored by, with version and checksum; all others have a number."""
    return {name: version for name, version in identity.get(SCORED_BY, {}).items() if isinstance(version, str)}


def record_id(identity: Mapping[str, Any]) -> str:
    """Return the id of a record: a hash of everything that changes its figures."""
    return key_of(identity)


def work_id(identity: Mapping[str, Any]) -> str:
    """Return the id of the predictions: the same for every set of metrics that they are scored by."""
    return key_of({name: value for name, value in identity.items() if name != SCORED_BY})
