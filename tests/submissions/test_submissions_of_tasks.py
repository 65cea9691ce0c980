"""Submissions of every task: what is packed from a run is valid and scores as the run, in whatever form."""

import csv
import json

import pytest
from submission_data import TASKS, finished, values

from inkbench.benchmark.cli.verbs import verb_submit
from inkbench.benchmark.store.store import Store
from inkbench.submissions.check import check
from inkbench.submissions.formats.spec import SPECS, Spec
from inkbench.submissions.pack import pack
from inkbench.submissions.reference import form_of, served
from inkbench.submissions.score import score, score_here


def figures(record):
    return record.to_json()["metrics"]


FORMS = [
    ("saliency", "npy"),
    ("detection", "coco"),
    ("detection", "comix"),
    ("detection", "icartoonface"),
    ("reid", "npz"),
    ("reid", "npy"),
    ("reid", "csv"),
    ("classification", "csv"),
    ("segmentation", "png"),
    ("inpainting", "png"),
]


@pytest.fixture(scope="module")
def runs(references, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("cells"))
    return store, {task: finished(references[task], store) for task in TASKS}


@pytest.mark.parametrize(("task", "form"), FORMS)
def test_a_form_without_loss_scores_as_the_run(references, runs, tmp_path, task, form):
    store, records = runs
    reference, record = references[task], records[task]
    out = tmp_path / "x.zip"
    manifest = pack(store, record, out, Spec(form))
    assert manifest["spec"]["form"] == form
    assert check(out, form_of(reference.task), reference.options, reference, strict=True) == []
    found = values(score_here(out, reference, strict=True).metrics)
    assert found == pytest.approx(values(figures(record)), abs=1e-12)


def test_ranked_lists_score_as_the_run_where_ranks_suffice(references, runs, tmp_path):
    store, records = runs
    pack(store, records["reid"], tmp_path / "x.zip", Spec("ranked"))
    found = values(score_here(tmp_path / "x.zip", references["reid"], strict=True).metrics)
    known = values(figures(records["reid"]))
    assert found == pytest.approx({name: known[name] for name in found}, abs=1e-12)
    assert set(known) - set(found) == {"ami", "nmi", "auroc[pairs]", "accuracy[pairs]"}


@pytest.mark.parametrize("task", TASKS)
def test_a_process_laid_out_as_a_servers_gives_the_same_scores_per_item_and_overall(references, runs, tmp_path, task):
    store, records = runs
    reference = references[task]
    form = "npy" if task == "saliency" else form_of(reference.task).forms[0]
    pack(store, records[task], tmp_path / "x.zip", Spec(form))
    scores = score(tmp_path / "x.zip", reference)
    assert values(scores.metrics) == pytest.approx(values(figures(records[task])), abs=1e-9)
    assert {name: entry["n"] for name, entry in scores.metrics.items()} == {
        name: entry["n"] for name, entry in figures(records[task]).items()
    }
    rows = list(csv.DictReader(scores.items.splitlines()))
    assert [row["id"] for row in rows] == reference.ids
    mean = {"saliency": "cc", "reid": "p@1", "inpainting": "psnr[hole]"}.get(task)
    if mean:
        known = [float(row[mean]) for row in rows if row[mean]]
        assert sum(known) / len(known) == pytest.approx(scores.metrics[mean]["value"])
    if task == "detection":
        assert all(0 <= float(row["ap50"]) <= 1 for row in rows if row["ap50"])
    if served(reference) != reference.options:
        assert "ami" in scores.metrics or "kid[ink]" in scores.metrics or task == "saliency"


def test_eight_and_sixteen_bits(references, runs, tmp_path):
    store, records = runs
    known = values(figures(records["saliency"]))
    lost = {}
    for depth in (8, 16):
        pack(store, records["saliency"], tmp_path / f"{depth}.zip", Spec("png", depth=depth, floor=0))
        found = values(score_here(tmp_path / f"{depth}.zip", references["saliency"]).metrics)
        lost[depth] = max(abs(found[name] - known[name]) for name in ("cc", "sim", "nss[density]"))
    assert 0 < lost[16] < lost[8] / 20 < 1e-3


def test_the_commands_need_no_task_where_the_manifest_lies_beside(runs, small_synth, tmp_path, capsys):
    store, records = runs
    out = tmp_path / "found.zip"
    against = ("--reference", small_synth, "--strict")

    def run(*words):
        return verb_submit([str(word) for word in words])

    assert run("pack", records["detection"].id, "--out", out, "--format", "comix", "--results", store.root) == 0
    assert run("check", out, *against) == 0
    assert run("score", out, *against, "--json", "--items", tmp_path / "items.csv") == 0
    printed = capsys.readouterr().out
    assert json.loads(printed[printed.index("{") :])["ap"] == pytest.approx(
        records["detection"].metrics["ap"].value, abs=1e-9
    )
    assert (tmp_path / "items.csv").read_text().startswith("id,ap,")
    out.with_suffix(".manifest.json").unlink()
    assert run("check", out, *against) == 1, "without a manifest it is taken for maps"
    assert run("check", out, *against, "--task", "detection") == 0
    capsys.readouterr()
    assert run("check", out, "--task", "detection") == 0, "without a reference its form can be checked"
    assert capsys.readouterr().out == ""
    assert run("check", out, *against, "--task", "detection", "--set", "detection.classes=text") == 1
    assert "classes that are not scored: character, face" in capsys.readouterr().out


def test_what_a_server_asks_for_can_be_set(runs, tmp_path):
    store, records = runs
    spec = Spec("png", size="40x30", names="map-{stem}", folder="results")
    manifest = pack(store, records["saliency"], tmp_path / "x.zip", spec)
    assert all(name.startswith("results/map-") and name.endswith(".png") for name in manifest["files"])
    assert manifest["spec"] | {"form": "png"} == manifest["spec"]
    spec, told = SPECS["ai4va"]
    assert "unverified" in pack(store, records["saliency"], tmp_path / "y.zip", spec, told)["specification"]
