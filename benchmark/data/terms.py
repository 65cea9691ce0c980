"""Licences that must be accepted: once, in a file of the user's, with the date; records tell it."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from inkbench.benchmark.contracts.dataset import Dataset
from inkbench.benchmark.data.own import is_drawn
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.store.files import write_json

FILE = "INKBENCH_ACCEPTED"


def accepted_file() -> Path:
    """Return the file of acceptances: ``$INKBENCH_ACCEPTED``, else ``inkbench/accepted.json`` in a user's settings."""
    told = os.environ.get(FILE)
    if told:
        return Path(told).expanduser()
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "inkbench" / "accepted.json"


def accept(cls: type[Dataset]) -> str:
    """Accept the terms of a dataset today; gives the line that says so. Raises UsageError where it cannot be kept."""
    if not cls.terms:
        return f"{cls.name} has no terms to accept; its licence: {cls.licence}"
    known = _read()
    if _holds(known, cls):
        return f"{cls.name}: accepted on {known[cls.name]['on']} ({accepted_file()})"
    known[cls.name] = {"on": datetime.date.today().isoformat(), "terms": _digest(cls), "licence": cls.licence}
    try:
        write_json(accepted_file(), known)
    except OSError as error:
        raise UsageError(
            f"{accepted_file()} cannot be written ({error.strerror}); set another file in {FILE}"
        ) from None
    return f"{cls.name}: accepted {cls.terms} (kept in {accepted_file()}; see {cls.homepage})"


def accepted_on(cls: type[Dataset]) -> str | None:
    """Return the day on which the terms of a dataset were accepted; None where they were not, or there are none."""
    known = _read() if cls.terms else {}
    return str(known[cls.name]["on"]) if _holds(known, cls) else None


def require_accepted(dataset: Dataset) -> None:
    """Raise UsageError for real data, opened by name, whose terms nobody accepted; copies of synth have none."""
    cls = type(dataset)
    if cls.terms and not is_drawn(dataset.root) and not dataset.photographs and accepted_on(cls) is None:
        raise UsageError(
            f"{cls.name} may be used only after accepting its terms: {cls.terms} ({cls.homepage}); "
            f"accept them with: run_benchmark.py data accept {cls.name}"
        )


def _read() -> dict[str, Any]:
    path = accepted_file()
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path} cannot be read ({' '.join(str(error).split())}); move it away and accept again"
        ) from None
    if not isinstance(read, dict):
        raise UsageError(f"{path} is not a list of acceptances; move it away and accept again")
    return read


def _holds(known: dict[str, Any], cls: type[Dataset]) -> bool:
    """Return whether these very terms were accepted: terms that change are accepted anew."""
    entry = known.get(cls.name)
    return isinstance(entry, dict) and entry.get("terms") == _digest(cls) and "on" in entry


def _digest(cls: type[Dataset]) -> str:
    return hashlib.sha256(cls.terms.encode()).hexdigest()[:16]
