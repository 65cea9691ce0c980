"""A folder of submissions as a table: ranked, ties shared, failures with their reason, tested against each other."""

import json
import shutil

import numpy as np
import pytest
from record_files import written
from submission_data import gaze_folder, good, npy_bytes, zipped

from inkbench.benchmark.cli.verbs import verb_submit
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards.table import Block, Head, Row, RowKind, Setup, Table
from inkbench.submissions.leaderboard import leaderboard, ranked
from inkbench.submissions.reference import Asked, read_reference


@pytest.fixture
def reference(tmp_path):
    return read_reference(Asked(data=str(gaze_folder(tmp_path / "reference"))))


@pytest.fixture
def folder(reference, tmp_path):
    """Four submissions: one that knows the truth, two equal ones, one that is invalid."""
    zips = tmp_path / "zips"
    zips.mkdir()
    rng = np.random.default_rng(0)
    near = {
        f"{item}.npy": npy_bytes(truth["map"] + rng.uniform(0, 60, (20, 20)).astype(np.float32))
        for item, truth in zip(reference.ids, reference.truths, strict=True)
    }
    zipped(zips / "near.zip", near)
    zipped(zips / "far.zip", good())
    shutil.copy(zips / "far.zip", zips / "again.zip")
    zipped(zips / "lost.zip", {"Yves_01.png": good()["Yves_01.png"]})
    return zips


def test_ranks_ties_and_failures(reference, folder, tmp_path):
    store = Store(tmp_path / "store")
    table, failed = leaderboard(folder, reference, store, "quick", strict=True)
    (block,) = table.blocks
    labels = [row.label for row in block.rows]
    assert (failed, labels[0], labels[-1]) == (1, "1. near", "- lost")
    assert {"2= again", "2= far"} == {label for label in labels if label.startswith("2=")}
    assert "trivial:mean-map" in labels, "a baseline stands beside them, without a rank"
    lost = block.rows[-1]
    assert lost.status == "failed"
    assert "3 of 4 maps missing" in lost.marks[0]
    assert any("a rank with = is shared" in note for note in table.notes)
    assert block.rows[0].cells["primary"].value > 0.9
    assert "images" not in [head.key for head in table.columns]
    assert {record["status"] for record in written(store.root)} == {"done", "failed"}


def test_the_command(reference, folder, tmp_path, capsys):
    words = ["leaderboard", str(folder), "--reference", str(tmp_path / "reference"), "--results", str(tmp_path / "r")]
    assert verb_submit([*words, "--format", "json"]) == 1, "one of them has no score"
    said = capsys.readouterr()
    table = json.loads(said.out)
    assert next(row["label"] for row in table["blocks"][0]["rows"]) == "1. near"
    assert table["blocks"][0]["rows"][0]["cells"]["n"]["value"] == "4/2/1"
    written = said.err.strip().removeprefix("table: ")
    assert written.startswith(str(tmp_path / "r" / "submissions" / "tables"))
    (folder / "lost.zip").unlink()
    assert verb_submit(words) == 0
    with pytest.raises(UsageError, match="contains no zip"):
        verb_submit(["leaderboard", str(tmp_path), *words[2:]])


def test_ranks_follow_the_metrics_direction():
    def row(label, value):
        kind, _, name = label.partition(":")
        trivial = RowKind.BEST_TRIVIAL if kind == "trivial" else RowKind.COMPARED
        return Row(label, "done", {}, metrics={"error": value}, kind=trivial, name=name)

    rows = (row("predictions:b", 2.0), row("trivial:x", 1.5), row("predictions:a", 1.0), row("predictions:c", 2.0))
    table = Table("t", "t", "", (Head("primary", "error"), Head("trials", "")), (Block(Setup(""), rows),))
    found = ranked(table, "error", "min")
    assert [row.label for row in found.blocks[0].rows] == ["1. a", "trivial:x", "2= b", "2= c"]
    assert [row.label for row in ranked(table, "error", "max").blocks[0].rows] == ["1= b", "1= c", "trivial:x", "3. a"]
    assert [head.key for head in found.columns] == ["primary"]
