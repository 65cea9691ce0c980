"""Learning rates of a fine-tuned backbone: the same for all rows; what trains from nothing finds its best inside."""

import json
from itertools import pairwise

import pytest

from inkbench.benchmark import registry
from inkbench.benchmark.config import BACKBONE_TRIALS

TASKS = registry.names("tasks")


def rates(name, preset):
    """Learning rates of the backbone that a task tries under a preset."""
    config = registry.load("tasks", name).Config.resolve(name, preset)
    return [config.backbone_lr * factor for factor in config.backbone_trials]


@pytest.mark.fidelity
@pytest.mark.parametrize("name", TASKS)
def test_every_task_tries_one_rate_or_the_same_wide_grid(name):
    """A touch of a backbone that knows much (1e-5) and training from nothing (above 1e-3) both lie within it."""
    for preset in ("smoke", "quick"):
        assert len(rates(name, preset)) == 1
    for preset in ("standard", "paper"):
        tried = rates(name, preset)
        assert tried == sorted(tried)
        assert tried[0] <= 1.001e-5
        assert tried[-1] >= 0.5, "a random backbone with batch norm is trained best by 0.01 to 0.1 in few updates"
        assert max(b / a for a, b in pairwise(tried)) <= 10.001
        assert tried == pytest.approx(rates(TASKS[0], preset)), "all tasks try the same"


@pytest.mark.fidelity
@pytest.mark.parametrize(
    ("task", "methods"),
    [
        pytest.param("saliency", "random", marks=pytest.mark.slow),
        pytest.param("segmentation", "random,scratch", marks=pytest.mark.soak),
    ],
)
def test_rows_that_train_from_nothing_choose_no_edge_of_the_grid(cli, first_run, tmp_path, task, methods):
    """The factor that validation chose, as the records of a real run on synth tell it.

    Fewer updates than these are best made at the largest rate that does not break them, whatever the grid.
    """
    results = tmp_path / "results"
    results.mkdir()
    (results / "cache").symlink_to(first_run[1] / "cache")
    grid = ",".join(f"{factor:g}" for factor in BACKBONE_TRIALS)
    done = cli(
        *("--method", methods, "--task", task, "--protocol", "finetune", "--preset", "smoke"),
        *("--set", f"{task}.backbone_trials={grid}", "--set", f"{task}.steps=120", "--set", "pretrain.images=64"),
        *("--no-baseline", "--threads", "1", "--results", results),
    )
    assert done.returncode == 0, done.stderr
    records = [json.loads(path.read_text()) for path in (results / "cells").rglob("*.json")]
    tuned = {record["method"]: record for record in records if record["backbone"]}
    assert set(tuned) == set(methods.split(","))
    for record in tuned.values():
        assert [trial["factor"] for trial in record["trials"]] == list(BACKBONE_TRIALS)
        assert BACKBONE_TRIALS[0] < record["chosen"]["factor"] < BACKBONE_TRIALS[-1], record["trials"]
