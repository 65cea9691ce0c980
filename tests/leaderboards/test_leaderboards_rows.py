"""Which records make a row, a block and a table, and which must not meet."""

import os

import numpy as np
import pytest
from leaderboard_records import detection_items, record, rows, saliency_items, usual
from record_files import data_used

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import build, render
from inkbench.leaderboards.significance import item_statistics


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def test_no_difference_crosses_blocks(store):
    other = {"name": "resnet18", "side": 128}
    records = [*usual(store), record(store, "j9", "jigsaw", saliency_items(0.6, 9), backbone=other)]
    table = build.build(store, records, "t")
    assert [block.setup.backbone for block in table.blocks] == ["test_resnet", "resnet18"]
    alone = next(row for row in table.blocks[1].rows if row.label == "jigsaw")
    assert alone.cells["difference"].value is None
    assert alone.cells["p"].value is None
    assert alone.cells["p_trivial"].value is not None
    assert any(note.startswith("no baseline row random") for note in table.blocks[1].notes)
    here = next(row for row in table.blocks[0].rows if row.label == "jigsaw")
    assert here.cells["difference"].value == pytest.approx(0.05, abs=0.02)


def test_task_settings_make_blocks_and_name_them(store):
    wider = {"task": {"side": 128, "steps": 600}, "method": {}, "backbone": {"mean": None}}
    changed = {"changed": {"saliency.steps": 600}, "settings": wider}
    records = [*usual(store), record(store, "r6", "random", saliency_items(0.5, 3), **changed)]
    table = build.build(store, records, "t")
    assert [str(block.setup) for block in table.blocks] == [
        "test_resnet, 128 px, frozen",
        "test_resnet, 128 px, frozen, saliency.steps=600",
    ]
    assert [row.label for row in table.blocks[1].rows] == ["random"]


def test_labels_tell_deviations_only(store):
    budget = {"pretrain.images": 99}
    settings = {
        "task": {"side": 128, "steps": 300},
        "method": {"gap": False},
        "backbone": {"mean": None},
        "pretrain": {"images": 99},
    }
    records = usual(store)
    records[2] = record(store, "j0", "jigsaw", saliency_items(0.4, 2), changed=budget)
    records.append(
        record(
            store,
            "j1",
            "jigsaw",
            saliency_items(0.4, 3),
            changed={"jigsaw.gap": False, "jigsaw.milestones": [0.3, 0.6], **budget},
            settings=settings,
        )
    )
    table = build.build(store, records, "t")
    assert list(rows(table)) == ["trivial:centre", "random", "jigsaw", "jigsaw gap=false milestones=0.3,0.6"]
    assert "all pretrained rows: pretrain.images=99" in table.notes


def test_other_pretraining_data_and_starts_are_told(store):
    elsewhere = data_used("open-mantra", fingerprint="m" * 20)
    records = [
        *usual(store),
        record(store, "j1", "jigsaw", saliency_items(0.4, 3), pretrain_data=elsewhere),
        record(store, "j2", "jigsaw", saliency_items(0.4, 4), changed={"init": "imagenet"}, given=True),
    ]
    found = rows(build.build(store, records, "t"))
    assert {"jigsaw", "jigsaw pretrain-data=open-mantra", "jigsaw init=imagenet"} <= set(found)
    assert any(mark.startswith("External weights") for mark in found["jigsaw init=imagenet"].marks)


def test_versions_of_a_metric_are_not_mixed(store):
    records = usual(store)
    newer = {
        name: figure.model_copy(update={"version": figure.version + 1}) for name, figure in records[2].metrics.items()
    }
    records[2] = record(store, "j0", "jigsaw", saliency_items(0.4, 2), metrics=newer)
    with pytest.raises(UsageError, match=r"mix versions of metric cc.*repeat the older runs"):
        build.build(store, records, "t")


def test_versions_of_a_protocol_are_not_mixed(store):
    records = usual(store)
    records[2] = record(store, "j0", "jigsaw", saliency_items(0.4, 2), protocol="frozen@2")
    with pytest.raises(UsageError, match=r"mix versions of protocol: frozen@1 .*frozen@2"):
        build.build(store, records, "t")


def test_an_older_version_gives_way_to_a_newer_run(store):
    """Rows that were run again under a new protocol make a table, though the old records still lie there."""
    records = usual(store)
    for one in records:
        os.utime(store.record_path(one.id), (1, 1))
    again = [
        record(store, f"new{k}", method, saliency_items(0.5, k), protocol="frozen@2")
        for k, method in enumerate(("trivial:centre", "random", "jigsaw"))
    ]
    table = build.build(store, [*records, *again], "t")
    assert [row.records for row in rows(table).values()] == [("new0",), ("new1",), ("new2",)]
    assert any("newest complete one: protocol frozen@2" in note for note in table.blocks[0].notes)


def test_of_several_environments_the_whole_one_is_taken_and_named(store):
    """The newer environment has only one of two seeds: the row stays with the older, whole one."""
    old = {"packages": {"torch": "2.14.0"}, "device": "cpu", "world": 1, "threads": 2}
    records = []
    for seed in range(2):
        records.append(record(store, f"o{seed}", "random", saliency_items(0.3, seed), seed=seed, provenance=old))
        os.utime(store.record_path(f"o{seed}"), (1, 1))
    records.append(record(store, "n0", "random", saliency_items(0.3, 8)))
    table = build.build(store, records, "t")
    assert rows(table)["random"].records == ("o0", "o1")
    assert any("torch 2.14.0" in note for note in table.blocks[0].notes)


@pytest.mark.seconds
def test_one_table_for_each_protocol_and_dataset(store):
    other = data_used("open-mantra", fingerprint="o" * 20)
    records = [
        *usual(store),
        record(store, "f0", "random", saliency_items(0.5), protocol="finetune@1", family="finetune"),
        record(store, "m0", "random", saliency_items(0.5), data=other),
        record(store, "d0", "random", detection_items(0.5), task="detection"),
    ]
    made = build.tables(store, records)
    assert [table.name for table in made] == [
        "saliency-frozen-synth-quick",
        "saliency-finetune-synth-quick",
        "saliency-frozen-open-mantra-quick",
        "detection-frozen-synth-quick",
    ]
    with pytest.raises(UsageError, match="a table needs one task"):
        build.build(store, records, "t")
    again = {**other, "fingerprint": "p" * 20}
    made = build.tables(store, [*records[4:5], record(store, "m1", "random", saliency_items(0.5), data=again)])
    assert len({table.name for table in made}) == 2


def test_seeds_of_a_row_are_one_row(store):
    records = [record(store, "t0", "trivial:centre", saliency_items(0.2))]
    for seed in range(3):
        records.append(record(store, f"r{seed}", "random", saliency_items(0.35, seed), seed=seed))
        records.append(record(store, f"j{seed}", "jigsaw", saliency_items(0.45, 10 + seed), seed=seed))
    table = build.build(store, records, "t")
    found = rows(table)["jigsaw"]
    assert list(rows(table)) == ["trivial:centre", "random", "jigsaw"]
    assert found.cells["n"].text == "192/16/3"
    assert found.cells["primary"].value == pytest.approx(
        np.mean([saliency_items(0.45, 10 + seed)["cc"].mean() for seed in range(3)])
    )
    assert found.cells["difference"].extra["seeds"] == 3
    assert found.cells["p_trivial"].value < 0.05
    assert "Single seed" not in render.text(table)
    assert any("bootstrap interval over seeds, series and items" in note for note in table.notes)


def test_rows_with_other_seeds_are_compared_over_the_common_ones(store):
    records = [record(store, f"r{seed}", "random", saliency_items(0.35, seed), seed=seed) for seed in range(3)]
    records += [record(store, f"j{seed}", "jigsaw", saliency_items(0.45, 9), seed=seed) for seed in (1, 2, 4)]
    records.append(record(store, "k7", "late", saliency_items(0.45, 9), seed=7))
    found = rows(build.build(store, records, "t"))
    assert found["jigsaw"].cells["difference"].extra["seeds"] == 2
    assert any("on common seeds only: 1, 2" in mark for mark in found["jigsaw"].marks)
    assert found["late"].cells["difference"].value is None
    assert any(mark.startswith("not compared") for mark in found["late"].marks)


def test_statistics_are_kept(store, monkeypatch):
    """A second look opens no items: it gives the same table after they are gone."""
    records = usual(store)
    first = render.json(build.build(store, records, "t"))
    for one in records:
        store.items_path(one.id).unlink()
    assert render.json(build.build(store, records, "t")) == first
    monkeypatch.setattr(item_statistics.statistics, "VERSION", 2)
    text = render.text(build.build(store, records, "t"))
    assert "per-item file j0.items.npz is missing; no interval or p-value" in text


def test_items_that_are_not_the_record_s_are_not_used(store):
    records = usual(store)
    path = store.items_path("j0")
    path.write_bytes(store.items_path("r0").read_bytes())
    table = build.build(store, records, "t")
    row = rows(table)["jigsaw"]
    assert row.cells["primary"].low is None
    assert row.cells["p"].value is None
    assert any("j0" in note and "not the one it was made with" in note for note in table.notes)


def test_rows_on_other_items_are_not_compared(store):
    records = usual(store)
    records[2] = record(store, "j0", "jigsaw", saliency_items(0.4, 2, each=11))
    row = rows(build.build(store, records, "t"))["jigsaw"]
    assert row.cells["difference"].value is None
    assert row.cells["primary"].low is not None
    assert any(mark.startswith("not compared") for mark in row.marks)


def test_two_contents_of_a_lone_file_are_two_rows_and_are_told_apart(store):
    """A method's file that was edited without a new version: seeds before and after are not seeds of one row."""
    before, after = ({"file": checksum, "method": "mine", "seed": 0} for checksum in ("0123456789", "abcdef0123"))
    of_file = {"changed": {"file": "mine.py"}}
    records = [
        *usual(store),
        record(store, "m0", "mine", saliency_items(0.4, 2), pretrained=before, **of_file),
        record(store, "m1", "mine", saliency_items(0.5, 3), pretrained=after, seed=1, **of_file),
        record(store, "n0", "other", saliency_items(0.5, 3), pretrained=before, **of_file),
    ]
    found = rows(build.build(store, records, "t"))
    assert {"mine file=mine.py content=01234567", "mine file=mine.py content=abcdef01"} < set(found)
    assert "other file=mine.py" in found
