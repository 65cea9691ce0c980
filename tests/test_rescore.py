"""Stored predictions scored again: the same figures, or a new record where the definition changed since."""

import json
import shutil

import pytest

from inkbench.benchmark.store.files import key_of


@pytest.fixture
def measured(first_run, tmp_path):
    """A copy of the first run's records, with its drawn data."""
    results = tmp_path / "results"
    shutil.copytree(first_run[1] / "cells", results / "cells")
    (results / "cache").symlink_to(first_run[1] / "cache")
    return results


def records(results):
    return {path: json.loads(path.read_text()) for path in results.glob("cells/*/*.json")}


def test_scoring_again_gives_the_same_figures_and_mends_a_record_that_was_changed(cli, measured):
    before = {path: path.read_bytes() for path in records(measured)}
    done = cli("rescore", "--results", measured)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("nothing changed") == len(before)
    assert {path: json.loads(path.read_bytes()) for path in before} == {p: json.loads(b) for p, b in before.items()}
    path, record = next((p, r) for p, r in records(measured).items() if r["method"] == "jigsaw")
    true = record["metrics"]["ap"]["value"]
    record["metrics"]["ap"]["value"] = 0.999
    path.write_text(json.dumps(record))
    done = cli("rescore", record["id"][:8], "--results", measured)
    assert "ap 0.999 -> " in done.stdout
    assert json.loads(path.read_text())["metrics"]["ap"]["value"] == true


def test_a_changed_definition_makes_a_new_record_and_keeps_the_old_one(cli, measured):
    path, record = next((p, r) for p, r in records(measured).items() if r["method"] == "jigsaw")
    today = record["id"]
    record["identity"]["metrics"]["ap"] = 0
    record["metrics"].pop("ap50")
    record["id"] = key_of(record["identity"])
    older = measured / "cells" / record["id"][:2] / path.name.replace(today, record["id"])
    older.parent.mkdir(exist_ok=True)
    older.write_text(json.dumps(record))
    for suffix in (".items.npz", ".predictions.npz"):
        path.with_suffix(suffix).rename(older.with_suffix(suffix))
    path.unlink()
    done = cli("rescore", record["id"], "--results", measured)
    assert done.returncode == 0, done.stderr
    assert f"(new); now cell {today[:10]}" in done.stdout, "the id that a run with today's definitions gives"
    assert older.is_file()
    assert json.loads(path.read_text())["rescored_from"] == record["id"]


def test_what_cannot_be_scored_again_is_refused_by_name(cli, measured):
    path, record = next((p, r) for p, r in records(measured).items() if r["method"] == "jigsaw")
    predictions = path.with_suffix(".predictions.npz")
    kept = predictions.read_bytes()
    predictions.write_bytes(kept[:100])
    done = cli("rescore", record["id"][:8], "--results", measured)
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot be read" in done.stderr
    done = cli("rescore", "--results", measured)
    assert done.returncode == 1, "the others are scored"
    assert "nothing changed" in done.stdout
    predictions.write_bytes(kept)
    path.write_text(json.dumps({**record, "data": {**record["data"], "fingerprint": "other"}}))
    assert "has changed since" in cli("rescore", record["id"][:8], "--results", measured).stderr
