"""A scoring program run by its command: in its scratch folder, with an environment that holds nothing of the user's."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import site
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import yaml

from inkbench.benchmark import regular
from inkbench.benchmark.errors import UsageError, brief
from inkbench.submissions.server import Layout

COMMANDS = ("metadata.yaml", "metadata")
HANDED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "SYSTEMROOT")
"""The variables of the user's environment that a program is given."""
MOST_SECONDS = 600.0
"""What a server gives a program (``execution_time_limit``)."""
MOST_TOLD, MOST_METADATA, MOST_RESULTS = 64 * 2**10, 64 * 2**10, 256 * 2**20
"""Bytes that are read of standard error, of ``metadata`` and of a file of results."""
AGAIN = "make the bundle again"


def command_of(program: Path) -> list[str]:
    """Return the words of a scoring program's command. Raises UsageError where it tells none."""
    for name in COMMANDS:
        path = program / name
        if path.is_file():
            try:
                told = yaml.safe_load(_start(path, MOST_METADATA))
                words = shlex.split(told["command"])
            except (yaml.YAMLError, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
                words = []
            if words and all(word and "\0" not in word for word in words):
                return words
            break
    raise UsageError(f"the scoring program has no command in {' or '.join(COMMANDS)}; {AGAIN}")


def run(layout: Layout, most_seconds: float | None = None) -> dict[str, Any]:
    """Run the program as the worker does, with this Python; gives its ``details.json``.

    Raises UsageError with the end of what it said on standard error where it ends with another status than 0, and
    where it takes longer than ``most_seconds``, cannot be started or writes no results.
    """
    words = command_of(layout.program)
    tokens = {"$input": layout.root / "input", "$output": layout.output, "$program": layout.program}
    for token, path in tokens.items():
        words = [word.replace(token, str(path)) for word in words]
    if words[0] in ("python", "python3"):
        words[0] = sys.executable
    layout.output.mkdir(parents=True, exist_ok=True)
    said = layout.root / "said"
    try:
        with said.open("wb") as errors:
            status = _ended(words, layout, errors, most_seconds)
    except subprocess.TimeoutExpired:
        raise UsageError(f"the scoring program took more than {most_seconds:g} s and was ended") from None
    except OSError as problem:
        raise UsageError(f"the scoring program cannot be started ({brief(words[0])}: {problem.strerror})") from None
    if status:
        told = _end(said, MOST_TOLD).strip().replace(f"{layout.root}/", "")
        raise UsageError(told or f"the scoring program ended with status {status}")
    return _details(layout.output / "details.json")


def items_of(layout: Layout) -> str:
    """Return the figures of each item that a program wrote, as a CSV. Raises UsageError."""
    try:
        return _start(layout.output / "items.csv", MOST_RESULTS)
    except (OSError, ValueError):
        raise UsageError(f"the scoring program wrote no items.csv that can be read; {AGAIN}") from None


def _ended(words: list[str], layout: Layout, errors: IO[bytes], most_seconds: float | None) -> int:
    """Run a command in a session of its own, which ends with it. Raises OSError and subprocess.TimeoutExpired."""
    with subprocess.Popen(
        words,
        cwd=layout.program,
        env=_environment(layout.root),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        start_new_session=True,
    ) as process:
        try:
            return process.wait(most_seconds)
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)


def _environment(scratch: Path) -> dict[str, str]:
    """Return what a program is told: where programs and packages are, and a home of its own."""
    kept = {name: os.environ[name] for name in HANDED_ON if name in os.environ}
    own = {"HOME": scratch / "home", "TMPDIR": scratch / "tmp"}
    for folder in own.values():
        folder.mkdir(exist_ok=True)
    packages = {"PYTHONUSERBASE": site.getuserbase()} if site.ENABLE_USER_SITE else {}
    return {**kept, **packages, **{name: str(folder) for name, folder in own.items()}}


def _details(path: Path) -> dict[str, Any]:
    """Read the figures that a program wrote. Raises UsageError where they are not what ours writes."""
    try:
        details = json.loads(_start(path, MOST_RESULTS))
        metrics = {
            str(name): {"value": float(entry["value"]), "n": int(entry["n"])}
            for name, entry in details["metrics"].items()
        }
        notes = [str(note) for note in details["notes"]]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as problem:
        told = "there is no such file" if isinstance(problem, FileNotFoundError) else "it holds no figures"
        raise UsageError(f"the scoring program wrote no details.json that can be read ({told}); {AGAIN}") from None
    if not metrics:
        raise UsageError(f"the scoring program wrote no figures; {AGAIN}")
    return {"metrics": metrics, "notes": notes}


def _start(path: Path, most: int) -> str:
    """Read a text of at most ``most`` bytes. Raises OSError and ValueError."""
    if path.is_symlink():
        raise ValueError("a link")
    return regular.read(path, most).decode("utf-8")


def _end(path: Path, most: int) -> str:
    with regular.opened(path) as file:
        file.seek(max(path.stat().st_size - most, 0))
        return file.read(most).decode("utf-8", "replace")
