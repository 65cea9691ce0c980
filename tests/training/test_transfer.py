"""Heads that are fitted at once, groups that are learnt apart, kept features, several views: on a toy task."""

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from pictures_of import draw
from torch import nn
from toy_scorer import SCORER

from inkbench.benchmark.api import Item, Task, TaskConfig, View
from inkbench.benchmark.config import BackboneSettings
from inkbench.benchmark.contracts.fitted_head import FittedHead
from inkbench.benchmark.data.cache import Caching, build
from inkbench.benchmark.errors import RunError
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.training import engine, features, transfer
from inkbench.benchmark.training.head_loop import Job
from inkbench.benchmark.training.task_data import TaskData

QUIET = Progress(quiet=True)
STYLES = ("ink", "wash")


class Memory(FittedHead):
    """Predicts the numbers of the items that it was fitted to, and how many it was given to predict."""

    def fit(self, train, train_targets, val, val_targets, seed):
        self.seen = torch.stack([target["number"] for target in train_targets])
        assert all(len(level) == len(train_targets) for level in train)
        return {"chosen_on": sorted(int(target["number"]) for target in val_targets)}

    def forward(self, given, targets=None):
        return [self.seen.tolist()] * len(given[0])


class Linear(nn.Module):
    """One number from the averaged maps of every view, a missing one counting nothing."""

    def __init__(self, channels):
        super().__init__()
        self.read = nn.Linear(channels, 1)

    def forward(self, given, targets=None):
        maps, present = (given.maps, given.present) if hasattr(given, "maps") else ({"image": given}, {})
        read = sum(
            self.read(levels[-1].float().mean((2, 3))) * present.get(name, torch.ones(len(levels[-1]))).view(-1, 1)
            for name, levels in maps.items()
        )
        return read if targets is None else (read[:, 0] - torch.stack([t["number"] for t in targets])).square().mean()


class Toy(Task):
    name = "toy"
    Config = TaskConfig
    scorer = SCORER
    protocols = {"fit@1": "frozen", "steps@1": "frozen", "apart@1": "frozen", "finetune@1": "finetune"}
    caches_features = True
    cache_key = ("side",)
    several = False

    def needs(self):
        return frozenset()

    def view(self):
        return View(32, "squash")

    def views(self):
        return {"one": self.view(), "two": View(64, "squash")} if self.several else {"image": self.view()}

    def truth(self, item, width, height):
        return {"number": np.float32(item.id)}

    def target(self, truth, placement):
        return {"number": np.asarray(truth["number"])}

    def head(self, backbone, protocol):
        return Memory() if protocol in ("fit@1", "apart@1") else Linear(backbone.channels[-1])

    def steps(self, protocol):
        return 0 if isinstance(self.head(Backbone("test_resnet"), protocol), Memory) else self.config.steps

    def group(self, protocol, item):
        return item.style if protocol == "apart@1" else None

    def decode(self, outputs, truths, placements):
        return [{"found": np.asarray(out)} for out in outputs]

    def predict_trivial(self, name, train, test, placements):
        raise ValueError(name)


class TwoViews(Toy):
    several = True


@pytest.fixture(scope="module")
def device():
    return engine.start(1, "32", torch.get_num_threads())


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    return [draw(folder / f"{k}.png", 40, 40, seed=k) for k in range(12)]


def split(task, files, numbers, folder: Path):
    items = []
    for k in numbers:
        whole = Item(str(k), files[k], "s", "train", style=STYLES[k % 2])
        parts = {"one": whole, **({"two": whole} if k % 3 else {})} if task.several else {}
        items.append(Item(str(k), files[k], "s", "train", style=STYLES[k % 2], parts=parts))
    views = task.views()
    folder.mkdir(exist_ok=True)
    return TaskData.of(task, items, lambda name, parts: build(parts, views[name], Caching(folder, "data", QUIET)))


@pytest.fixture
def run(device, files, tmp_path):
    def carry_out(kind, protocol, disk=None, seed=0, steps=3, backbone="test_resnet", **settings):
        task = kind(TaskConfig(**{"steps": steps, "batch": 4, "lr": 0.05, **settings}))
        numbers = range(6), range(6, 9), range(9, 12)
        splits = transfer.Splits(*(split(task, files, part, tmp_path / "cache") for part in numbers))
        torch.manual_seed(seed)
        own = Backbone(backbone)
        job = Job(device, task, protocol, task.steps(protocol), seed, disk, QUIET)
        return transfer.transfer(job, own, splits, engine.Checkpoint(tmp_path / f"{protocol}{seed}.pt", device))

    return carry_out


def test_a_fitted_head_sees_training_and_chooses_on_validation(run):
    outcome = run(Toy, "fit@1")
    assert [list(p["found"]) for p in outcome.predictions] == [[0, 1, 2, 3, 4, 5]] * 3
    assert outcome.trials == [{"batch_norm": "re-estimated", "factor": 1.0, "chosen_on": [6, 7, 8]}]


def test_each_group_is_predicted_by_a_head_that_never_saw_it(run):
    outcome = run(Toy, "apart@1")
    ink, wash = [0, 2, 4], [1, 3, 5]
    # test items 9, 10, 11 are wash, ink, wash
    assert [list(p["found"]) for p in outcome.predictions] == [ink, wash, ink]
    assert {trial["held_out"]: trial["chosen_on"] for trial in outcome.trials} == {"ink": [7], "wash": [6, 8]}
    assert set(outcome.chosen) == set(STYLES)


def test_a_test_item_of_no_group_is_an_error(run, monkeypatch):
    monkeypatch.setattr(Toy, "group", lambda self, protocol, item: item.style if item.id != "10" else None)
    with pytest.raises(RunError, match="the group of test item 10 is not stated"):
        run(Toy, "apart@1")


def test_features_that_lie_on_disk_give_the_same_bits_and_other_weights_others(run, tmp_path):
    disk = features.Features(tmp_path / "features", "fingerprint")
    first, again = run(Toy, "steps@1", disk), run(Toy, "fit@1", disk)
    written = {path: path.stat().st_mtime_ns for path in disk.folder.rglob("*.npy")}
    assert len(list(disk.folder.iterdir())) == 3, "training, validation (for fitting) and test"
    (tmp_path / "steps@10-0.pt").unlink()
    second = run(Toy, "steps@1", disk)
    assert {path: path.stat().st_mtime_ns for path in disk.folder.rglob("*.npy")} == written
    assert [p["found"].tolist() for p in first.predictions] == [p["found"].tolist() for p in second.predictions]
    assert [p["found"].tolist() for p in first.predictions] == [p["found"].tolist() for p in run_without(run, tmp_path)]
    assert again.predictions
    run(Toy, "steps@1", disk, seed=1)
    assert len(list(disk.folder.iterdir())) == 5


def run_without(run, tmp_path):
    (tmp_path / "steps@10-0.pt").unlink()
    return run(Toy, "steps@1").predictions


def cut(folder, files):
    for file in files:
        file.write_bytes(file.read_bytes()[:100])


def flip(folder, files):
    data = bytearray(files[0].read_bytes())
    data[-3] ^= 1
    files[0].write_bytes(data)


def reverse_rows(folder, files):
    np.save(files[0], np.load(files[0])[::-1])


def lose_the_last_level(folder, files):
    files[-1].unlink()


def half_the_channels(folder, files):
    np.save(files[0], np.load(files[0])[:, ::2])


def swap_with_another_split(folder, files):
    other = next(path for path in folder.parent.iterdir() if path != folder)
    for file in files:
        file.write_bytes((other / file.name).read_bytes())


def no_index(folder, files):
    (folder / f"{folder.name}.sealed").write_bytes(b"")


def a_file_in_its_place(folder, files):
    shutil.rmtree(folder)
    folder.write_text("x")


@pytest.mark.parametrize(
    "damage",
    [
        cut,
        flip,
        reverse_rows,
        lose_the_last_level,
        half_the_channels,
        swap_with_another_split,
        no_index,
        a_file_in_its_place,
    ],
)
def test_damaged_features_are_told_and_computed_again(run, tmp_path, capfd, damage):
    disk = features.Features(tmp_path / "features", "fingerprint")
    first = run(Toy, "steps@1", disk)
    content = {path: path.read_bytes() for path in disk.folder.rglob("*.*")}
    folder = sorted(disk.folder.iterdir())[0]
    damage(folder, sorted(folder.glob("*.npy")))
    (tmp_path / "steps@10-0.pt").unlink()
    capfd.readouterr()
    second = run(Toy, "steps@1", disk)
    assert [p["found"].tolist() for p in first.predictions] == [p["found"].tolist() for p in second.predictions]
    assert capfd.readouterr().err.count(" damaged (") == 1
    assert {path: path.read_bytes() for path in disk.folder.rglob("*.*")} == content


@pytest.mark.parametrize("protocol", ["steps@1", "finetune@1"])
@pytest.mark.seconds
def test_a_head_of_several_views_is_told_what_is_there(run, protocol):
    outcome = run(TwoViews, protocol, steps=41)
    assert len(outcome.predictions) == 3
    assert all(np.isfinite(p["found"]).all() for p in outcome.predictions)
    assert outcome.curve[-1][1] < outcome.curve[0][1]


def test_a_task_that_calibrates_is_told_validation(run, monkeypatch):
    monkeypatch.setattr(Toy, "calibrates", True)
    monkeypatch.setattr(Toy, "calibrate", lambda self, predictions, truths: {"threshold": len(predictions)})
    assert run(Toy, "fit@1").calibration == {"threshold": 3}


@pytest.mark.parametrize(("decay", "blocks"), [(1.0, 6), (0.5, 6)])
@pytest.mark.seconds
def test_the_first_update_of_a_fine_tuning_is_smaller_by_the_decay_at_each_block(run, decay, blocks):
    """AdamW's first update is the learning rate itself, whatever the gradient."""
    torch.manual_seed(0)
    before = Backbone("test_vit").state_dict()
    outcome = run(Toy, "finetune@1", steps=1, backbone="test_vit", layer_decay=decay, weight_decay=0)
    moved = [
        float((outcome.network[f"backbone.{name}"] - before[name]).abs().max())
        for name in (f"model.blocks.{k}.attn.proj.weight" for k in range(blocks))
    ]
    ratios = [low / high for low, high in itertools.pairwise(moved)]
    assert ratios == pytest.approx([decay] * (blocks - 1), rel=0.02)
    assert min(moved) > 0


@pytest.mark.seconds
def test_branches_are_passed_over_in_a_fine_tuning_alone_and_the_same_ones_each_time(run, tmp_path):
    def predicted(protocol, rate):
        for file in tmp_path.glob("*.pt"):
            file.unlink()
        outcome = run(Toy, protocol, backbone="test_vit", drop_path=rate, backbone_lr=1e-3)
        return [float(p["found"][0]) for p in outcome.predictions]

    plain, dropped = predicted("finetune@1", 0.0), predicted("finetune@1", 0.5)
    assert plain != dropped == predicted("finetune@1", 0.5)
    assert predicted("steps@1", 0.0) == predicted("steps@1", 0.5)


def test_kept_features_of_several_blocks_are_their_own(device, files, tmp_path):
    """Two readouts of one network never share features on disk, and that of one block is found under its former key."""
    task = Toy(TaskConfig())
    data = split(task, files, range(3), tmp_path / "cache")
    keys = set()
    for settings in ({}, {"readout": "cls"}, *({"readout": "cls", "last_blocks": blocks} for blocks in (2, 3))):
        torch.manual_seed(0)
        backbone = Backbone("test_vit", BackboneSettings(**settings))
        keys.add(features._key(device, task, features.Frozen(backbone, "vector"), data, "f"))
    assert len(keys) == 4
