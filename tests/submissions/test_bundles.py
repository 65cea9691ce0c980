"""Competitions run end to end as a server's worker runs them, with numpy and Pillow alone; every unpacker's rule."""

import csv
import importlib
import io
import json
import os
import shlex
import site
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import toy_scorer
import yaml
from submission_data import TASKS, nobody, values, zipped

from inkbench.benchmark import registry
from inkbench.benchmark.cli.verbs import verb_submit
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.scoring.score import item_arrays
from inkbench.submissions.bundle import bundle, competition
from inkbench.submissions.bundle_rules import broken
from inkbench.submissions.check import predictions
from inkbench.submissions.columns import columns
from inkbench.submissions.findings import Report
from inkbench.submissions.formats import maps
from inkbench.submissions.formats.spec import Spec
from inkbench.submissions.pack import zip_bytes
from inkbench.submissions.reference import form_of, served
from inkbench.submissions.score import score_here, score_with_bundle
from inkbench.submissions.vendor import ROOT, program
from inkbench.tasks.metrics import saliency
from inkbench.tasks.metrics.metric import Metric
from inkbench.tasks.metrics.scorer import Scorer

FLAVORS = ("codabench", "codalab")


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Path:
    """A folder that holds numpy and Pillow, and nothing else, for a Python without site-packages."""
    folder = tmp_path_factory.mktemp("bare")
    for place in map(Path, site.getsitepackages()):
        for name in ("numpy", "numpy.libs", "PIL", "pillow.libs", "Pillow.libs"):
            if (place / name).exists():
                (folder / name).symlink_to(place / name)
    return folder


@pytest.fixture(scope="module")
def bundles(references, tmp_path_factory):
    """Both kinds of bundle for every task, as folders."""
    folder = tmp_path_factory.mktemp("bundles")
    found = {}
    for task, reference in references.items():
        for flavor in FLAVORS:
            found[task, flavor] = folder / f"{task}-{flavor}"
            bundle(reference, flavor, found[task, flavor])
    return found


class Worker:
    """What a server's worker does with an uploaded bundle, written from the servers' sources, not from ours."""

    def __init__(self, packed: Path, root: Path, bare: Path):
        self.root, self.bare = root, bare
        with zipfile.ZipFile(packed) as file:
            file.extractall(root / "bundle")
        told = yaml.safe_load((root / "bundle" / "competition.yaml").read_text())
        if told.get("version") == 2:
            (task,) = told["tasks"]
            self.keys = [column["key"] for column in told["leaderboards"][0]["columns"]]
        else:
            task = told["phases"][1]
            ranked = sorted(told["leaderboard"]["columns"].items(), key=lambda entry: entry[1]["rank"])
            self.keys = [key for key, _ in ranked]
        self.laid(task["scoring_program"], "program")
        self.laid(task["reference_data"], "input/ref")

    def laid(self, name: str, target: str):
        source, target = self.root / "bundle" / name, self.root / target
        if source.is_dir():
            target.parent.mkdir(exist_ok=True)
            source.rename(target)
        else:
            with zipfile.ZipFile(source) as file:
                file.extractall(target)

    def run(self, submission: Path) -> subprocess.CompletedProcess:
        for name in ("input/res", "output"):
            folder = self.root / name
            if folder.exists():
                subprocess.run(["rm", "-r", str(folder)], check=True)
            folder.mkdir(parents=True)
        with zipfile.ZipFile(submission) as file:
            file.extractall(self.root / "input" / "res")
        command = yaml.safe_load((self.root / "program" / "metadata").read_text())["command"]
        for token, place in (("$input", "input"), ("$output", "output"), ("$program", "program")):
            command = command.replace(token, str(self.root / place))
        words = shlex.split(command)
        assert words[0] == "python3"
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(self.bare)}
        return subprocess.run(
            [sys.executable, "-S", *words[1:]],
            cwd=self.root / "program", env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def scores(self) -> dict[str, float]:
        """The scores as the servers read them; both files say the same."""
        output = self.root / "output"
        assert "metadata" not in {path.name for path in output.iterdir()}
        told = json.loads((output / "scores.json").read_text(), parse_constant=pytest.fail)
        lines = (output / "scores.txt").read_text().splitlines()
        assert all(line.count(":") == 1 for line in lines)
        assert yaml.safe_load("\n".join(lines)) == told
        assert all(isinstance(value, float) for value in told.values())
        return told


def packed(reference, path: Path, seed: int = 0) -> Path:
    """A submission of a seeded nobody, in the usual form (maps without loss)."""
    form = form_of(reference.task)
    sizes = [truth["map"].shape if "map" in truth else (0, 0) for truth in reference.truths]
    items = item_arrays(reference.items) | dict(zip(("height", "width"), np.array(sizes).T, strict=True))
    spec = Spec("npy" if reference.task.name == "saliency" else form.forms[0])
    return zipped(path, dict(sorted(form.write(items, nobody(reference, seed), reference.options, spec).items())))


@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("task", TASKS)
def test_a_bundle_runs_end_to_end_with_numpy_and_pillow_alone(references, bundles, bare, tmp_path, task, flavor):
    reference, folder = references[task], bundles[task, flavor]
    worker = Worker(folder.with_name(f"{folder.name}.zip"), tmp_path / "server", bare)
    submissions = {"nobody": packed(reference, tmp_path / "nobody.zip")}
    if flavor == "codabench":
        submissions["baseline"] = worker.root / "bundle" / "solutions" / "baseline.zip"
    for name, submission in submissions.items():
        done = worker.run(submission)
        assert done.returncode == 0, done.stderr
        told = worker.scores()
        assert list(told) == worker.keys, name
        known = in_process(reference, submission)
        named = {column.key: column.metric for column in columns(reference.task.scorer, list(known))}
        assert set(told) <= set(named)
        for key, value in told.items():
            assert value == pytest.approx(known[named[key]], abs=1e-9), (name, key)
        rows = list(csv.DictReader((worker.root / "output" / "items.csv").read_text().splitlines()))
        assert [row["id"] for row in rows] == reference.ids


@pytest.mark.parametrize("flavor", FLAVORS)
def test_an_invalid_submission_fails_and_has_no_score(bundles, bare, tmp_path, flavor):
    folder = bundles["detection", flavor]
    worker = Worker(folder.with_name(f"{folder.name}.zip"), tmp_path / "server", bare)
    refused = worker.run(zipped(tmp_path / "bad.zip", {"folder/x.txt": b"", "x.txt": b""}))
    assert refused.returncode != 0
    assert "error: folder/x.txt: is in a folder" in refused.stderr
    assert not list((worker.root / "output").iterdir()), "an invalid submission has no score"


def in_process(reference, submission: Path) -> dict[str, float]:
    """The metrics that a server computes, by the functions that score a run."""
    scorer, report = reference.task.scorer, Report(strict=True)
    found = dict(predictions(submission, form_of(reference.task), reference.options, reference, report))
    assert report.errors == []
    ordered = [found[item] for item in reference.ids]
    items = scorer.score_items(ordered, reference.truths, ids=reference.ids, **served(reference))
    return scorer.aggregate(items | item_arrays(reference.items))


def test_what_a_server_lacks_cannot_be_imported_here_either(bare):
    code = """
import importlib, numpy, PIL
for name in ("scipy", "sklearn", "torch", "pydantic", "yaml"):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        continue
    raise SystemExit(f"{name} is there")
"""
    done = subprocess.run([sys.executable, "-S", "-c", code], env={"PYTHONPATH": str(bare)}, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_program_is_a_copy_of_the_files_that_score_a_cell(bundles):
    for task in TASKS:
        shipped = bundles[task, "codabench"] / "scoring_program"
        copies = [path for path in shipped.rglob("*.py") if path.name != "score.py"]
        assert shipped / "inkbench" / "tasks" / "metrics" / f"{task}.py" in copies
        for path in copies:
            place = path.relative_to(shipped / "inkbench")
            own = ROOT / ("inkbench" if place.name == str(place) else "") / place
            assert path.read_bytes() == own.read_bytes(), path


def test_a_bundle_has_the_same_bytes_every_time_and_is_never_written_over(references, bundles, tmp_path):
    again = tmp_path / "again"
    bundle(references["reid"], "codabench", again)
    first = bundles["reid", "codabench"]
    assert (tmp_path / "again.zip").read_bytes() == first.with_name(f"{first.name}.zip").read_bytes()
    with pytest.raises(UsageError, match="already exists"):
        bundle(references["reid"], "codabench", again)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        bundle(references["reid"], "codabench", tmp_path / "file" / "x")


def test_check_and_score_against_a_bundle(references, bundles, small_synth, tmp_path, capsys):
    submission = packed(references["detection"], tmp_path / "x.zip")
    for flavor in FLAVORS:
        folder = bundles["detection", flavor]
        found = values(score_with_bundle(submission, folder).metrics)
        assert found == pytest.approx(values(score_here(submission, references["detection"]).metrics), abs=1e-9)
        words = [str(submission), "--reference", str(folder)]
        assert verb_submit(["check", *words, "--strict"]) == 0
        assert verb_submit(["score", *words, "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == found
    nested = {f"x/{name}": data for name, data in unzipped(submission).items()}
    with pytest.raises(UsageError, match="enclosing folder"):
        score_with_bundle(zipped(tmp_path / "nested.zip", nested), folder)
    out = tmp_path / "made"
    made = ["bundle", "--task", "reid", "--reference", str(small_synth), "--out", str(out), "--flavor", "codalab"]
    assert verb_submit(made) == 0
    assert capsys.readouterr().out == f"{out}.zip\n"
    (out / "reference_data.zip").unlink()
    with pytest.raises(UsageError, match="has no reference_data"):
        score_with_bundle(submission, out)


def unzipped(path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_what_a_server_cannot_run_is_not_bundled():
    class Far(Scorer):
        module = "inkbench.tasks.detection.task"

    def x(scorer):
        return program(SimpleNamespace(name="x", scorer=scorer, prediction_format=maps.FORMAT))

    far = Far(saliency.METRICS, saliency.score_items, saliency.aggregate, saliency.counts)
    with pytest.raises(UsageError, match=r"x cannot be scored by a server: .*imports (pydantic|torch)"):
        x(far)
    with pytest.raises(UsageError, match="toy_scorer is not a module of inkbench"):
        x(toy_scorer.SCORER)
    assert set(x(saliency.SCORER)) >= {"score.py", "metadata", "metadata.yaml"}


def test_a_program_finds_scorers_and_formats_by_the_names_of_their_modules():
    for name in registry.names("tasks"):
        task = registry.load("tasks", name)
        assert vars(importlib.import_module(task.scorer.module))["SCORER"] is task.scorer
        assert vars(importlib.import_module(task.prediction_format.module))["FORMAT"] is task.prediction_format


def test_names_that_no_leaderboard_takes_are_refused():
    defined = (Metric("a" * 37, "", "max", ""), Metric("x[1]", "", "min", "what"), Metric("x(1)", "", "max", ""))
    scorer = replace(saliency.SCORER, metrics=defined)
    with pytest.raises(UsageError, match="more than 36 characters"):
        columns(scorer, ["a" * 37])
    with pytest.raises(UsageError, match="the same key"):
        columns(scorer, ["x[1]", "x(1)"])
    (column,) = columns(scorer, ["x[1]"])
    assert (column.key, column.title, column.sorting, column.help) == ("x_1", "x[1]", "asc", "what")


@pytest.fixture(scope="module")
def whole(references):
    """The files of both kinds of bundle of one task."""
    return {flavor: competition(references["reid"], flavor) for flavor in FLAVORS}


LONG = "x" * 37


def put(path, value):
    """A change of competition.yaml: the entry at ``path`` becomes ``value``, or goes where it is ``...``."""

    def change(told, files):
        *way, last = path
        for step in way:
            told = told[step]
        if value is ...:
            del told[last]
        else:
            told[last] = value

    return change


def without(prefix):
    def change(told, files):
        for name in [name for name in files if name.startswith(prefix)]:
            del files[name]

    return change


def emptied(name):
    return lambda told, files: files.update({name: b""})


def two_phases(end, start):
    def change(told, files):
        first = told["phases"][0]
        told["phases"] = [{**first, "end": end}, {**first, "index": 1, "start": start}]

    return change


TASK, PHASE, BOARD = ("tasks", 0), ("phases", 0), ("leaderboards", 0)
COLUMN = (*BOARD, "columns", 0)
OLD, OLD_BOARD = ("phases", 1), ("leaderboard",)
OLD_COLUMN = ("leaderboard", "columns", "map_r")


@pytest.mark.parametrize(
    ("flavor", "change", "message"),
    [
        ("codabench", put(("title",), ""), "no title"),
        ("codabench", put(("image",), "no.png"), "image no.png is missing"),
        ("codabench", put(("version",), 1), "version is not 2"),
        ("codabench", put(("docker_image",), ...), "no docker_image"),
        ("codabench", put(("terms",), ...), "terms None missing or empty"),
        ("codabench", emptied("pages/terms.md"), "terms pages/terms.md missing or empty"),
        ("codabench", emptied("pages/data.md"), "page pages/data.md has no title, is missing or is empty"),
        ("codabench", put(("pages",), ...), "no pages"),
        ("codabench", put(("tasks",), ...), "no tasks"),
        ("codabench", put((*TASK, "index"), ...), "a task has no index"),
        ("codabench", lambda told, _: told["tasks"].append(told["tasks"][0]), "two tasks have the same index"),
        ("codabench", put((*TASK, "name"), ...), "a task has no name"),
        ("codabench", put((*TASK, "scoring_program"), ...), "scoring_program None is missing"),
        ("codabench", without("scoring_program/metadata"), "has no command"),
        ("codabench", without("reference_data/"), "reference_data reference_data is missing"),
        ("codabench", put(("solutions", 0, "index"), ...), "a solution has no index"),
        ("codabench", put(("solutions", 0, "tasks"), [7]), "a solution names no task, or one that does not exist"),
        ("codabench", without("solutions/"), "solution solutions/baseline.zip is missing"),
        ("codabench", put(("phases",), []), "no phases"),
        ("codabench", put((*PHASE, "name"), ...), "a phase has no name"),
        ("codabench", put((*PHASE, "start"), "soon"), "a phase has no start"),
        ("codabench", put((*PHASE, "tasks"), [3]), "a phase names no task, or one that does not exist"),
        ("codabench", without("starting_kit/"), "starting_kit starting_kit is missing"),
        ("codabench", two_phases(None, "2026-01-01"), "a phase followed by another has no end"),
        ("codabench", two_phases("2026-01-01", "2025-06-01"), "phases overlap"),
        ("codabench", put(("leaderboards",), ...), "no leaderboards (the key is plural)"),
        ("codabench", put((*BOARD, "key"), LONG), "a leaderboard has no title, or no key of at most 36"),
        ("codabench", put((*BOARD, "submission_rule"), "Best"), "submission_rule Best is none of"),
        ("codabench", put((*BOARD, "columns"), []), "a leaderboard has no columns"),
        ("codabench", put((*COLUMN, "title"), LONG), "title and key have 1 to 36 characters"),
        ("codabench", put((*COLUMN, "sorting"), "down"), "sorting is asc or desc"),
        ("codabench", put((*COLUMN, "key"), "p_1"), "two columns have the same key"),
        ("codabench", put((*COLUMN, "index"), 5), "columns are not numbered from 0"),
        ("codalab", put(("description",), ""), "no description"),
        ("codalab", put(("competition_docker_image",), ""), "no competition_docker_image"),
        ("codalab", put(("html",), ...), "no html"),
        ("codalab", put(("html", "terms"), ...), "html has no terms"),
        ("codalab", emptied("pages/data.html"), "page data (pages/data.html) is missing or empty"),
        ("codalab", put(("phases",), ...), "no phases, a dictionary by number"),
        ("codalab", put((*OLD, "phasenumber"), ...), "a phase has no phasenumber"),
        ("codalab", put((*OLD, "label"), ...), "a phase has no label"),
        ("codalab", put((*OLD, "start_date"), ...), "a phase has no start_date"),
        ("codalab", without("scoring_program.zip"), "scoring_program scoring_program.zip is missing"),
        (
            "codalab",
            lambda _, files: files.update({"scoring_program.zip": zip_bytes({"metadata": b"description: x"})}),
            "has no command",
        ),
        ("codalab", lambda _, files: files.update({"reference_data.zip": b"PK"}), "reference_data.zip is missing"),
        ("codalab", without("starting_kit.zip"), "starting_kit starting_kit.zip is missing"),
        ("codalab", put(OLD_BOARD, ...), "no leaderboard"),
        ("codalab", put((*OLD_BOARD, "leaderboards"), ...), "leaderboard has no leaderboards"),
        ("codalab", put((*OLD_BOARD, "leaderboards", "RESULTS", "label"), ""), "a leaderboard has no label"),
        ("codalab", put((*OLD_BOARD, "columns"), ...), "leaderboard has no columns"),
        ("codalab", put((*OLD_COLUMN, "label"), LONG), "key and label have 1 to 36 characters"),
        ("codalab", put((*OLD_COLUMN, "leaderboard"), {"label": "Other"}), "belongs to no leaderboard"),
        ("codalab", put((*OLD_COLUMN, "sort"), "down"), "sort is asc or desc"),
        ("codalab", put((*OLD_COLUMN, "rank"), "first"), "rank and numeric_format are whole numbers"),
    ],
)
def test_every_rule_of_the_servers_unpackers(whole, flavor, change, message):
    files = dict(whole[flavor])
    assert broken(files, flavor) == []
    told = yaml.safe_load(files["competition.yaml"].decode())
    change(told, files)
    files["competition.yaml"] = yaml.safe_dump(told).encode()
    assert any(message in said for said in broken(files, flavor)), broken(files, flavor)


@pytest.mark.parametrize(
    ("data", "message"),
    [(None, "there is no competition.yaml"), (b"a: [", "is not YAML"), (b"- 1", "is not a dictionary")],
)
def test_a_competition_that_cannot_be_read(whole, data, message):
    files = dict(whole["codabench"])
    del files["competition.yaml"]
    if data is not None:
        files["competition.yaml"] = data
    (said,) = broken(files, "codabench")
    assert message in said


def test_the_starting_kit_says_which_items_there_are_and_holds_a_valid_submission(references, bundles, tmp_path):
    kit = bundles["inpainting", "codabench"] / "starting_kit"
    rows = list(csv.DictReader((kit / "items.csv").read_text().splitlines()))
    assert [row["id"] for row in rows] == references["inpainting"].ids
    sample = unzipped(io.BytesIO((kit / "sample_submission.zip").read_bytes()))
    assert set(sample) == {f"{row['file']}.png" for row in rows}
