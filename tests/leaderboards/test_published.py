"""The project's own boards are what their committed records give."""

import json
import shutil

import pytest
from record_files import written

from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import publish


@pytest.mark.seconds
def test_the_boards_are_those_of_the_records():
    assert publish.differing() == []
    assert any(name.startswith("overall-") for name in publish.boards())


def test_records_hold_no_folder_of_a_machine_and_are_small():
    files = [path for path in (publish.FOLDER / "records").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".json", ".npz"}
    assert sum(path.stat().st_size for path in files) < 5 * 2**20
    for record in written(publish.FOLDER / "records"):
        assert record["request"]["resolved"] == {}
        assert not [word for word in record["request"]["typed"] if word.startswith("/")]
        assert record["provenance"]["git"]["dirty"] is False


@pytest.mark.slow
def test_a_board_that_was_edited_is_named(tmp_path):
    folder = tmp_path / "published"
    shutil.copytree(publish.FOLDER, folder)
    edited, stale = next(iter(sorted(folder.glob("*.md")))), folder / "stale.md"
    edited.write_text(edited.read_text().replace("0.", "1.", 1))
    stale.write_text("# old\n")
    assert publish.differing(folder) == sorted([edited.name, "stale.md"])
    publish.write(folder)
    assert publish.differing(folder) == []


def test_only_finished_records_are_taken(tmp_path):
    source = Store(tmp_path / "results")
    shutil.copytree(publish.FOLDER / "records", source.root)
    records = written(source.root)
    source.record_path(records[0]["id"]).write_text(
        json.dumps({**records[0], "status": "failed", "reason": "none", "metrics": {}})
    )
    source.items_path(records[1]["id"]).write_bytes(b"")
    assert publish.add(source.root, tmp_path / "published") == len(records) - 2
