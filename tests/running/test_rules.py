"""The rules of comparison on real runs: trials, batch norm, seeds, budget in operations, transduction, ranks."""

import json
import os
import shutil

import pytest
from conftest import TINY

SALIENCY = ("--set", "saliency.side=64", "--set", "saliency.steps=6")


def records_of(results):
    return [json.loads(path.read_text()) for path in results.glob("cells/*/*.json")]


@pytest.fixture(scope="module")
def ruled(cli, first_run, tmp_path_factory):
    """Saliency under both protocols with trials, a choice of batch-norm statistics, two seeds, equal operations."""
    results = first_run[1].parent / "ruled"
    results.mkdir()
    (results / "cache").symlink_to(first_run[1] / "cache")
    done = cli(
        *("--method", "jigsaw", "--task", "saliency", "--protocol", "both", "--seeds", "2", *TINY[:6], *SALIENCY),
        *("--set", "saliency.trials=0.3,1", "--set", "saliency.batch_norm=choose"),
        *("--set", "saliency.backbone_trials=0.2,1"),
        *("--budget", "flops", "--set", "pretrain.flops_side=32", "--transductive", "--results", results),
    )
    assert done.returncode == 0, done.stderr
    return done, records_of(results)


def test_validation_chooses_among_the_same_trials_for_every_row(ruled):
    frozen = [record for record in ruled[1] if record["family"] == "frozen" and record["backbone"]]
    assert {record["method"] for record in frozen} == {"random", "jigsaw"}
    for record in frozen:
        tried = {(trial["batch_norm"], trial["factor"]) for trial in record["trials"]}
        assert tried == {(kind, factor) for kind in ("handed-over", "re-estimated") for factor in (0.3, 1.0)}
        assert record["chosen"]["value"] == max(trial["value"] for trial in record["trials"])


def test_fine_tuning_trains_the_backbone_and_tries_its_rate(ruled):
    tuned = [record for record in ruled[1] if record["family"] == "finetune" and record["backbone"]]
    assert tuned
    for record in tuned:
        assert [trial["factor"] for trial in record["trials"]] == [0.2, 1.0]
        assert record["chosen"]["batch_norm"] == "trained"


def test_seeds_are_averaged_into_one_row_and_pretraining_is_shared(ruled):
    jigsaw = [record for record in ruled[1] if record["method"] == "jigsaw"]
    assert {record["seed"] for record in jigsaw} == {0, 1}
    assert len({record["pretraining"] for record in jigsaw}) == 2, "both protocols of a seed share one pretraining"
    assert len({record["metrics"]["cc"]["value"] for record in jigsaw}) == len(jigsaw)
    assert sum(line.startswith("jigsaw") for line in ruled[0].stdout.splitlines()) >= 2


def test_equal_operations_change_the_images_and_transduction_marks_the_row(ruled):
    jigsaw = next(record for record in ruled[1] if record["method"] == "jigsaw")
    assert jigsaw["images_seen"] != 256
    assert jigsaw["flops"] > 0
    assert jigsaw["changed"]["budget"] == "flops"
    assert jigsaw["transductive"]
    assert jigsaw["exclusions"]["pretraining"]["panels_of_other_series_held_back"] == 0
    assert "transductive" in ruled[0].stdout


@pytest.mark.slow
def test_two_ranks_run_the_main_job(cli, with_synth):
    done = cli(
        *("--method", "jigsaw", "--task", "detection", *TINY, "--devices", "2", "--threads", "1"),
        *("--results", with_synth),
    )
    assert done.returncode == 0, done.stderr
    records = records_of(with_synth)
    assert {record["status"] for record in records} == {"done"}
    jigsaw = next(record for record in records if record["method"] == "jigsaw")
    assert jigsaw["provenance"]["world"] == 2
    assert jigsaw["metrics"]["ap"]["n"] == 64


@pytest.mark.slow
def test_given_weights_stand_outside_the_budget_and_start_a_pretext(cli, first_run, with_synth):
    weights = next(first_run[1].glob("backbones/*/weights.safetensors"))
    done = cli(
        *("--method", "imagenet,jigsaw", "--task", "detection", *TINY, "--weights", weights, "--init", weights),
        *("--results", with_synth),
    )
    assert done.returncode == 0, done.stderr
    records = {record["method"]: record for record in records_of(with_synth)}
    assert records["imagenet"]["given"]
    assert records["imagenet"]["supervision"] == "self-supervised", "the results folder's own card says so"
    assert records["random"]["supervision"] == "none"
    assert records["jigsaw"]["init"].endswith("weights.safetensors")
    assert "External weights" in done.stdout
    first = json.loads(next(first_run[1].glob("backbones/*/card.json")).read_text())
    assert first["sha256"] == records["imagenet"]["weights_sha256"]
    assert first["sha256"] != records["jigsaw"]["weights_sha256"]


def offline(folder):
    return {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hub")}


@pytest.mark.slow
def test_imagenet_without_file_or_hub_is_refused_by_name_and_declined_in_a_table(cli, with_synth, tmp_path):
    words = (*TINY, "--results", with_synth)
    named = cli("--method", "imagenet", "--task", "detection", *words, env=offline(with_synth))
    assert named.returncode == 2
    assert len(named.stderr.strip().splitlines()) == 1
    assert "--weights FILE" in named.stderr
    table = tmp_path / "mine.toml"
    rows = "".join(f'[[rows]]\nsettings = {{ method = "{name}" }}\n' for name in ("imagenet", "random"))
    table.write_text(f'title = "mine"\ntask = "detection"\n{rows}')
    done = cli("table", table, "--run", *words, env=offline(with_synth))
    assert done.returncode == 0, done.stderr
    records = {record["method"]: record for record in records_of(with_synth)}
    assert records["imagenet"]["status"] == "declined"
    assert "--weights FILE" in records["imagenet"]["reason"]
    assert records["random"]["status"] == "done"
    assert "declined" in done.stdout
    assert "row 2 of 2" in done.stderr


def test_forced_cells_are_run_again_once(cli, first_run, with_synth):
    shutil.copytree(first_run[1] / "cells", with_synth / "cells")
    shutil.copytree(first_run[1] / "backbones", with_synth / "backbones")
    before = {path.name: path.stat().st_mtime_ns for path in with_synth.glob("cells/*/*.json")}
    done = cli("--method", "random", "--task", "detection", *TINY, "--results", with_synth, "--force")
    assert done.returncode == 0, done.stderr
    after = {path.name: path.stat().st_mtime_ns for path in with_synth.glob("cells/*/*.json")}
    assert sum(after[name] != before[name] for name in before) == 2
    old = {record["id"]: record["metrics"] for record in records_of(first_run[1])}
    assert {record["id"]: record["metrics"] for record in records_of(with_synth)} == old


@pytest.mark.slow
def test_a_share_of_the_labels_has_a_block_of_its_own(cli, with_synth):
    results = with_synth
    done = cli(
        *("--method", "random", "--task", "saliency", "--label-fraction", "0.1,1", *TINY[:6], *SALIENCY),
        *("--results", results),
    )
    assert done.returncode == 0, done.stderr
    assert "saliency.label_fraction=0.1" in done.stdout
    train = {r["settings"]["task"]["label_fraction"]: r for r in records_of(results) if r["method"] == "random"}
    assert set(train) == {0.1, 1.0}
    assert train[0.1]["metrics"]["cc"]["n"] == train[1.0]["metrics"]["cc"]["n"], "the test split stays whole"
    refused = cli("--method", "random", "--task", "saliency", "--label-fraction", "0", "--results", results)
    assert refused.returncode == 2
    assert "saliency.label_fraction" in refused.stderr
