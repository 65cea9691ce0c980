"""Records for the tests: those of a results folder as its files say them, and one with what every record has."""

import json
from pathlib import Path
from typing import Any

from inkbench.benchmark.store.record import Record


def written(results: Path) -> list[dict[str, Any]]:
    """Every record's JSON, in the order of their names: what a user reads, whatever the classes that wrote it."""
    return [json.loads(path.read_bytes()) for path in sorted((results / "cells").glob("*/*.json"))]


def data_used(name="synth", **over):
    """What a record says of its data."""
    return {
        "id": name,
        "layout": name,
        "own": False,
        "series_by": "layout",
        "fingerprint": "f" * 20,
        "version": 1,
        "settings": {},
        "simulated": name == "synth",
        "photographs": False,
        **over,
    }


def made(run, **over) -> Record:
    """A record; what is not said is as of a frozen saliency run of random weights."""
    usual = {
        "id": run,
        "status": "done",
        "method": "random",
        "task": "saliency",
        "protocol": "frozen@1",
        "family": "frozen",
        "seed": 0,
        "preset": "quick",
        "data": data_used(),
        "backbone": {"name": "test_resnet", "side": 128},
        "changed": {},
        "settings": {},
        "primary": "cc",
        "request": {"typed": [], "resolved": {}},
    }
    return Record.model_validate({**usual, **over})
