"""The start of a command, before anything else of inkbench is imported: is what it needs here?

Any Python from 3.8 on reads this file and ``run_benchmark.py``, with nothing installed, so that both can say so.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence

PYTHON = (3, 11)
LATER = range(PYTHON[1], 20)
"""Minor versions that are looked for where an older Python was started."""
PACKAGES = (
    *("torch", "torchvision", "timm", "lightning-fabric", "pydantic", "typing-extensions", "numpy", "scipy", "pandas"),
    *("tabulate", "orjson", "xxhash", "jinja2", "rich", "safetensors", "Pillow", "ImageHash", "PyYAML", "pycocotools"),
    *("faster-coco-eval", "torchmetrics", "scikit-learn", "pytorch-metric-learning", "huggingface-hub", "markupsafe"),
    *("threadpoolctl", "opencv-python-headless"),
)
"""The dependencies of ``pyproject.toml``, by the names that they are installed by."""


def start(words: Sequence[str]) -> int:
    """Carry out a command line, or say what is missing here; gives the exit status."""
    if sys.version_info < PYTHON:
        return _refuse(words, "")
    try:
        from inkbench.benchmark import streams

        streams.restart_in_utf8()
        from inkbench.benchmark.cli.main import main

        streams.show_what_can_be_shown()
        if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return main(words)
    except ImportError as error:
        from inkbench.benchmark.errors import DEBUG

        if DEBUG in os.environ:
            raise
        return _refuse(words, str(error))


def examine() -> int:
    """Print a line on Python and, where it will do, one on the packages; gives 1 where something is missing."""
    for check in (python, packages):
        state, line = check()
        print(f"{state:4}  {line}")
        if state == "bad":
            return 1
    return 0


def python() -> tuple[str, str]:
    """Return whether this Python will do, and where one is that will."""
    here = f"Python {sys.version.split()[0]}"
    if sys.version_info >= PYTHON:
        return "ok", here
    needed = ".".join(map(str, PYTHON))
    other = next(_others(), "")
    mend = f"{other} is here: {other}" if other else f"get it from www.python.org or your system: python{needed}"
    return "bad", f"{here}, and {needed} or newer is needed; {mend} -m venv .venv && .venv/bin/pip install -e ."


def packages() -> tuple[str, str]:
    """Return which of the packages that inkbench needs are not installed."""
    from importlib.metadata import PackageNotFoundError, version

    missing = []
    for name in PACKAGES:
        try:
            version(name)
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return "bad", f"missing packages: {', '.join(missing)}; fix: {sys.executable} -m pip install -e ."
    return "ok", f"all {len(PACKAGES)} packages that inkbench needs are installed"


def _others() -> Iterator[str]:
    """Yield the names of Pythons on the path that are new enough, and run."""
    import shutil
    import subprocess

    for minor in reversed(LATER):
        name = f"python{PYTHON[0]}.{minor}"
        if shutil.which(name) and subprocess.run([name, "-c", ""], capture_output=True).returncode == 0:
            yield name


def _refuse(words: Sequence[str], why: str) -> int:
    """Say what is missing: all of it under ``doctor``, else in one line; gives the exit status."""
    if "doctor" in words[:1]:
        examine()
        return 1
    state, told = python()
    if state == "ok":
        state, told = packages()
    if state == "ok":
        told = f"{why}; fix: {sys.executable} -m pip install -e ."
    print(f"run_benchmark.py: {told}", file=sys.stderr)
    return 2
