"""What a record proves by itself: a checksum over all that it says, and that it says what its identity says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from inkbench.benchmark.store.claims import contradictions
from inkbench.benchmark.store.files import checksum
from inkbench.benchmark.store.record import Record

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
CHECKSUM = "checksum"
"""The key of a record's file that holds the checksum over all other keys."""
SINCE = 4
"""The schema from which on every record has one."""


def stamped(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a record with their checksum behind them."""
    return {**told, CHECKSUM: checksum_of(told)}


def checksum_of(told: Mapping[str, Any]) -> str:
    """Return the sha256 of the canonical JSON of all keys but the checksum. Raises ValueError for what has none."""
    own = {name: value for name, value in told.items() if name != CHECKSUM}
    try:
        return checksum(_canonical(own).encode())
    except RecursionError:
        raise ValueError("is nested too deep") from None


def is_stamped(told: Mapping[str, Any]) -> bool:
    """Return whether a record's keys must be those of a checksum: all but those of before there was one."""
    schema = told.get("schema")
    return CHECKSUM in told or not isinstance(schema, int) or schema >= SINCE


def doubts(told: Mapping[str, Any], record: Record) -> Iterator[str]:
    """Yield why a record cannot be true, in words, from the keys of its file and from what was read of them."""
    if is_stamped(told) and told.get(CHECKSUM) != checksum_of(told):
        yield "does not match its checksum" if CHECKSUM in told else "lacks its checksum"
    yield from contradictions(record)
