"""Make a copy of the drawn comics: what is missing is drawn, then laid out; killed at any moment, it goes on."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inkbench.benchmark.data.synth import manifest
from inkbench.benchmark.data.synth.config import SynthConfig
from inkbench.benchmark.data.synth.pool import draw_all
from inkbench.benchmark.data.synth.writers import LAYOUTS, WRITERS, assemble
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.store.files import key_of, write_json

GENERATOR = 3
"""Raised with every change of what is drawn or known of it. 3: the place of each panel, a class for each pixel."""
LATER = {"drawing": 1.0}
"""Settings that came after a generator began, with the value that draws as before: with it older copies stay good."""
MARKER = "complete.json"
DRAWN = ".drawn"
APART = {MARKER, DRAWN, manifest.NAME}
"""Names at the top of a copy that are not of what was drawn."""
MARKED = ("fingerprint", "settings", "layouts", "manifest")
"""What a marker says; one that says less is of an earlier version, whose copy cannot be checked."""


def fingerprint(config: SynthConfig) -> str:
    """Return a hash of the generator's version and its settings; nothing needs to be drawn for it."""
    settings = {name: value for name, value in config.model_dump(mode="json").items() if LATER.get(name) != value}
    return key_of({"generator": GENERATOR, "settings": settings})


def read_marker(root: Path) -> dict[str, Any] | None:
    """Read ``complete.json`` of a finished copy; None where there is none, or none that says what it should."""
    try:
        told = json.loads((root / MARKER).read_bytes())
        return told if set(MARKED) <= told.keys() and _holds(told) else None
    except (OSError, ValueError, TypeError, AttributeError):  # a ValidationError is a ValueError
        return None


def _holds(told: dict[str, Any]) -> bool:
    """Return whether a marker's settings are those of its fingerprint, and its layouts are ours."""
    config = SynthConfig(**told["settings"])
    ours = told.get("generator") != GENERATOR or told["fingerprint"] == fingerprint(config)
    return ours and set(told["layouts"]) <= set(WRITERS) and isinstance(told["manifest"], str)


def make(
    root: Path,
    config: SynthConfig,
    progress: Progress,
    layouts: Iterable[str] = LAYOUTS,
    workers: int | None = None,
    checksums: Path | None = None,
) -> None:
    """Draw what ``root`` lacks, and draw again what is not as it was drawn.

    A folder named by its fingerprint, as those in the cache of a results folder, is mended; of any other it is refused.
    ``checksums`` is a folder that remembers which files were read. Raises UsageError where ``root`` is damaged and not
    ours to mend, or holds comics of other settings.
    """
    want = fingerprint(config)
    if _finished(root, want, set(layouts), checksums) == "":
        return
    root.mkdir(parents=True, exist_ok=True)
    with _alone(root):
        wrong = _finished(root, want, set(layouts), checksums)
        if wrong == "":
            return
        every = sorted({*layouts, *(read_marker(root) or {}).get("layouts", ())})
        if wrong is None:
            _draw(root, config, progress, every, workers)
            return
        if root.name != want:
            raise UsageError(f"{root} is not as it was drawn: {wrong}; remove it, and draw it with data make synth")
        progress.say(f"{root} is not as it was drawn: {wrong}; drawing it again")
        again = root.with_name(f".{root.name}.again")
        again.mkdir(exist_ok=True)
        _draw(again, config, progress, every, workers)
        _replace(root, again)


def _finished(root: Path, want: str, layouts: set[str], folder: Path | None) -> str | None:
    """Return what is wrong with a finished copy, empty where nothing is; None where it is not finished.

    Raises UsageError where it holds comics of other settings.
    """
    done = read_marker(root)
    if done is None:
        return f"{MARKER} is damaged, or of an earlier version without checksums" if (root / MARKER).exists() else None
    _check(root, done["fingerprint"], want)
    return manifest.faults(root, APART, done["manifest"], folder) if layouts <= set(done["layouts"]) else None


def _draw(root: Path, config: SynthConfig, progress: Progress, layouts: list[str], workers: int | None) -> None:
    home, want = root / DRAWN, fingerprint(config)
    begun = home / "settings.json"
    if begun.is_file():
        _check(root, _fingerprint_in(begun), want)
    if not begun.is_file():
        write_json(begun, {"fingerprint": want, "settings": config.model_dump(mode="json")})
    missing = [k for k in range(config.series) if not (home / str(k)).is_dir()]
    draw_all(config, missing, home, progress, workers)
    counts = assemble(root, home, config.series, layouts)
    known = manifest.write(root, APART)
    os.sync()  # once for all files: the marker must not outlive what it stands for
    write_json(
        root / MARKER,
        {
            "generator": GENERATOR, "fingerprint": want, "settings": config.model_dump(mode="json"),
            "layouts": layouts, "counts": counts, "simulated": True, "manifest": known,
        },
    )  # fmt: skip
    shutil.rmtree(home, ignore_errors=True)


def _replace(root: Path, again: Path) -> None:
    """Put a copy that was drawn again in the place of a damaged one: who reads meets the one or the other."""
    damaged = root.with_name(f".{root.name}.damaged")
    shutil.rmtree(damaged, ignore_errors=True)
    root.rename(damaged)
    again.rename(root)
    shutil.rmtree(damaged, ignore_errors=True)


def _fingerprint_in(begun: Path) -> str | None:
    """Return the fingerprint of what a drawing was begun with; what says none is thrown away with what was drawn."""
    try:
        return str(json.loads(begun.read_bytes())["fingerprint"])
    except (OSError, ValueError, TypeError, KeyError):
        shutil.rmtree(begun.parent, ignore_errors=True)
        return None


def _check(root: Path, found: str | None, want: str) -> None:
    if found not in (None, want):
        raise UsageError(f"{root} contains comics drawn with other settings; give another folder or delete this one")


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Allow one process at a time; the kernel frees the lock of a dead one."""
    with (root / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
