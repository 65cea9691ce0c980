"""A server's worker at home: a scratch folder laid out as its own, and what lies in a bundle laid out in it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from inkbench.benchmark.archives.extract import extract
from inkbench.benchmark.archives.members import BUNDLE
from inkbench.benchmark.archives.sources import Tree, opened_zip
from inkbench.benchmark.errors import UsageError, brief
from inkbench.submissions.program import Truth

COMPETITION = "competition.yaml"


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
    """Write files of ours into a folder that is made for them. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def is_bundle(folder: str | Path) -> bool:
    """Return whether a folder is a bundle that ``submit bundle`` made."""
    return bool(folder) and os.path.isfile(Path(folder) / COMPETITION)  # noqa: PTH113  a name of any length


@contextmanager
def fitting(bundle: Path) -> Iterator[None]:
    """Turn what a bundle's truth makes a reader of predictions raise into UsageError: it need not be ours."""
    try:
        yield
    except UsageError:
        raise
    except Exception as problem:
        told = brief(" ".join(f"{type(problem).__name__}: {problem}".split()), 200)
        raise UsageError(f"the reference in {bundle} is not one that inkbench made ({told})") from problem


def truth_of(bundle: Path) -> Truth:
    """Read the reference of a bundle in a folder. Raises UsageError."""
    with tempfile.TemporaryDirectory(prefix="inkbench-truth-") as scratch:
        layout = Layout(Path(scratch))
        unbundle(bundle, "reference_data", layout.reference)
        return Truth.load(layout.reference)


def unbundle(bundle: Path, part: str, target: Path) -> None:
    """Lay out a part of a bundle in a folder, ``scoring_program`` or ``reference_data``.

    Raises UsageError where it is not there, or holds what may not be unpacked.
    """
    folder, packed = bundle / part, bundle / f"{part}.zip"
    if folder.is_dir() and not folder.is_symlink():
        extract(Tree(folder), target, BUNDLE, str(folder))
    elif packed.is_file():
        with opened_zip(packed, BUNDLE) as source:
            extract(source, target, BUNDLE, str(packed))
    else:
        raise UsageError(f"{bundle} has no {part}; make the bundle again")
