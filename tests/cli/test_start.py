"""The start of a command: an old Python, missing packages, a locale without letters, a stream that fails."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from conftest import TINY, start_cli
from packaging.requirements import Requirement

from inkbench.benchmark.cli import needs
from inkbench.benchmark.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
READ_BY_ANY = ("run_benchmark.py", "inkbench/__init__.py", "benchmark/__init__.py", "benchmark/cli/__init__.py")
OLD = [
    name
    for name in ("python3.8", "python3.9", "python3.10")
    if shutil.which(name) and subprocess.run([name, "-c", ""], capture_output=True).returncode == 0
]


def started(*words, python=(sys.executable,), **options):
    process = [*python, ROOT / "run_benchmark.py", *words]
    return subprocess.run(process, capture_output=True, text=True, check=False, timeout=300, **options)


@pytest.mark.parametrize("name", [*READ_BY_ANY, "benchmark/cli/needs.py"])
@pytest.mark.parametrize("minor", [8, 9, 10])
def test_an_old_python_can_read_the_files_that_refuse_it(name, minor):
    ast.parse((ROOT / name).read_text(), feature_version=(3, minor))


def test_the_needs_are_those_that_are_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert [Requirement(line).name for line in project["dependencies"]] == list(needs.PACKAGES)
    assert project["requires-python"] == ">=" + ".".join(map(str, needs.PYTHON))


def test_another_version_is_refused_with_what_is_needed(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    monkeypatch.setattr(needs, "_others", lambda: iter(()))
    assert needs.start(["list", "methods"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "and 3.11 or newer is needed; get it from www.python.org or your system: python3.11 -m venv" in err
    assert needs.start(["doctor"]) == 1
    assert capsys.readouterr().out.startswith("bad   Python")


@pytest.mark.skipif(not OLD, reason="there is no Python here that is too old")
@pytest.mark.parametrize("name", OLD)
def test_an_old_python_says_so_itself(name, tmp_path):
    for bare in ((), ("-S",)):
        told = started("--method", "jigsaw", "--task", "detection", python=(name, *bare), cwd=tmp_path)
        assert (told.returncode, told.stdout, told.stderr.count("\n")) == (2, "", 1), told.stderr
        assert "and 3.11 or newer is needed" in told.stderr
        doctor = started("doctor", python=(name, *bare), cwd=tmp_path)
        assert (doctor.returncode, doctor.stderr, doctor.stdout.count("\n")) == (1, "", 1)
        assert doctor.stdout.startswith("bad   Python 3.")


def test_nothing_installed_is_said_by_doctor_first(tmp_path):
    bare = (sys.executable, "-S")
    doctor = started("doctor", python=bare, cwd=tmp_path)
    assert (doctor.returncode, doctor.stderr) == (1, ""), doctor.stderr
    first, second = doctor.stdout.splitlines()
    assert first.startswith("ok    Python")
    assert second.startswith("bad   missing packages: torch, torchvision, timm")
    assert second.endswith("-m pip install -e .")
    for words in (("table", "noroozi-5"), ("list", "runs"), ("--method", "random", "--task", "detection")):
        told = started(*words, python=bare, cwd=tmp_path)
        assert (told.returncode, told.stdout, told.stderr.count("\n")) == (2, "", 1), told.stderr
        assert "missing packages: torch" in told.stderr


def test_a_package_that_is_broken_hides_no_other_check(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert main(["doctor", "--results", str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("bad")] == [
        "bad   ModuleNotFoundError: import of huggingface_hub halted; None in sys.modules"
    ]
    assert any("plugins: none" in line for line in lines)


@pytest.mark.parametrize("where", ["--results", "--data", "--pretrain-data", "--weights", "--init", "--plugin"])
def test_words_that_are_no_utf8_are_refused_before_any_work(where, tmp_path):
    words = ("--method", "imagenet", "--task", "detection", where, os.fsdecode(b"place\xff"))
    told = started(*words, cwd=tmp_path)
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr == "run_benchmark.py: b'place\\xff' is not UTF-8; rename the file or folder\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({"PYTHONIOENCODING": "ascii"}, marks=pytest.mark.slow),
        pytest.param({"PYTHONIOENCODING": "latin-1"}, marks=pytest.mark.soak),
        pytest.param({"LC_ALL": "C", "PYTHONUTF8": "0"}, id="C", marks=pytest.mark.slow),
        pytest.param(
            {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, id="POSIX", marks=pytest.mark.soak
        ),
    ],
)
def test_what_a_terminal_lacks_is_a_question_mark(environment, first_run):
    whole, results = first_run
    words = ("--method", "jigsaw", "--task", "detection", *TINY, "--results", results)
    usual = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LC_", "LANG"))}
    process = start_cli(*words, env={**usual, **environment}, encoding=environment.get("PYTHONIOENCODING", "ascii"))
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert "ap ?" in out
    assert out == whole.stdout.encode(environment.get("PYTHONIOENCODING", "ascii"), "replace").decode("latin-1")
    assert "train detection head" not in err, "the same runs are found"


def test_listings_under_a_locale_without_letters(tmp_path):
    usual = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LC_", "LANG"))}
    told = started("data", "info", "ebdtheque", env={**usual, "LC_ALL": "C", "PYTHONUTF8": "0"}, cwd=tmp_path)
    whole = started("data", "info", "ebdtheque", cwd=tmp_path)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout == whole.stdout.encode("ascii", "replace").decode()
    assert "?" in told.stdout


@pytest.mark.parametrize(
    "words", [("list", "methods"), pytest.param(("describe", "jigsaw", "--json"), marks=pytest.mark.slow)]
)
def test_a_full_disk_below_standard_output_is_one_line(words, tmp_path):
    with open("/dev/full", "w") as full:
        told = subprocess.run(
            [sys.executable, ROOT / "run_benchmark.py", *words], stdout=full, stderr=subprocess.PIPE, cwd=tmp_path
        )
    assert told.returncode == 1
    assert told.stderr == b"run_benchmark.py: No space left on device; INKBENCH_DEBUG=1 shows where\n"


def test_a_full_disk_below_standard_error_loses_the_line_alone(tmp_path):
    with open("/dev/full", "w") as full:
        told = subprocess.run([sys.executable, ROOT / "run_benchmark.py", "lst"], stderr=full, cwd=tmp_path)
    assert told.returncode == 2


@pytest.mark.slow
def test_a_run_goes_on_where_nobody_can_read_what_it_says(first_run, with_synth):
    """A log on the full disk, a pager that was left."""
    words = ("--method", "random", "--task", "detection", *TINY, "--results", with_synth)
    with open("/dev/full", "w") as full:
        told = subprocess.run([sys.executable, ROOT / "run_benchmark.py", *words], stdout=subprocess.PIPE, stderr=full)
    assert told.returncode == 0
    assert b"random" in told.stdout
    assert len(list(with_synth.glob("cells/*/*.json"))) == 2
