"""Every hostile case by its number: what is made of it in a scratch folder, and what the program says to it.

A case passes where the program reads what it is given or refuses it in one line (``InkbenchError``): nothing else is
raised, nothing is written outside of the scratch folder, no program is started, no connection is made.
"""

import contextlib
import io
import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import hostile_archives as archives
import hostile_images as images
from damaged_text import damaged, read_all, texts_of
from hostile_names import obeyed
from layout_samples import SAMPLES
from submission_data import gaze_folder
from watch import Watch

from inkbench.benchmark import registry
from inkbench.benchmark.cli.main import main
from inkbench.benchmark.data.check.preview import sheet
from inkbench.benchmark.data.check.report import examine
from inkbench.benchmark.data.get.unpack import unpack
from inkbench.benchmark.data.grey_map import read_map
from inkbench.benchmark.data.images import head_of, read_rgb
from inkbench.benchmark.data.label_map import read_labels
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.errors import InkbenchError, UsageError
from inkbench.benchmark.progress import Progress
from inkbench.submissions import program
from inkbench.submissions.bundle import bundle
from inkbench.submissions.reference import Asked, read_reference

QUIET = Progress(quiet=True)
ANNOTATIONS, FUZZED = 2_000, 60
Case = tuple[str, Callable[["Hostile", Path], str]]


class Hostile:
    """What cases are tried on: a reference of four maps, a bundle of it; ``watch`` looks on."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.reference = gaze_folder(home / "reference")
        self.bundle = home / "bundle"
        self.good = archives.zipped(home / "good.zip", [])
        bundle(read_reference(Asked(data=str(self.reference))), "codalab", self.bundle)
        self.watch, self.peak = Watch(), 0.0

    def commands(self, path: Path, reference: Path) -> str:
        """Check and score a zip by the command line; gives the statuses, and what was said."""
        said = []
        for verb in ("check", "score"):
            out, err = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                status = main(["submit", verb, str(path), "--reference", str(reference)])
            assert status in (0, 1, 2), status
            assert not obeyed(out.getvalue() + err.getvalue())
            assert status != 2 or err.getvalue().count("run_benchmark.py: ") == 1, err.getvalue()
            assert "Traceback" not in err.getvalue()
            said.append(f"{verb} {status}")
        return ", ".join(said)


def run_here(layout, most_seconds=None) -> dict:
    """A scoring program of ours in this process, where what it does is seen."""
    del most_seconds
    task = json.loads((layout.reference / "reference.json").read_text())["task"]
    kind, said = registry.load("tasks", task), io.StringIO()
    layout.output.mkdir()
    with contextlib.redirect_stderr(said):
        try:
            words = [str(layout.root / "input"), str(layout.output)]
            status = program.main(words, kind.scorer, kind.prediction_format)
        except Exception as problem:  # in a process of its own it would end that
            raise UsageError(f"{type(problem).__name__}: {problem}") from None
    if status:
        raise UsageError(said.getvalue().strip())
    return json.loads((layout.output / "details.json").read_text())


# --- what is tried
def _zip(make, hostile: Hostile, folder: Path) -> str:
    return hostile.commands(make(folder / "x.zip"), hostile.reference)


def _bundle(make, hostile: Hostile, folder: Path) -> str:
    return hostile.commands(hostile.good, make(hostile.bundle, folder / "bundle"))


def _tar(make, hostile: Hostile, folder: Path) -> str:
    del hostile
    return _said(lambda: unpack(make(folder / "x.tar.gz"), folder / "in", 0, 10 * 2**20, QUIET))


def _fuzzed(seed: int, hostile: Hostile, folder: Path) -> str:
    pick, data = random.Random(f"zip {seed}"), bytearray(hostile.good.read_bytes())
    for _ in range(pick.randint(1, 12)):
        at = pick.randrange(len(data))
        how = pick.randrange(4)
        if how == 0:
            del data[at : at + pick.randint(1, 40)]
        elif how == 1:
            data[at:at] = bytes(pick.randrange(256) for _ in range(pick.randint(1, 9)))
        else:
            data[at] = pick.choice((0, 255, data[at] ^ 1 << pick.randrange(8)))
    (folder / "x.zip").write_bytes(data)
    return hostile.commands(folder / "x.zip", hostile.reference)


def _image(name: str, hostile: Hostile, folder: Path) -> str:
    del hostile
    path = images.make(name, folder)
    reads = (read_rgb,) if name in images.LARGE else (head_of, read_rgb, read_map, read_labels)
    said = [_said(partial(read, path)) for read in reads]
    if name in images.LARGE:
        return "; ".join([*said, _said(partial(read_map, path))])
    images.make("cut.png", folder) if name != "cut.png" else None
    try:
        data = open_dataset(f"folder:{folder}", "quick", (), folder / "results")
        report = examine(data, QUIET)
        sheet(report.items, report.classes)
        assert not obeyed(report.text())
    except InkbenchError as refusal:
        said.append(str(refusal))
    return said[1]


def _annotation(seed: int, hostile: Hostile, folder: Path) -> str:
    del hostile
    names = list(SAMPLES)
    pick, name = random.Random(f"annotation {seed}").randint, names[seed % len(names)]
    root = SAMPLES[name](folder / "data")
    files = texts_of(root)
    path = files[pick(0, len(files) - 1)]
    path.write_bytes(damaged(pick, path.read_bytes(), path.suffix))
    return f"{name}: {'read' if read_all(registry.load('datasets', name), root) else 'refused'}"


def _said(read: Callable[[], object]) -> str:
    try:
        read()
    except InkbenchError as refusal:
        return f"refused: {refusal}"
    return "read"


CASES: list[Case] = [
    *((name, partial(_zip, make)) for name, make in archives.ZIPS.items()),
    *((name, partial(_bundle, make)) for name, make in archives.BUNDLES.items()),
    *((name, partial(_tar, make)) for name, make in archives.TARS.items()),
    *((f"image {name!r}", partial(_image, name)) for name in images.NAMED),
    *((f"fuzzed zip {seed}", partial(_fuzzed, seed)) for seed in range(FUZZED)),
    *((f"fuzzed annotation {seed}", partial(_annotation, seed)) for seed in range(ANNOTATIONS)),
]
"""Archives, images, zips with flipped bytes, damaged annotations."""
SLOW = ("bomb", "30,000", "huge")
PLAIN = [
    number for number, (name, _) in enumerate(CASES)
    if not name.startswith("fuzzed") and not any(word in name for word in (*SLOW, *map(repr, images.LARGE)))
]  # fmt: skip
"""The cases without dice that take milliseconds."""
