"""A record's file read whole: its form, its name, and what it proves by itself; what is not believed has a reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inkbench.benchmark import regular
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.store.proof import doubts
from inkbench.benchmark.store.record import Record

LARGEST = 64 * 2**20
"""Bytes of the largest file that is read as a record; the largest one seen had less than a hundredth of it."""
MEND = "move it away and repeat the run"


class BadRecord(UsageError):
    """A file that is no record, or whose record cannot be true; ``told`` and ``record`` are what it says."""

    def __init__(
        self,
        path: Path,
        reason: str,
        mend: str = MEND,
        told: dict[str, Any] | None = None,
        record: Record | None = None,
    ) -> None:
        super().__init__(f"{path} {reason}; {mend}")
        self.reason, self.told, self.record = reason, told, record


def read_record(path: Path, loads: Callable[[bytes], Any] = json.loads) -> Record:
    """Read the record in a file. Raises BadRecord for what is none, and for one that cannot be true."""
    told, record = read_form(path, loads)
    try:
        doubt = next(doubts(told, record), "")
    except ValueError as error:
        doubt = str(error)
    if doubt:
        raise BadRecord(path, f"{doubt}: it is damaged or was edited", told=told, record=record)
    return record


def read_form(path: Path, loads: Callable[[bytes], Any] = json.loads) -> tuple[dict[str, Any], Record]:
    """Read the keys of a file and the record that they say, true or not. Raises BadRecord for what says none."""
    try:
        content = regular.read(path, LARGEST)
        told = loads(content)
        if b"\\ud" in content.lower():
            json.dumps(told, ensure_ascii=False).encode()  # what is half a character no file could hold
    except RecursionError:
        raise BadRecord(path, "is not JSON (nested too deep)") from None
    except OSError as error:
        raise BadRecord(path, f"is not JSON ({error.strerror or error})") from None
    except ValueError as error:
        raise BadRecord(path, f"is not JSON ({' '.join(str(error).split())})") from None
    try:
        record = Record.from_json(told)
    except (ValueError, RecursionError) as error:
        raise BadRecord(path, str(error), f"{MEND}, or update inkbench") from None
    if record.id != path.stem or path.parent.name != record.id[:2]:
        raise BadRecord(path, f"is the record of {record.id}")
    if record.status == "planned":
        raise BadRecord(path, "is only planned")
    return told, record
