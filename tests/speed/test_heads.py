"""What a grid of heads costs beside one head: with features that are cached, and with the backbone's own pass.

Run: ``python -m pytest tests/speed/test_heads.py -s``. Figures are ratios of interleaved pairs in one run: training
features and validation, all heads, the choice, the test split predicted; as ``transfer`` does it for a run at quick.
"""

import statistics
import time

import numpy as np
import pytest
import torch
from PIL import Image

from inkbench.benchmark.api import Item
from inkbench.benchmark.data.cache import Caching, build
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.training import engine, features, transfer
from inkbench.benchmark.training.head_loop import Job
from inkbench.benchmark.training.task_data import TaskData
from inkbench.tasks.classification.task import Classification, ClassificationConfig

PAIRS = 5
CLASSES = 12
SIZES = {"train": 2_600, "val": 500, "test": 1_095}
"""About as many panels as synth has at quick."""
QUIET = Progress(quiet=True)


class Panels(Classification):
    """Classification of drawn noise, whose classes need no dataset."""

    classes = tuple("abcdefghijkl")


def split(task, folder, name):
    """A split of images of a class each, resized and cached as a run's are."""
    rng = np.random.default_rng(len(name))
    folder.mkdir(exist_ok=True)
    files = []
    for k in range(24):
        Image.fromarray(rng.integers(0, 256, (128, 128, 3), dtype=np.uint8)).save(folder / f"{name}{k}.png")
        files.append(folder / f"{name}{k}.png")
    items = [
        Item(f"{name}{k}", files[k % 24], f"s{k % 16}", name, label=task.classes[k % CLASSES])
        for k in range(SIZES[name])
    ]
    views = task.views()
    return TaskData.of(task, items, lambda view, parts: build(parts, views[view], Caching(folder / "i", name, QUIET)))


@pytest.mark.parametrize("name", ["test_resnet", "resnet18"])
def test_forty_eight_heads_beside_one(tmp_path, name, record_property):
    device = engine.start(1, "32", torch.get_num_threads())
    whole = Panels(ClassificationConfig.resolve("classification", "quick", {}))
    one = Panels(
        ClassificationConfig.resolve(
            "classification",
            "quick",
            {"grid_rates": "1e-3", "grid_decays": "1e-2", "grid_stages": "1", "grid_pools": "mean"},
        )
    )
    torch.manual_seed(0)
    backbone = Backbone(name)
    splits = transfer.Splits(*(split(whole, tmp_path / "images", part) for part in ("train", "val", "test")))
    tried = {}

    def seconds(task, disk):
        job = Job(device, task, "grid@1", 0, 0, disk, QUIET)
        began = time.perf_counter()
        outcome = transfer.transfer(job, backbone, splits, engine.Checkpoint(tmp_path / "c.pt", device))
        tried[id(task)] = outcome.trials[0]["tried"]
        return time.perf_counter() - began

    warm = features.Features(tmp_path / "features", "data")
    for task in (whole, one):
        seconds(task, warm)
    assert (tried[id(whole)], tried[id(one)]) == (48, 1)
    for what, disk in (("features cached", warm), ("with the backbone's pass", None)):
        pairs = [(seconds(whole, disk), seconds(one, disk)) for _ in range(PAIRS)]
        ratios = [a / b for a, b in pairs]
        told = f"{name}, {what}: 48 heads {statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}] of one"
        print(f"{told} ({statistics.median(b for _, b in pairs):.2f} s)")
        record_property(what, statistics.median(ratios))
