"""What a record asked for, asked again: nothing is imported because a record names its file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from inkbench.benchmark import registry
from inkbench.benchmark.data.locate import code_of
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.planning.request import Request
from inkbench.benchmark.store.record import Record


def request_of(record: Record, **changes: Any) -> Request:
    """Return the request that a record was made by. Raises UsageError where it is none, or names a file of code.

    A file that was plugged in may be named: whoever typed that trusts it.
    """
    who = f"run {record.id[:10]}"
    try:
        request = Request.model_validate({**record.request.resolved, **changes})
    except ValidationError:
        raise UsageError(f"{who}: its record does not say what was asked for; repeat the run") from None
    for file in _code(request):
        if not registry.is_plugged(file):
            raise UsageError(f"{who} was made with {file}, which runs only where it is named: --plugin {file}")
    return request


def _code(request: Request) -> Iterator[Path]:
    """Yield the files that a request would import, in the forms that ``registry.find`` and ``locate`` take."""
    for text in (*request.methods, *request.tasks):
        path, colon, _ = text.rpartition(":")
        if colon and path.endswith(".py"):
            yield Path(path)
    for text in (request.data, request.pretrain_data or ""):
        if (file := code_of(text)) is not None:
            yield file
