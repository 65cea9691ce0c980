"""Records of older schemas, read as if they were written today: one step from each schema to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Told = dict[str, Any]


def upgraded(told: Mapping[str, Any], newest: int) -> Told:
    """The keys of a record of any schema, as the newest has them. Raises ValueError for what is of no known schema."""
    schema = told.get("schema")
    if not isinstance(schema, int) or not 1 <= schema <= newest:
        raise ValueError(f"is no record of a schema from 1 to {newest} (it says {schema!r})")
    found = {name: value for name, value in told.items() if name != "schema"}
    for step in STEPS[schema - 1 :]:
        found = step(found)
    return found


def _to_2(told: Told) -> Told:
    """Schema 1 named the scorer's module, let keys be null that now hold nothing, and first called data by layout."""
    found = {name: value for name, value in told.items() if name != "scorer" and not (value is None and name in EMPTY)}
    for name in ("data", "pretrain_data"):
        if isinstance(found.get(name), dict):
            data = found[name]
            found[name] = {"layout": data.get("id"), "own": False, "series_by": "", **data}
    return found


EMPTY = {"facts", "metrics", "notes", "calibration", "trials", "curve", "exclusions", "phases", "supervision"}
"""Keys of schema 1 that could be null."""
STEPS: tuple[Callable[[Told], Told], ...] = (_to_2,)
"""From schema 1 to 2, and so on."""
