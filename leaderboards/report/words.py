"""Names of files, values and first paragraphs: how a page says what a record or the registry holds."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from inkbench.benchmark import registry
from inkbench.benchmark.store.files import key_of
from inkbench.benchmark.store.record import Record
from inkbench.leaderboards.groups import plain

SAFE = re.compile(r"[A-Za-z0-9_-]{1,80}")


def slug(name: str) -> str:
    """Return a file's name for any text: itself where that is one, else what is left of it and a hash."""
    if SAFE.fullmatch(name):
        return name
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '-', name).strip('-')[:40]}-{key_of(name)[:8]}".lstrip("-")


def summary(room: str, name: str) -> str:
    """Return the one line of the registry on a method or task; empty for what it does not know (another's plugin)."""
    entry = registry.entries(room).get(name)
    return entry.summary if entry else ""


def introduction(room: str, name: str) -> list[str]:
    """Return the first paragraphs of ``docs/ROOM/NAME.md`` up to its first heading, as plain text."""
    page = registry.ROOT / "docs" / room / f"{slug(name)}.md"
    if not page.is_file():
        return []
    body = re.split(r"^## ", page.read_text(), maxsplit=1, flags=re.MULTILINE)[0]
    body = re.sub(r"```.*?```", "", body, flags=re.DOTALL)
    paragraphs = [" ".join(part.split()) for part in body.split("\n\n")[1:]]
    return [_without_marks(part) for part in paragraphs if part and not part.startswith(("![", "|"))]


def _without_marks(text: str) -> str:
    """Remove Markdown's signs."""
    text = re.sub(r"!?\[([^]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"(\*\*|[*`])(.+?)\1", r"\2", text)


def settings(record: Record) -> list[tuple[str, list[tuple[str, str, bool]]]]:
    """Return settings by owner: (name, value as typed, whether it differs from the preset)."""
    shown = [
        (owner, [(key, plain(value), f"{owner}.{key}" in record.changed) for key, value in values.items()])
        for owner, values in record.named_settings().items()
    ]
    if record.settings.split is not None:
        shown.append(("split", [("split", record.settings.split, False)]))
    return shown


def command(record: Record) -> str:
    """Return the command as it was typed, as a shell takes it; empty where the record does not say."""
    typed = record.request.typed
    return shlex.join(["python", "run_benchmark.py", *typed]) if typed else ""


def flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Flatten nested mappings to rows of (dotted name, value)."""
    if not isinstance(value, Mapping):
        return [(prefix, plain(value))]
    return [row for key, inner in value.items() for row in flat(inner, f"{prefix}.{key}".lstrip("."))]


def told(record: Record) -> str:
    """Describe a run in a few words: the method and its changed settings."""
    changed = " ".join(f"{key}={plain(value)}" for key, value in record.changed.items())
    return f"{record.method} {changed}".rstrip()
