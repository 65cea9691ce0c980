"""A task in a file of its own, with its own scorer and prediction format, through every command that meets it."""

import json
import os
import shutil

import pytest
from conftest import ROOT

from inkbench.benchmark import registry
from inkbench.benchmark.cli.flags import Parser, common, run_flags
from inkbench.benchmark.cli.launch import request_of
from inkbench.benchmark.errors import UsageError


@pytest.fixture(scope="module")
def ran(cli, first_run, tmp_path_factory):
    """A run of the example task, which lies elsewhere than inkbench: its process, its file, its results folder."""
    folder = tmp_path_factory.mktemp("lone")
    file, results = folder / "ink_share.py", folder / "results"
    shutil.copy(ROOT / "examples" / "ink_share.py", file)
    (results).mkdir()
    (results / "cache").symlink_to(first_run[1] / "cache")
    done = cli("--method", "random", "--task", f"{file}:InkShare", "--preset", "smoke", "--results", results)
    return done, file, results


@pytest.fixture(scope="module")
def cell(ran):
    """The record of its row with a backbone."""
    records = [json.loads(path.read_text()) for path in (ran[2] / "cells").rglob("*.json")]
    return next(record for record in records if record["backbone"])


def test_it_runs_and_its_table_is_printed(ran, cell):
    done, _, _ = ran
    assert done.returncode == 0, done.stderr
    assert "trivial:mean-share" in done.stdout
    assert "error" in done.stdout
    assert cell["task"] == "ink-share"
    assert "scorer" not in cell, "a record names tasks and metrics, no modules"
    assert len(cell["identity"]["file"]) == 16, "another file is another task"


def test_every_later_command_knows_it_when_its_file_is_plugged_in(ran, cell, cli, tmp_path):
    _, file, results = ran
    pack = tmp_path / "x.zip"
    for words, said in (
        (("describe", "ink-share"), "ink-share.dark = 96"),
        (("list", "tasks"), "ink-share"),
        (("report",), "index.html"),
        (("rescore",), "ink-share"),
        (("submit", "pack", cell["id"], "--out", pack), "x.zip"),
        (("submit", "check", pack, "--task", "ink-share"), ""),
        (("submit", "score", pack, "--reference", "synth", "--task", "ink-share", "--preset", "smoke"), "error"),
    ):
        done = cli(*words, "--plugin", file, "--results", results)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        assert said in done.stdout + done.stderr, words


def test_what_is_plugged_in_is_among_the_words_that_make_a_record_again(monkeypatch):
    monkeypatch.setenv(registry.PLUGINS, os.pathsep.join(["/a/ink.py", "/b/rotation.py"]))
    words = ["--preset", "smoke"]
    request = request_of(Parser(parents=[common(), run_flags()]).parse_args(words), ["random"], ["ink-share"], words)
    assert request.typed == ("--preset", "smoke", "--plugin", "/a/ink.py", "--plugin", "/b/rotation.py")


def test_a_declared_table_has_rows_of_it(ran, cli, tmp_path):
    _, file, results = ran
    declared = tmp_path / "ink.toml"
    declared.write_text(
        """title = "How much ink"
task = "ink-share"
protocol = "frozen"
[[rows]]
label = "nothing"
settings = { method = "random" }
"""
    )
    done = cli("table", declared, "--plugin", file, "--preset", "smoke", "--results", results)
    assert done.returncode == 0, done.stderr
    assert "nothing" in done.stdout


def test_without_its_file_the_mend_is_named(ran, cli):
    _, _, results = ran
    done = cli("report", "--results", results)
    assert "task 'ink-share' is not one of inkbench's" in done.stderr
    assert "--plugin FILE.py" in done.stderr
    done = cli("describe", "ink-share")
    assert done.returncode == 2


def test_a_name_that_no_file_was_plugged_in_for_names_the_mend():
    with pytest.raises(UsageError, match=r"no task 'ink-shares'; .*--plugin FILE\.py"):
        registry.find("tasks", "ink-shares")


def test_a_class_is_described_by_its_file(ran, cli):
    done = cli("describe", f"{ran[1]}:InkShare")
    assert done.returncode == 0, done.stderr
    assert "ink-share.dark = 96" in done.stdout, "with the keys that --set takes"


def test_a_file_without_anything_of_ours_is_refused(tmp_path):
    file = tmp_path / "x.py"
    file.write_text("class A:\n    name = 'a'\n")
    with pytest.raises(UsageError, match="not a Method, Task, Dataset or ItemMetric"):
        registry.plug(file)
    file.write_text("x = 1\n")
    with pytest.raises(UsageError, match="no class with a name"):
        registry.plug(file)
