"""What settings and architecture decide is known before anything is drawn: sides, maps, heads, classes."""

import gc
import json
import weakref
from types import SimpleNamespace

import numpy as np
import plan_matrix
import pytest
import timm
import torch
from method_steps import batch, built, context
from PIL import Image

from inkbench.benchmark import registry
from inkbench.benchmark.api import Config, NotApplicable
from inkbench.benchmark.config import BackboneSettings
from inkbench.benchmark.data.locate import open_dataset
from inkbench.benchmark.errors import RunError, UsageError
from inkbench.benchmark.networks import initialise
from inkbench.benchmark.networks.backbones import Backbone, map_sizes, skeleton
from inkbench.benchmark.planning import checks, planner, space

PRETEXTS = [name for name in registry.names("methods") if registry.load("methods", name).pretrains]
PLAIN = BackboneSettings()


@pytest.mark.parametrize(
    ("name", "sides"), [("test_resnet", (64, 100)), ("mobilenetv2_050", (64, 90)), ("test_vit", (64,))]
)
@pytest.mark.seconds
def test_maps_are_those_of_the_real_network(name, sides):
    own = Backbone(name).eval()
    for side in sides:
        real = own.model.forward_intermediates(
            torch.zeros(1, 3, side, side), indices=own.indices, intermediates_only=True
        )
        assert [tuple(one.shape[-2:]) for one in real] == list(own.maps(side))
        assert [
            tuple(one.shape[-2:]) for one in skeleton(name, PLAIN)(torch.zeros(1, 3, side, side, device="meta"))
        ] == [tuple(one.shape[-2:]) for one in real]


@pytest.mark.parametrize("name", ["test_resnet", "mobilenetv2_050", "test_vit", "efficientnet_b0"])
@pytest.mark.seconds
def test_what_no_map_depends_on_is_frozen(name):
    own = Backbone(name)
    trained = {key for key, parameter in own.model.named_parameters() if parameter.requires_grad}
    own.requires_grad_(True)
    sum(one.sum() for one in own.eval()(torch.randn(1, 3, 64, 64))).backward()
    assert trained == {key for key, parameter in own.model.named_parameters() if parameter.grad is not None}


def test_asking_an_architecture_draws_no_random_number():
    torch.manual_seed(3)
    wanted = torch.rand(4)
    torch.manual_seed(3)
    skeleton.__wrapped__("resnet10t", PLAIN)
    assert torch.equal(torch.rand(4), wanted)


@pytest.mark.parametrize("asked", [checks.given_weights, checks.init_weights])
def test_a_network_is_not_kept_with_the_reason_why_it_has_no_weights(asked, monkeypatch):
    """A kept exception holds its traceback, its frames and whatever network they worked on."""
    seen = []

    def decline(backbone, *rest):
        seen.append(weakref.ref(backbone))
        raise NotApplicable("out of reach")

    class Far:
        def __init__(self, config):
            self.set_weights = decline

    monkeypatch.setattr(initialise, "load_init", decline)
    first = (Far, Config()) if asked is checks.given_weights else ()
    last = (None,) if first else ("imagenet", None)
    found = asked(*first, "test_resnet", BackboneSettings(), *last)
    gc.collect()
    assert str(found) == "out of reach"
    assert len(seen) == 1
    assert seen[0]() is None
    asked.cache_clear()


def test_a_head_that_changes_the_backbone_leaves_no_trace_in_what_the_next_is_shown(with_synth):
    """Heads are built on one copy after the other, which is thrown away as soon as one of them touches it."""
    kind = registry.load("tasks", "classification")
    seen = []

    class Rude(kind):
        def head(self, backbone, protocol):
            seen.append((backbone.projection is None, all(p.requires_grad for p in backbone.model.conv1.parameters())))
            backbone.project(4)
            backbone.model.conv1.requires_grad_(False)
            return super().head(backbone, protocol)

    task = Rude(kind.Config.resolve("classification", "smoke", {}))
    task.bind(open_dataset("synth", "smoke", (), with_synth))
    for protocol in ("linear@1", "knn@1"):
        checks.require_task(task, protocol, "any", "test_resnet", PLAIN)
    assert seen == [(True, True)] * 2


@pytest.mark.parametrize(
    ("name", "side", "said"),
    [
        ("beit_base_patch16_224", 128, "it takes 224"),
        ("mixer_b16_224", 64, "it takes 224"),
        ("maxvit_tiny_tf_224", 96, "it takes 224"),
        ("crossvit_9_240", 96, "a map of 20 px, not the 8 px of its stride 12"),
        ("inception_v3", 96, "choose another"),
    ],
)
@pytest.mark.seconds
def test_a_side_that_an_architecture_does_not_take_is_told_with_those_that_it_takes(name, side, said):
    with pytest.raises(UsageError, match=f"{name} does not accept images of {side} px") as refused:
        skeleton(name, PLAIN).maps(side)
    assert said in str(refused.value)


@pytest.mark.seconds
def test_maps_that_do_not_follow_their_strides_fail_at_work_too():
    own = Backbone("crossvit_9_240").eval()
    with pytest.raises(RunError, match="a map of 20 px"):
        own(torch.zeros(1, 3, 96, 96))
    assert [one.shape[-1] for one in own(torch.zeros(1, 3, 240, 240))] == [20, 20, 14, 14, 14]


@pytest.mark.parametrize("name", PRETEXTS)
def test_a_method_names_the_sides_that_its_backbone_sees(name, monkeypatch):
    kind = registry.load("methods", name)
    method = kind(kind.Config.resolve(name, "smoke"))
    seen = set()
    asked = Backbone.maps

    def noted(own, height, width=None):
        if not own.is_skeleton():
            seen.update((height, width or height))
        return asked(own, height, width)

    nets = built(method, "test_vit" if kind.backbones == "vit" else "test_resnet")
    monkeypatch.setattr(Backbone, "maps", noted)
    for stage in range(len(method.stages())):
        for _ in method.step(nets, batch(method), context(stage=stage)):
            pass
    if seen:
        assert seen == set(method.input_sides())
    else:  # a transformer's blocks are driven one by one
        assert name == "mae"


def test_a_backbone_of_one_side_is_refused_in_one_line_with_the_mend(cli, tmp_path):
    words = ("--method", "random", "--task", "detection", "--dry-run", "--results", tmp_path)
    done = cli(*words, "--backbone", "beit_base_patch16_224")
    assert done.returncode == 2
    assert "task detection: beit_base_patch16_224 does not accept images of 256 px" in done.stderr
    assert "it takes 224" in done.stderr
    assert "planning failed" not in done.stderr
    assert cli(*words, "--backbone", "beit_base_patch16_224", "--set", "detection.side=224").returncode == 0


def test_one_class_is_refused_in_one_line(cli, tmp_path):
    for split in ("train", "val", "test"):
        for k in range(3):
            file = tmp_path / "data" / split / "only" / f"{k}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 40), (40 * k, 90, 20)).save(file)
    done = cli(
        "--method", "random", "--task", "classification", "--data", tmp_path / "data", "--results", tmp_path / "r"
    )
    assert done.returncode == 2
    assert "has 1 class of images; at least two are needed" in done.stderr
    assert "planning failed" not in done.stderr


def coco_of_faces(root):
    """Six images of six series, each with a face; no bodies are annotated."""
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    pictures, boxes = [], []
    for k in range(6):
        Image.fromarray(np.full((64, 64, 3), 30 * k, np.uint8)).save(root / "images" / f"s{k}.png")
        pictures.append({"id": k, "file_name": f"s{k}.png", "width": 64, "height": 64})
        boxes.append({"id": k, "image_id": k, "category_id": 1, "bbox": [8, 8, 20, 24], "area": 480, "iscrowd": 0})
    text = json.dumps({"images": pictures, "annotations": boxes, "categories": [{"id": 1, "name": "face"}]})
    (root / "annotations" / "instances.json").write_text(text)
    split = {f"s{k}": {"split": ("train", "train", "val", "val", "test", "test")[k]} for k in range(6)}
    (root / "series.json").write_text(json.dumps(split))
    return root


def test_a_task_takes_the_classes_that_the_data_have_and_says_which_it_goes_without(cli, tmp_path):
    data = coco_of_faces(tmp_path / "faces")
    words = ("--method", "random", "--task", "detection", "--preset", "smoke", "--data", data, "--dry-run")
    done = cli(*words, "--results", tmp_path / "r")
    assert done.returncode == 0, done.stderr
    assert "no boxes of body: detection uses face only" in done.stderr


@pytest.mark.slow
def test_a_sample_of_what_is_planned_runs_and_of_what_is_refused_fails(with_synth, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", "/nonexistent")
    matrix = plan_matrix.planned(with_synth, ("smoke",), ("test_resnet", "test_vit", "crossvit_9_240"))
    accepted = plan_matrix.drawn([one for one in matrix if not one.reason], 3, seed=1)
    refused = plan_matrix.drawn([one for one in matrix if one.shaped], 3, seed=1)
    assert [plan_matrix.outcome(one, with_synth) for one in accepted] == ["done"] * 3
    for one in refused:
        assert plan_matrix.outcome(one, with_synth, force=True).startswith(("failed", "refused")), one


def test_every_architecture_of_the_matrix_is_one_of_timm():
    assert len(set(plan_matrix.BACKBONES)) == 40
    assert set(plan_matrix.BACKBONES) <= set(timm.list_models())
    assert map_sizes.cache_info().maxsize is None, "asked once"


def planned_first_run(results):
    """The plan of the run that ``first_run`` did."""
    asked = plan_matrix.request(
        results,
        "smoke",
        "test_resnet",
        methods=("jigsaw",),
        tasks=("detection",),
        protocols=("frozen",),
        sets=(
            ("pretrain.images", "256"),
            ("pretrain.held_out", "32"),
            ("detection.steps", "4"),
            ("detection.side", "64"),
        ),
    )
    data = open_dataset("synth", "smoke", (), results)
    return planner.make(asked, plan_matrix.device(), data, data)


def test_a_disk_without_room_for_the_images_is_refused_before_any_work(with_synth, monkeypatch):
    work = planned_first_run(with_synth)
    space.require_space(work, with_synth)
    monkeypatch.setattr(space.shutil, "disk_usage", lambda path: SimpleNamespace(free=space.SPARE_BYTES + 1))
    with pytest.raises(UsageError, match=r"of this run need about \d+ MiB in .* has 64 MiB left; free some space"):
        space.require_space(work, with_synth)


def test_comics_that_were_only_begun_are_not_asked_for_their_items(tmp_path):
    """A drawing that was stopped leaves its folder: the same command goes on with it."""
    data = open_dataset("synth", "smoke", (), tmp_path)
    (data.root / ".drawn" / "0").mkdir(parents=True)
    space.require_space(planned_first_run(tmp_path), tmp_path)


def test_images_that_are_prepared_already_need_no_room(first_run, monkeypatch):
    work = planned_first_run(first_run[1])
    monkeypatch.setattr(space.shutil, "disk_usage", lambda path: SimpleNamespace(free=space.SPARE_BYTES + 1))
    space.require_space(work, first_run[1])
