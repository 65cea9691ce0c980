"""A loop that dies at any step and goes on from its checkpoint ends with the same bits."""

import numpy as np
import pytest
import torch

from inkbench.benchmark.api import Item
from inkbench.benchmark.config import PretrainSettings
from inkbench.benchmark.contracts.dataset import Box
from inkbench.benchmark.data.cache import ImageCache
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.networks.weights_files import weights_bytes
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.training import engine, head_loop, pretrain, transfer, updates
from inkbench.benchmark.training.head_loop import Job
from inkbench.benchmark.training.learner import Learner
from inkbench.benchmark.training.task_data import TaskData
from inkbench.methods.jigsaw.method import Jigsaw
from inkbench.methods.spot_artifacts.method import SpotArtifacts
from inkbench.tasks.detection.task import Detection

QUIET = Progress(quiet=True)


@pytest.fixture(scope="module")
def device():
    return engine.start(1, "auto", torch.get_num_threads())


class PowerCut(Exception):
    pass


def cache(side, count=24):
    pixels = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    boxes = (Box("face", 4, 4, side / 2, side / 2),)
    items = [
        Item(str(k), None, str(k % 3), "train", boxes=boxes, labels=frozenset({"face", "body"})) for k in range(count)
    ]
    return ImageCache(items, pixels, np.full((count, 2), side), [])


def dying(function, after):
    """``function``, but the power goes at its ``after``-th call."""
    calls = iter(range(10**6))

    def call(*words, **named):
        if next(calls) == after:
            raise PowerCut
        return function(*words, **named)

    return call


@pytest.mark.parametrize(("own", "sets"), [(Jigsaw, {}), (SpotArtifacts, {"history": "8"})])
@pytest.mark.seconds
def test_pretraining_goes_on_to_the_same_bits(own, sets, device, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "CHECKPOINT_EVERY_S", 0.0)
    settings = PretrainSettings(images=8 * 8, batch=8, held_out=8)

    def run(path, deaths):
        method = own(own.Config.resolve(own.name, "smoke", sets))
        panels = {"image": cache(method.views()["image"].side)}
        for death in (*deaths, None):
            torch.manual_seed(0)
            backbone = Backbone("test_resnet")
            with monkeypatch.context() as patched:
                if death is not None:
                    patched.setattr(pretrain, "update", dying(pretrain.update, death))
                try:
                    state = engine.Checkpoint(path, device)
                    learner = Learner(device, method, backbone, settings, 0)
                    outcome = pretrain.pretrain(learner, panels, panels, "images", state, QUIET)
                except PowerCut:
                    continue
        return weights_bytes(backbone), outcome.curve, outcome.pretext

    assert run(tmp_path / "a.pt", ()) == run(tmp_path / "b.pt", (3, 0, 2))


def test_what_a_stage_leaves_behind_is_the_same_on_all_ranks(device, tmp_path, monkeypatch):
    """An autoencoder that is frozen has the running statistics of one rank, not each its own."""
    method = SpotArtifacts(SpotArtifacts.Config.resolve("spot_artifacts", "smoke", {}))
    panels = {"image": cache(method.views()["image"].side)}
    backbone = Backbone("test_resnet")
    driven = updates.setup(device, method, method.build(backbone))
    done = []
    monkeypatch.setattr(pretrain, "update", lambda *words: done.append("update") or [torch.zeros(())])
    monkeypatch.setattr(engine, "share_buffers", lambda device, *shared: done.append(shared))
    settings, state = PretrainSettings(images=64, batch=8), engine.Checkpoint(tmp_path / "a.pt", device)
    pretrain.drive(Learner(device, method, backbone, settings, 0), panels, 8, driven, state, QUIET)
    assert done == ["update"] * 2 + [tuple(driven.nets.values())] + ["update"] * 6


@pytest.mark.parametrize("family", ["frozen", "finetune"])
@pytest.mark.seconds
def test_transfer_goes_on_to_the_same_bits(family, device, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "CHECKPOINT_EVERY_S", 0.0)
    task = Detection(Detection.Config.resolve("detection", "smoke", {"side": "64", "steps": "6", "trials": "0.5,1"}))
    data = TaskData.of(task, cache(64).items, lambda name, items: cache(64))
    splits = transfer.Splits(data, data, data)
    job = Job(device, task, f"{family}@1", 6, 0, None, QUIET)

    def run(path, deaths):
        for death in (*deaths, None):
            torch.manual_seed(0)
            backbone = Backbone("test_resnet")
            with monkeypatch.context() as patched:
                if death is not None:
                    patched.setattr(head_loop, "warmup_cosine", dying(head_loop.warmup_cosine, death))
                try:
                    state = engine.Checkpoint(path, device)
                    return transfer.transfer(job, backbone, splits, state)
                except PowerCut:
                    assert list(path.parent.glob(f"{path.stem}-*.pt")), "nothing was saved"
        raise AssertionError

    whole, cut = run(tmp_path / "a.pt", ()), run(tmp_path / "b.pt", (2, 7, 1))
    assert whole.curve == cut.curve
    assert whole.trials == cut.trials
    for one, other in zip(whole.predictions, cut.predictions, strict=True):
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])
