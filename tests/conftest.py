"""Fixtures that several tests share."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from preloaded import Server

ROOT = Path(__file__).resolve().parent.parent
READ_AT_IMPORT = ("HF_", "HUGGINGFACE_", "TORCH", "OMP_", "MKL_", "CUDA_", "PYTHON", "MPL", "TIMM", "XDG_")
MOST_WORKERS = 4
"""Each worker holds torch, and most of the suite is short commands."""

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # hundreds of commands would each compile every module anew
sys.dont_write_bytecode = False


def pytest_xdist_auto_num_workers(config) -> int:
    """One worker a core, up to a few."""
    return min(os.cpu_count() or 1, MOST_WORKERS)


if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    # one thread each and a machine slot of its own: workers at full threads on the same cores slow each other down
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["TMPDIR"] = str(Path(tempfile.gettempdir()) / f"inkbench-tests-{os.getuid()}-{worker}")
    Path(os.environ["TMPDIR"]).mkdir(exist_ok=True)
    tempfile.tempdir = None


COMMANDS = frozenset({"cli", "first_run", "preloaded", "references", "small_synth"})
"""Fixtures that start commands or draw comics: what asks for one is no fast test."""


def pytest_collection_modifyitems(items) -> None:
    """Marks that follow from the fixtures that a test asks for; files that start commands come first, as they are long.

    Files are handed out in this order, and what is left for the end is short for every worker.
    """
    for item in items:
        asked = set(getattr(item, "fixturenames", ()))
        if asked & COMMANDS:
            item.add_marker("command")
        if "shared" in asked:
            item.add_marker("real_data")
    commanding = {item.path for item in items if item.get_closest_marker("command")}
    items.sort(key=lambda item: item.path not in commanding)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data and weights outside the repository."""
    folder = Path(os.environ.get("INKBENCH_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip("no real data: set INKBENCH_SHARED to the folder that holds data/ and weights/")
    return folder


def start_cli(*words, python: str | Path = sys.executable, **options) -> subprocess.Popen:
    """Start ``run_benchmark.py WORDS`` in a session of its own, from a folder that is not the repository's."""
    return subprocess.Popen(
        [python, ROOT / "run_benchmark.py", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


@pytest.fixture(scope="session")
def preloaded():
    """A server that forks commands (``preloaded.Server``), one for each worker of the tests."""
    server = Server()
    yield server
    server.close()


@pytest.fixture(scope="session")
def cli(request):
    """Run the command line; gives status, standard output and standard error.

    Forked from a process that holds the imports; started anew where the environment has what libraries read at import.
    """

    def run(*words, **options) -> subprocess.CompletedProcess:
        other = {name for name, value in (options.get("env") or {}).items() if os.environ.get(name) != value}
        anew = any(name.startswith(READ_AT_IMPORT) for name in other)
        python = sys.executable if anew else request.getfixturevalue("preloaded").python
        process = start_cli(*words, python=python, **options)
        out, err = process.communicate(timeout=500)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    return run


TINY = (
    *("--preset", "smoke", "--set", "pretrain.images=256", "--set", "pretrain.held_out=32"),
    *("--set", "detection.steps=4", "--set", "detection.side=64"),
)
"""A run as small as it can be; with the drawn synth of the smoke preset."""


@pytest.fixture(scope="session")
def first_run(cli, tmp_path_factory):
    """The undisturbed run that others are compared with: its process and its results folder."""
    results = tmp_path_factory.mktemp("undisturbed") / "results"
    done = cli("--method", "jigsaw", "--task", "detection", *TINY, "--results", results)
    return done, results


@pytest.fixture
def with_synth(first_run, tmp_path) -> Path:
    """A fresh results folder in which synth is drawn already."""
    drawn, results = first_run[1] / "cache" / "synth", tmp_path / "results"
    for file in sorted(path for path in drawn.rglob("*") if path.is_file()):
        target = results / "cache" / "synth" / file.relative_to(drawn)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(file, target)
    return results


@pytest.fixture(scope="session")
def small_synth(tmp_path_factory) -> Path:
    """A small copy of synth, drawn once, whose every task has a few items to test on."""
    from submission_data import draw

    return draw(tmp_path_factory.mktemp("small") / "synth")


@pytest.fixture(scope="session")
def references(small_synth):
    """The test split of the small synth as each task that has submissions sees it, by the task's name."""
    from submission_data import TASKS, reference_of

    return {task: reference_of(task, small_synth) for task in TASKS}
