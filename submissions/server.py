"""A server's worker at home: a scratch folder laid out as its own, the scoring program run by its own command."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from inkbench.benchmark.errors import UsageError
from inkbench.submissions.program import Truth

COMPETITION = "competition.yaml"
COMMANDS = ("metadata.yaml", "metadata")
UNSAFE = ("PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH")
"""What would let a program import other files than its own."""


@dataclass(frozen=True, slots=True)
class Layout:
    """``program``, ``input/ref``, ``input/res`` and ``output`` below one folder."""

    root: Path

    @property
    def program(self) -> Path:
        """The folder of the scoring program; it is run from here."""
        return self.root / "program"

    @property
    def reference(self) -> Path:
        """The folder of the truth."""
        return self.root / "input" / "ref"

    @property
    def submission(self) -> Path:
        """The folder into which the submission is unpacked."""
        return self.root / "input" / "res"

    @property
    def output(self) -> Path:
        """The folder into which the scores are written."""
        return self.root / "output"


def lay(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder that is made for them. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def command_of(program: Path) -> str:
    """Return the command of a scoring program. Raises UsageError where it tells none."""
    for name in COMMANDS:
        path = program / name
        if path.is_file():
            told = yaml.safe_load(path.read_text())
            if isinstance(told, dict) and isinstance(told.get("command"), str):
                return str(told["command"])
    raise UsageError(f"the scoring program has no command in {' or '.join(COMMANDS)}; make the bundle again")


def run(layout: Layout) -> dict[str, Any]:
    """Run the program as the worker does, with this Python; gives its ``details.json``.

    Raises UsageError with what it said on standard error where it ends with another status than 0.
    """
    layout.output.mkdir(parents=True, exist_ok=True)
    command = command_of(layout.program)
    tokens = {"$input": layout.root / "input", "$output": layout.output, "$program": layout.program}
    words = shlex.split(command)
    for token, path in tokens.items():
        words = [word.replace(token, str(path)) for word in words]
    if words[0] in ("python", "python3"):
        words[0] = sys.executable
    environment = {name: value for name, value in os.environ.items() if name not in UNSAFE}
    done = subprocess.run(words, cwd=layout.program, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().replace(f"{layout.root}/", "")
        raise UsageError(said or f"the scoring program ended with status {done.returncode}")
    details: dict[str, Any] = json.loads((layout.output / "details.json").read_text())
    return details


def is_bundle(folder: str | Path) -> bool:
    """Return whether a folder is a bundle that ``submit bundle`` made."""
    return (Path(folder) / COMPETITION).is_file()


def truth_of(bundle: Path) -> Truth:
    """Read the reference of a bundle in a folder. Raises UsageError."""
    with tempfile.TemporaryDirectory(prefix="inkbench-truth-") as scratch:
        layout = Layout(Path(scratch))
        unbundle(bundle, layout)
        return Truth.load(layout.reference)


def unbundle(bundle: Path, layout: Layout) -> None:
    """Lay out the scoring program and the reference of a bundle in a folder.

    Raises UsageError where one is not there.
    """
    for name, target in (("scoring_program", layout.program), ("reference_data", layout.reference)):
        folder, packed = bundle / name, bundle / f"{name}.zip"
        if folder.is_dir():
            files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
            lay(target, {file: path.read_bytes() for file, path in files.items()})
        elif packed.is_file():
            with zipfile.ZipFile(packed) as file:
                lay(target, {entry: file.read(entry) for entry in file.namelist()})
        else:
            raise UsageError(f"{bundle} has no {name}; make the bundle again")
