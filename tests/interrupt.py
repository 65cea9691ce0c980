"""Kill a run at a moment, look at what it left, and compare finished runs; shared by a test and by tests/chaos."""

import contextlib
import json
import os
import signal
import time
from pathlib import Path

from conftest import start_cli

from inkbench.benchmark.store.arrays import read_arrays

STAGES = ("drawing", "pretraining", "transfer")


def stage(results: Path) -> str:
    """What a running command is at, as its files show."""
    if not list(results.glob("cache/synth/*/complete.json")):
        return "drawing"
    locks = {path.stem for path in (results / "locks").glob("*.lock")} if (results / "locks").is_dir() else set()
    done = {path.parent.name for path in results.glob("backbones/*/weights.safetensors")}
    runs = {path.stem for path in results.glob("cells/*/*.json")}
    runs_and_backbones = locks - runs - done
    if not runs_and_backbones:
        return "between"
    # A run's lock is taken before that of the pretraining it waits for: two open locks mean pretraining.
    return "pretraining" if len(runs_and_backbones) > 1 else "transfer"


def kill_at(words, results: Path, wanted: str, delay: float, timeout: float = 400) -> bool:
    """Start a run and kill -9 its whole group ``delay`` s after it entered a stage; whether it was still running."""
    process = start_cli(*words, "--results", results)
    began = time.monotonic()
    try:
        while stage(results) != wanted:
            if process.poll() is not None or time.monotonic() - began > timeout:
                return False
            time.sleep(0.02)
        time.sleep(delay)
        return process.poll() is None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def finished(results: Path) -> dict[str, tuple[int, float]]:
    """Done records: when each was written, and its figure. Raises where a record is half-written."""
    found = {}
    for path in results.glob("cells/*/*.json"):
        record = json.loads(path.read_text())
        if record["status"] == "done":
            found[record["id"]] = (path.stat().st_mtime_ns, record["metrics"][record["primary"]]["value"])
    return found


def fingerprint(results: Path) -> dict[str, object]:
    """Everything that must be equal however often a run was interrupted: figures, items, predictions, weights."""
    found: dict[str, object] = {}
    for path in sorted(results.glob("cells/*/*.json")):
        record = json.loads(path.read_text())
        found[path.stem] = (record["status"], record.get("metrics"), record.get("pretext"), record.get("chosen"))
        found[f"{path.stem} curve"] = record.get("curve")
    for path in sorted(results.glob("cells/*/*.npz")):
        found[path.name] = {name: array.tobytes() for name, array in read_arrays(path).items()}
    for path in sorted(results.glob("backbones/*/weights.safetensors")):
        found[path.parent.name] = path.read_bytes()
    return found
