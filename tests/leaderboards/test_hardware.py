"""Hardware is in the record and in no id; rows that it mixes say so, naming both."""

import json
from types import SimpleNamespace

import pytest
import torch
from leaderboard_records import record, rows, saliency_items, usual

from inkbench.benchmark.store import provenance
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store
from inkbench.benchmark.training.engine import Device
from inkbench.leaderboards import build

AMD = {"device": "cpu", "processor": "AMD EPYC 7B13", "instructions": "AVX2"}
INTEL = {"device": "cpu", "processor": "Intel Xeon 8481C", "instructions": "AVX512"}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def on(store, cell, seed, hardware, method="jigsaw"):
    made = {"packages": {"torch": "2.15.0", "timm": "1.0.31"}, "device": "cpu", "world": 1, "threads": 2}
    return record(
        store, cell, method, saliency_items(0.5, 5 + seed), seed=seed, provenance={**made, "hardware": hardware}
    )


def marked(store, records, label):
    row = rows(build.build(store, records, "t"))[label]
    return [mark for mark in row.marks if mark.startswith("different hardware")]


def test_seeds_from_unlike_hardware_are_marked_with_both_names(store):
    control = [on(store, f"c{seed}", seed, AMD, "random") for seed in (0, 1, 2)]
    mixed = [on(store, "j0", 0, AMD), on(store, "j1", 1, INTEL), on(store, "j2", 2, AMD)]
    assert marked(store, [*control, *mixed], "jigsaw") == [
        "different hardware: seeds 0, 2 on AMD EPYC 7B13 (AVX2); seed 1 on Intel Xeon 8481C (AVX512)"
    ]
    assert marked(store, [*control, *mixed], "random") == []


def test_a_row_on_other_hardware_than_its_control_is_marked(store):
    records = [on(store, "c0", 0, AMD, "random"), on(store, "j0", 0, INTEL)]
    assert marked(store, records, "jigsaw") == [
        "different hardware: jigsaw on Intel Xeon 8481C (AVX512), random on AMD EPYC 7B13 (AVX2)"
    ]


@pytest.mark.parametrize(
    "other",
    [
        AMD,
        {**AMD, "cores": 64, "system": "Linux"},
        {"device": "cpu", "processor": "AMD EPYC 7B13"},
        {},
    ],
    ids=["the same", "more cores", "instructions were not noted", "nothing was noted"],
)
def test_what_changes_no_bits_or_is_not_known_marks_nothing(store, other):
    records = [on(store, "c0", 0, AMD, "random"), on(store, "j0", 0, other), on(store, "j1", 1, AMD)]
    assert marked(store, records, "jigsaw") == []


def test_of_a_gpu_its_name_and_driver_count_and_the_processor_does_not(store):
    gpu = {**AMD, "device": "NVIDIA H200", "driver": "550.54.15"}
    same = [on(store, "c0", 0, gpu, "random"), on(store, "j0", 0, {**gpu, "processor": "another"})]
    assert marked(store, same, "jigsaw") == []
    other = [*same[:1], on(store, "j0", 0, {**gpu, "driver": "560.28.03"})]
    assert marked(store, other, "jigsaw") == [
        "different hardware: jigsaw on NVIDIA H200 (560.28.03), random on NVIDIA H200 (550.54.15)"
    ]
    with_cpu = [*same[:1], on(store, "j0", 0, AMD)]
    assert "random on NVIDIA H200" in marked(store, with_cpu, "jigsaw")[0]


def test_usual_records_of_one_machine_have_no_mark(store):
    table = build.build(store, usual(store), "t")
    assert not any("unlike" in mark for row in rows(table).values() for mark in row.marks)


def test_an_id_holds_the_family_of_an_accelerator_and_not_its_name():
    fabric = SimpleNamespace(device=torch.device("cuda", 0), world_size=2)
    assert Device(fabric, bf16=True, threads=3).identity() == {
        "precision": "bf16",
        "device": "cuda",
        "world": 2,
        "threads": 3,
    }


def test_a_record_says_its_hardware_and_no_id_does(first_run):
    for path in (first_run[1] / "cells").glob("*/*.json"):
        found = Record.from_json(json.loads(path.read_text()))
        assert found.provenance.hardware["processor"] == provenance.processor()
        assert found.provenance.hardware["instructions"] == torch.backends.cpu.get_cpu_capability()
        assert provenance.processor() not in json.dumps(found.identity)


def test_the_driver_is_read_from_what_the_kernel_module_says(monkeypatch, tmp_path):
    told = tmp_path / "version"
    monkeypatch.setattr(provenance, "DRIVER", told)
    assert provenance.driver() == ""
    for line in (
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\nGCC version: 12\n",
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.15  Release Build  (dvs-builder)\n",
    ):
        told.write_text(line)
        assert provenance.driver() == "550.54.15"


def test_a_run_says_what_automatic_precision_is_before_the_first_step(first_run):
    told = first_run[0].stderr.splitlines()
    where = next(place for place, line in enumerate(told) if "--precision auto: " in line)
    used = {record.precision for record in Store(first_run[1]).records() if record.backbone}
    assert [told[where].partition("--precision auto: ")[2]] == list(used)
    assert not any("pretrain" in line for line in told[:where])
