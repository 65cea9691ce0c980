"""Stored predictions scored again: the same figures, or a new record where the definition changed since."""

import json
import shutil
from pathlib import Path

import pytest
from conftest import TINY

from inkbench.benchmark.store.files import key_of
from inkbench.benchmark.store.identity import record_id, work_id
from inkbench.benchmark.store.proof import stamped
from inkbench.benchmark.store.provenance import DECIDING, versions
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store


@pytest.fixture
def measured(first_run, tmp_path):
    """A copy of the first run's records, with its drawn data."""
    results = tmp_path / "results"
    shutil.copytree(first_run[1] / "cells", results / "cells")
    (results / "cache").symlink_to(first_run[1] / "cache")
    return results


def records(results):
    return {path: json.loads(path.read_text()) for path in results.glob("cells/*/*.json")}


def of_older_metrics(path, record):
    """The record and its items as they were before the task had ``ap50``; gives the older record's file."""
    record["metrics"].pop("ap50")
    record["identity"]["metrics"].pop("ap50")
    record["id"] = key_of(record["identity"])
    record["items"]["file"] = f"{record['id']}.items.npz"
    older = path.parents[1] / record["id"][:2] / f"{record['id']}.json"
    older.parent.mkdir(exist_ok=True)
    older.write_text(json.dumps(stamped(record)))
    path.with_suffix(".items.npz").rename(older.with_suffix(".items.npz"))
    path.unlink()
    return older


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
    older = of_older_metrics(path, record)
    done = cli("rescore", record["id"], "--results", measured)
    assert done.returncode == 0, done.stderr
    assert f"(new); now run {today[:10]}" in done.stdout, "the id that a run with today's definitions gives"
    assert older.is_file()
    again = json.loads(path.read_text())
    assert (again["was"], again["predictions"]) == (record["id"], record["predictions"])


def test_what_cannot_be_scored_again_is_refused_by_name(cli, measured):
    path, record = next((p, r) for p, r in records(measured).items() if r["method"] == "jigsaw")
    predictions = Store(measured).predictions_path(record["work"])
    kept = predictions.read_bytes()
    predictions.write_bytes(kept[:100])
    done = cli("rescore", record["id"][:8], "--results", measured)
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot be read" in done.stderr
    done = cli("rescore", "--results", measured)
    assert done.returncode == 1, "the others are scored"
    assert "nothing changed" in done.stdout
    predictions.write_bytes(kept)
    items = Store(measured).items_path(record["id"])
    there = items.read_bytes()
    for damaged in (b"", there[:100], None):
        items.write_bytes(damaged) if damaged is not None else items.unlink()
        done = cli("rescore", record["id"][:8], "--results", measured)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert "items.npz cannot be read" in done.stderr
    items.write_bytes(there)
    path.write_text(json.dumps({**record, "data": {**record["data"], "fingerprint": "other"}}))
    assert "has changed since" in cli("rescore", record["id"][:8], "--results", measured).stderr


def test_a_metric_that_is_new_is_scored_by_the_run_itself_and_no_head_is_trained(cli, first_run, measured):
    before = records(measured)
    texts = {path: path.read_text() for path in before}
    for path, record in before.items():
        of_older_metrics(path, record)
    done = cli("--method", "jigsaw", "--task", "detection", *TINY, "--results", measured)
    assert done.returncode == 0, done.stderr
    assert done.stdout.replace(str(measured), "") == first_run[0].stdout.replace(str(first_run[1]), "")
    assert done.stderr.count("(ap50 is new); no head is trained") == len(before)
    assert not any(word in done.stderr for word in ("pretrain jigsaw:", "train detection head"))
    assert not (measured / "backbones").exists(), "nor a backbone"
    for path, text in texts.items():
        old, new = json.loads(text), json.loads(path.read_text())
        assert new.pop("was") in {record["id"] for record in before.values()}
        for name in ("metrics", "predictions", "work", "identity", "trials", "provenance", "curve"):
            assert new.get(name) == old.get(name), name
    again = cli("--method", "jigsaw", "--task", "detection", *TINY, "--results", measured)
    assert again.stdout == done.stdout
    assert "no head is trained" not in again.stderr


def test_records_of_an_older_schema_are_taken_over_with_their_predictions(cli, with_synth):
    museum = Path(__file__).parents[1] / "museum" / "schema-2"
    shutil.copytree(museum / "cells", with_synth / "cells")
    then = {record["method"]: record for record in records(with_synth).values()}
    words = list(next(iter(then.values()))["request"]["typed"])
    words[words.index("--results") + 1] = with_synth
    if any(version != then["random"]["identity"]["packages"][name] for name, version in versions(DECIDING).items()):
        pytest.skip("other versions of torch and the like are other predictions")
    done = cli(*words, "--precision", then["random"]["identity"]["precision"])  # automatic, it is this machine's
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("(its id has changed); no head is trained") == len(then)
    now = {record["method"]: record for record in records(with_synth).values() if "was" in record}
    for method, record in now.items():
        assert record["was"] == then[method]["id"]
        assert record["metrics"] == then[method]["metrics"]
        assert record["predictions"]["file"] == f"{then[method]['id']}.predictions.npz", "they lie where they lay"


def test_another_version_of_what_validation_chooses_by_is_other_work(first_run):
    record = Record.from_json(next(iter(records(first_run[1]).values())))
    assert work_id(record.identity) == record.work != record.id == record_id(record.identity)
    defined = record.identity["metrics"]
    assert work_id({**record.identity, "metrics": {**defined, "new": 1}}) == record.work
    assert work_id({**record.identity, "chosen_by": {record.primary: defined[record.primary] + 1}}) != record.work
