"""``--method all``: a row per method, transformers in a block of their own, declined ones with their reason."""

import math

import pytest
from record_files import written

from inkbench.benchmark import registry


@pytest.fixture(scope="module")
def every(cli, first_run, tmp_path_factory):
    results = first_run[1].parent / "every"
    results.mkdir()
    (results / "cache").symlink_to(first_run[1] / "cache")
    budget = ("--set", "pretrain.images=64", "--set", "pretrain.batch=16", "--set", "pretrain.held_out=16")
    words = ("--method", "all", "--task", "saliency", "--preset", "smoke", *budget, "--set", "saliency.steps=4")
    return cli(*words, "--results", results, env=offline()), results


def offline():
    import os

    return {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": "/nonexistent"}


def test_every_method_has_a_row_that_is_done_or_says_why_not(every):
    done, results = every
    assert done.returncode == 0, done.stderr
    records = {record["method"]: record for record in written(results)}
    for name in registry.names("methods"):
        assert f"\n{name} " in done.stdout, name
        if name == "imagenet":
            assert records[name]["status"] == "declined"
            assert "no pretrained weights" in done.stdout or "weights" in records[name]["reason"]
            continue
        if name == "scratch":
            assert records[name]["status"] == "declined"
            assert "it needs --protocol finetune" in records[name]["reason"]
            continue
        assert records[name]["status"] == "done", records[name].get("reason")
        if registry.load("methods", name).pretrains:
            assert records[name]["images_seen"] == 64
            assert all(math.isfinite(entry["value"]) for entry in records[name]["pretext"].values())
            assert records[name]["pretext"], "judged on held-out panels"
            losses = [value for _, value in records[name]["curve"]]
            assert losses
            assert all(math.isfinite(value) for value in losses)
            folder = results / "runs" / records[name]["pretraining"]
            drawn = {picture.stem for picture in folder.glob("*.png")}
            assert drawn > {"first-layer", "neighbours"}, f"no pictures of {name}"


def test_transformers_stand_in_a_block_with_their_own_control(every):
    done, results = every
    controls = [record for record in written(results) if record["method"] == "random"]
    assert sorted(record["backbone"]["name"] for record in controls) == ["test_resnet", "test_vit"]
    block = done.stdout.split("test_vit, ")[1]
    assert "\nrandom " in block
    assert "\nmae " in block
    assert "\nmae " not in done.stdout.split("test_vit, ")[0]


@pytest.mark.slow
def test_another_kind_of_backbone_is_declined_under_all_and_refused_alone(cli, every):
    _, results = every
    words = ("--task", "saliency", "--preset", "smoke", "--backbone", "test_resnet", "--results", results)
    planned = cli("--method", "all", *words, "--dry-run", env=offline())
    assert planned.returncode == 0, planned.stderr
    alone = cli("--method", "mae", *words)
    assert alone.returncode == 2
    assert "mae needs a vision transformer" in alone.stderr
