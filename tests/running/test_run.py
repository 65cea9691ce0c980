"""The main job end to end through the command line: table, pictures, records, reuse, dry run."""

import json
import shutil

from conftest import TINY
from record_files import written

from inkbench.benchmark.store.arrays import read_arrays
from inkbench.benchmark.store.files import checksum
from inkbench.benchmark.store.record import SCHEMA
from inkbench.benchmark.store.store import Store


def test_the_main_job_prints_a_table_with_its_control_rows(first_run):
    done, results = first_run
    assert done.returncode == 0, done.stderr
    rows = [line.split()[0] for line in done.stdout.splitlines() if line.split()]
    assert {"random", "jigsaw"} <= set(rows)
    assert "constant-box" in done.stdout
    assert "Synthetic data" in done.stdout
    assert "Single seed" in done.stdout
    for suffix in ("md", "csv", "json"):
        assert list((results / "tables").glob(f"*.{suffix}"))


def test_records_say_how_each_number_came_about(first_run):
    store = Store(first_run[1])
    records = {record["method"]: record for record in written(store.root)}
    assert set(records) == {"random", "jigsaw", "trivial:constant-box"}
    for record in records.values():
        assert record["status"] == "done"
        assert record["metrics"][record["primary"]]["n"] > 0
        path = store.items_path(record["id"])
        assert checksum(path.read_bytes()) == record["items"]["sha256"]
        items = read_arrays(path)
        assert len(items["series"]) == record["metrics"]["ap"]["n"]
        assert list((store.root / "runs" / record["id"]).glob("*.png"))
        assert record["provenance"]["packages"]["torch"]
        assert record["request"]["typed"][0] == "--method"
    jigsaw = records["jigsaw"]
    assert jigsaw["images_seen"] == 256
    assert jigsaw["changed"]["pretrain.images"] == 256
    assert jigsaw["exclusions"]["pretraining"]["panels_of_other_series_held_back"] > 0
    assert jigsaw["pretext"]["accuracy"]["trivial"] < 1
    assert jigsaw["chosen"]["batch_norm"] == "re-estimated"
    assert records["random"]["images_seen"] == 0
    assert list((store.root / "runs" / jigsaw["pretraining"]).glob("*.png"))


def test_no_json_under_cells_is_anything_but_a_record(first_run):
    for path in (first_run[1] / "cells").rglob("*.json"):
        assert json.loads(path.read_text())["schema"] == SCHEMA


def test_the_same_command_again_runs_nothing_and_prints_the_same(cli, first_run):
    done, results = first_run
    before = {path: path.stat().st_mtime_ns for path in (results / "cells").rglob("*")}
    again = cli("--method", "jigsaw", "--task", "detection", *TINY, "--results", results)
    assert again.returncode == 0
    assert again.stdout == done.stdout
    assert {path: path.stat().st_mtime_ns for path in (results / "cells").rglob("*")} == before


def test_a_dry_run_lists_stages_with_times_and_writes_nothing(cli, tmp_path):
    results = tmp_path / "results"
    done = cli("--method", "jigsaw", "--task", "detection", *TINY, "--results", results, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "pretrain jigsaw" in done.stdout
    assert "3 runs, 1 pretraining: about" in done.stdout
    assert not results.exists()


def test_list_runs_and_declared_tables_read_the_store(cli, first_run):
    runs = json.loads(cli("list", "runs", "--json", "--results", first_run[1]).stdout)
    assert {run["method"] for run in runs} == {"random", "jigsaw", "trivial:constant-box"}
    table = cli("table", "jigsaw-detection", "--results", first_run[1])
    assert table.returncode == 2
    assert "run it with: table jigsaw-detection --run" in table.stderr


def test_damaged_files_are_named_and_mended(cli, first_run, tmp_path):
    results = tmp_path / "results"
    shutil.copytree(first_run[1], results)
    paths = {json.loads(path.read_text())["method"]: path for path in results.glob("cells/*/*.json")}
    paths["random"].write_bytes(paths["random"].read_bytes()[:100])
    foreign = results / "cells" / "yy" / "yyy.json"
    foreign.parent.mkdir()
    foreign.write_text('{"schema": 1}')
    listed = cli("list", "runs", "--results", results)
    assert listed.returncode == 0
    assert listed.stderr.count("skipped:") == 2
    words = ("--method", "jigsaw", "--task", "detection", *TINY, "--results", results)
    again = cli(*words)
    assert again.returncode == 0, again.stderr
    assert again.stdout == first_run[0].stdout
    assert "recomputing" in again.stderr
    items = results / "cells" / paths["jigsaw"].parent.name / f"{paths['jigsaw'].stem}.items.npz"
    items.write_bytes(items.read_bytes()[:50])
    weights = next(results.glob("backbones/*/weights.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-8] + b"\0" * 8)
    content = next(first_run[1].glob("backbones/*/weights.safetensors")).read_bytes()
    mended = cli(*words)
    assert mended.returncode == 0, mended.stderr
    assert f"{weights} is damaged (its checksum differs from its card); set aside" in mended.stderr
    assert mended.stdout == first_run[0].stdout
    assert weights.read_bytes() == content
