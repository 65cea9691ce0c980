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

from inkbench.benchmark.data.synth.config import SynthConfig
from inkbench.benchmark.data.synth.pool import draw_all
from inkbench.benchmark.data.synth.series import TEMPORARY
from inkbench.benchmark.data.synth.writers import LAYOUTS, assemble
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.store.files import key_of, write_json

GENERATOR = 3
"""Raised with every change of what is drawn or known of it. 3: the place of each panel, a class for each pixel."""
LATER = {"drawing": 1.0}
"""Settings that came after a generator began, with the value that draws as before: with it older copies stay good."""
MARKER = "complete.json"
DRAWN = ".drawn"


def fingerprint(config: SynthConfig) -> str:
    """Return a hash of the generator's version and its settings; nothing needs to be drawn for it."""
    settings = {name: value for name, value in config.model_dump(mode="json").items() if LATER.get(name) != value}
    return key_of({"generator": GENERATOR, "settings": settings})


def read_marker(root: Path) -> dict[str, Any] | None:
    """Read ``complete.json`` of a finished copy; None where there is none."""
    path = root / MARKER
    return json.loads(path.read_text()) if path.is_file() else None


def make(
    root: Path, config: SynthConfig, progress: Progress, layouts: Iterable[str] = LAYOUTS, workers: int | None = None
) -> None:
    """Draw what ``root`` lacks. Raises UsageError where it holds comics of other settings."""
    want = fingerprint(config)
    root.mkdir(parents=True, exist_ok=True)
    with _alone(root):
        done = read_marker(root)
        _check(root, (done or {}).get("fingerprint"), want)
        layouts = sorted(set(layouts) | set((done or {}).get("layouts", ())))
        if done and layouts == done["layouts"]:
            return
        home = root / DRAWN
        begun = home / "settings.json"
        if begun.is_file():
            _check(root, json.loads(begun.read_text())["fingerprint"], want)
        else:
            write_json(begun, {"fingerprint": want, "settings": config.model_dump(mode="json")})
        for stale in home.glob(f"{TEMPORARY}*"):
            shutil.rmtree(stale, ignore_errors=True)  # the worker of a killed process may still be at it
        missing = [k for k in range(config.series) if not (home / str(k)).is_dir()]
        draw_all(config, missing, home, progress, workers)
        counts = assemble(root, home, config.series, layouts)
        os.sync()  # once for all files: the marker must not outlive what it stands for
        write_json(
            root / MARKER,
            {
                "generator": GENERATOR, "fingerprint": want, "settings": config.model_dump(mode="json"),
                "layouts": layouts, "counts": counts, "simulated": True,
            },
        )  # fmt: skip
        shutil.rmtree(home, ignore_errors=True)


def _check(root: Path, found: str | None, want: str) -> None:
    if found not in (None, want):
        raise UsageError(f"{root} contains comics drawn with other settings; give another folder or delete this one")


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Allow one process at a time; the kernel frees the lock of a dead one."""
    with (root / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
