"""The detection task: its data, its head on any backbone, boxes back in original pixels, its trivial baseline."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from inkbench.benchmark.api import Box, Dataset, Item, Placement, UsageError, View
from inkbench.benchmark.data.layouts.open_mantra import OpenMantra
from inkbench.benchmark.drawing import style
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.tasks.detection.constant_boxes import cover
from inkbench.tasks.detection.fcos import anchors, assign, detect
from inkbench.tasks.detection.fpn import FeaturePyramid
from inkbench.tasks.detection.task import Detection, DetectionConfig
from inkbench.tasks.metrics import detection as scorer

SIDE = 64


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Networks this small are not faster on more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def task(**settings):
    return Detection(DetectionConfig(**{"side": SIDE, "fpn_channels": 32, "convolutions": 1} | settings))


def target(*corners, labels=None):
    return {
        "boxes": torch.tensor(corners, dtype=torch.float32).reshape(-1, 4),
        "labels": torch.tensor(labels if labels is not None else [0] * len(corners), dtype=torch.int64),
    }


def squares(count, seed=0):
    """Grey pictures with a dark disc and a bright square, and where they are."""
    rng = np.random.default_rng(seed)
    images = np.full((count, 3, SIDE, SIDE), 128, dtype=np.uint8)
    targets = []
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    for image in images:
        (a, b), (c, d) = rng.integers(0, SIDE - 24, (2, 2))
        image[:, b : b + 20, a : a + 20] = 240
        image[:, (x - c - 12) ** 2 + (y - d - 12) ** 2 < 144] = 10
        targets.append(target((a, b, a + 20, b + 20), (c, d, c + 24, d + 24), labels=[0, 1]))
    return torch.from_numpy(images), targets


class Two(Dataset):
    """Two panels: one annotated with faces and bodies, one with faces alone."""

    name, licence, citation, homepage, layout = "two", "", "", "", ""

    @classmethod
    def recognises(cls, root):
        return True

    def offers(self):
        return frozenset({"panels", "boxes:face", "boxes:body"})

    def fingerprint(self):
        return "two"

    def items(self, kind, split):
        boxes = (
            Box("body", -5, 10, 30, 250),
            Box("face", 4, 12, 20, 30),
            Box("text", 1, 1, 5, 5),
            Box("face", 300, 0, 320, 9),
        )
        both = frozenset({"face", "body", "text"})
        return [
            Item("a/1_0", Path("1.jpg"), "a", "train", boxes=boxes, labels=both),
            Item("a/1_1", Path("1.jpg"), "a", "train", boxes=(), labels=both),
            Item("a/1_2", Path("1.jpg"), "a", "train", boxes=boxes[1:2], labels=frozenset({"face"})),
        ]


def test_settings_decide_unit_and_needs():
    assert task().view() == View(side=SIDE, fit="pad", kind="panels")
    assert task().needs() == {"panels", "boxes:face", "boxes:body"}
    pages = task(classes=("panel", "text"))
    assert pages.view().kind == "pages"
    assert pages.needs() == {"pages", "boxes:panel", "boxes:text"}
    assert task(classes=("face",), unit="page").view().kind == "pages"


@pytest.mark.parametrize(
    ("name", "text"),
    [("classes", "tail"), ("classes", ""), ("classes", "face,face"), ("strides", "16,8"), ("fpn_channels", "50")],
)
def test_impossible_settings_are_refused(name, text):
    with pytest.raises(UsageError, match=f"detection.{name}"):
        DetectionConfig.resolve("detection", "quick", {name: text})
    with pytest.raises(UsageError, match="panels are detected on pages"):
        DetectionConfig.resolve("detection", "quick", {"classes": "panel", "unit": "panel"})


@pytest.mark.parametrize("preset", ["smoke", "quick", "standard", "paper"])
def test_every_preset_holds(preset):
    config = DetectionConfig.resolve("detection", preset, {"classes": "panel"})
    assert config.classes == ("panel",)
    assert preset != "quick" or config.steps >= 200


def test_empty_images_stay_and_images_without_the_labels_go():
    own = task()
    items = own.items(Two(Path()), "train")
    assert [item.id for item in items] == ["a/1_0", "a/1_1"]
    empty = own.truth(items[1], 100, 200)
    assert empty["boxes"].shape == (0, 4)
    assert own.target(empty, own.view().place(100, 200))["boxes"].shape == (0, 4)


def test_truth_is_cut_to_the_image_in_original_pixels():
    own = task()
    truth = own.truth(own.items(Two(Path()), "train")[0], 100, 200)
    assert truth["boxes"].tolist() == [[0, 10, 30, 200], [4, 12, 20, 30]]
    assert truth["boxes"].dtype == np.float64
    assert truth["labels"].tolist() == [1, 0]
    assert truth["size"].tolist() == [100, 200]


def outputs_for(boxes, scores):
    """Raw outputs in which point k finds box k."""
    found = torch.tensor(boxes, dtype=torch.float32)[None]
    return {"boxes": found, "scores": torch.tensor(scores, dtype=torch.float32)[None]}


def test_decode_undoes_target_exactly():
    own = task()
    truth = {
        "boxes": np.array([[3.0, 5, 41, 90], [10, 20, 90, 120]]),
        "labels": np.array([0, 1]),
        "size": np.array([100, 128]),
    }
    place = own.view().place(100, 128)
    seen = own.target(truth, place)["boxes"]
    assert (seen == truth["boxes"] / 2).all()
    (back,) = own.decode(outputs_for(seen.tolist(), [[0.9, 0.0], [0.0, 0.8]]), [truth], [place])
    assert (back["boxes"] == truth["boxes"]).all()
    assert back["boxes"].dtype == np.float32
    assert back["labels"].tolist() == [0, 1]


@pytest.mark.parametrize("size", [(317, 211), (211, 977), (64, 64), (33, 20)])
def test_a_perfect_detector_scores_one_at_any_size(size):
    own = task()
    rng = np.random.default_rng(0)
    low = rng.random((6, 2)) * np.array(size) * 0.6
    boxes = np.concatenate([low, low + np.array(size) * (0.1 + 0.3 * rng.random((6, 2)))], axis=1)
    truth = {"boxes": boxes, "labels": np.arange(6) % 2, "size": np.array(size)}
    place = own.view().place(*size)
    scores = np.where(np.arange(2) == truth["labels"][:, None], 0.9, 0.0)
    found = own.decode(outputs_for(own.target(truth, place)["boxes"].tolist(), scores.tolist()), [truth], [place])
    assert np.abs(np.sort(found[0]["boxes"], axis=0) - np.sort(boxes, axis=0)).max() < 1e-4 * max(size)
    assert scorer.aggregate(scorer.score_items(found, [truth], classes=["face", "body"]))["ap"] == pytest.approx(1.0)


def test_detections_are_limited_suppressed_and_in_one_order():
    side = 8
    grid = [[x * 10, y * 10, x * 10 + side, y * 10 + side] for x in range(15) for y in range(15)]
    scores = torch.full((1, 226, 2), 0.5)
    boxes = torch.tensor([*grid, [1.0, 0.0, 9.0, 8.0]])[None]
    scores[0, -1] = 0.9
    (found,) = detect(scores, boxes, [(150.0, 150.0)], 0.05, 0.6, 100)
    assert torch.bincount(found["labels"]).tolist() == [100, 100]
    assert found["scores"][0] == found["scores"][1] == 0.9
    kept = found["boxes"][found["labels"] == 0]
    assert [0.0, 0.0, 8.0, 8.0] not in kept.tolist()
    assert kept[1:].tolist() == grid[1:100]
    (cut,) = detect(scores, boxes, [(20.0, 30.0)], 0.05, 0.6, 100)
    assert cut["boxes"].max() <= 30
    assert len(cut["boxes"]) == 2 * 6
    assert len(detect(scores, boxes, [(150.0, 150.0)], 0.95, 0.6, 100)[0]["boxes"]) == 0


def naive_assign(points, boxes, reach, radius):
    finest, coarsest = (points[:, 2] - points[:, 0]).min(), (points[:, 2] - points[:, 0]).max()
    result = []
    for x0, y0, x1, y1 in points.tolist():
        x, y, stride = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0
        choices = []
        for place, (a, b, c, d) in enumerate(boxes.tolist()):
            sides = (x - a, y - b, c - x, d - y)
            near = max(abs(x - (a + c) / 2), abs(y - (b + d) / 2)) < radius * stride
            low = 0 if stride == finest else reach / 2 * stride
            high = math.inf if stride == coarsest else reach * stride
            if min(sides) > 0 and near and low < max(sides) <= high:
                choices.append(((c - a) * (d - b), place))
        result.append(min(choices)[1] if choices else -1)
    return result


def test_points_answer_for_boxes_by_the_rule_in_words():
    rng = np.random.default_rng(0)
    grid = anchors((8, 16, 32), (8, 4, 2))
    assert grid.shape == (84, 4)
    assert grid[0].tolist() == [0, 0, 8, 8]
    sets = []
    for k in (0, 1, 7, 3):
        low = rng.random((k, 2)) * 40
        sets.append(torch.tensor(np.concatenate([low, low + 4 + rng.random((k, 2)) * 50], 1), dtype=torch.float32))
    for reach in (2.0, 8.0):
        matched = assign(grid, sets, reach, 1.5)
        for row, boxes in zip(matched, sets, strict=True):
            assert row.tolist() == naive_assign(grid, boxes, reach, 1.5)
        assert (matched[0] == -1).all()
        assert set(matched[2].tolist()) - {-1}
    assert (assign(grid, [torch.zeros(0, 4)] * 2, 8.0, 1.5) == -1).all()


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "regnetx_002"])
def test_a_pyramid_stands_on_any_backbone(name):
    backbone = Backbone(name).eval()
    maps = backbone(torch.zeros(2, 3, 96, 96))
    pyramid = FeaturePyramid(backbone.channels, backbone.strides, (8, 16, 32, 64), 32, 96)
    assert [tuple(level.shape) for level in pyramid(maps)] == [
        (2, 32, 12, 12),
        (2, 32, 6, 6),
        (2, 32, 3, 3),
        (2, 32, 2, 2),
    ]
    assert pyramid.sources[-1] == len(backbone.strides) - 1
    if name == "test_resnet":
        assert [backbone.strides[source] for source in pyramid.sources] == [8, 16, 32, 32]


@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
@pytest.mark.parametrize("family", ["frozen", "finetune"])
def test_every_trained_parameter_has_a_gradient_and_the_loss_is_finite_in_bfloat16(name, family):
    torch.manual_seed(0)
    backbone = Backbone(name)
    head = task().head(backbone, f"{family}@1")
    images, targets = squares(4)
    targets[2] = target()
    for given in (targets, [target()] * 4):
        with torch.autocast("cpu", torch.bfloat16):
            with torch.set_grad_enabled(family == "finetune"):
                features = backbone(backbone.normalize(images))
            loss = head(features, given)
        assert loss.dtype == torch.float32
        assert torch.isfinite(loss)
        loss.backward()
        trained = [*head.parameters(), *(backbone.parameters() if family == "finetune" else ())]
        lacking = [parameter.shape for parameter in trained if parameter.requires_grad and parameter.grad is None]
        assert not lacking
        backbone.zero_grad()
        head.zero_grad()


@pytest.mark.seconds
def test_a_frozen_backbone_learns_where_things_are():
    torch.manual_seed(0)
    own = task(fpn_channels=64, strides=(8, 16, 32))
    backbone = Backbone("test_resnet").requires_grad_(False).train()
    head = own.head(backbone, "frozen@1")
    images, targets = squares(96)
    with torch.no_grad():
        backbone(backbone.normalize(images))
        maps = backbone.eval()(backbone.normalize(images))
    optimizer = torch.optim.AdamW(head.parameters(), lr=4e-3)
    losses = []
    for step in range(60):
        chosen = slice(16 * (step % 5), 16 * (step % 5) + 16)
        loss = head([level[chosen] for level in maps], targets[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-5:]) < 0.75 * np.mean(losses[:5])
    size = np.array([SIDE, SIDE])
    truths = [{name: value.numpy() for name, value in entry.items()} | {"size": size} for entry in targets]
    places = [Placement(SIDE, SIDE, 1.0, 1.0, 0.0, 0.0)] * 16
    with torch.no_grad():
        found = own.decode(head([level[80:] for level in maps]), truths[80:], places)
    reached = scorer.aggregate(scorer.score_items(found, truths[80:], **own.score_options()))
    blind = own.predict_trivial("constant-box", truths[:80], truths[80:], places)
    trivial = scorer.aggregate(scorer.score_items(blind, truths[80:], **own.score_options()))
    assert reached["ap50"] > trivial["ap50"] + 0.1


@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
@pytest.mark.seconds
def test_a_fine_tuned_backbone_lowers_the_loss(name):
    torch.manual_seed(0)
    backbone = Backbone(name).train()
    head = task(strides=(8, 16, 32)).head(backbone, "finetune@1")
    images, targets = squares(8)
    groups = [{"params": list(head.parameters()), "lr": 3e-3}, {"params": list(backbone.parameters()), "lr": 1e-3}]
    optimizer = torch.optim.AdamW(groups)
    losses = []
    for _ in range(15):
        loss = head(backbone(backbone.normalize(images)), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-3:]) < 0.85 * np.mean(losses[:3])


def test_the_same_input_gives_the_same_boxes():
    torch.manual_seed(0)
    own, backbone = task(), Backbone("test_resnet").eval()
    head = own.head(backbone, "frozen@1").eval()
    features = backbone(backbone.normalize(squares(3)[0]))
    places = [own.view().place(100, 80)] * 3
    with torch.no_grad():
        first, again = (own.decode(head(features), [], places) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert all((one[key] == other[key]).all() for key in ("boxes", "scores", "labels"))
        assert one["boxes"][:, 2].max() <= 100
        assert one["boxes"][:, 3].max() <= 80
        assert (one["boxes"][:, 2:] > one["boxes"][:, :2]).all()
        assert (np.diff(one["scores"]) <= 0).all()


def truths_at(places, size=(200, 100)):
    return [
        {
            "boxes": np.array(corners, dtype=np.float64).reshape(-1, 4) * np.tile(size, 2),
            "labels": np.zeros(len(corners), dtype=np.int64),
            "size": np.array(size),
        }
        for corners in places
    ]


def test_constant_boxes_are_the_commonest_places_of_the_training_boxes():
    left, right = (0.1, 0.1, 0.3, 0.9), (0.6, 0.2, 0.9, 0.8)
    train = truths_at([[left], [left, right], [left], []])
    test = truths_at([[left], [right]], size=(50, 500))
    found = task().predict_trivial("constant-box", train, test, [])
    assert np.allclose(found[0]["boxes"], np.array([left, right]) * [50, 500, 50, 500])
    assert found[0]["scores"].tolist() == [0.75, 0.25]
    assert found[0]["labels"].tolist() == [0, 0]
    unseen = [entry | {"boxes": entry["boxes"] + 3} for entry in test]
    again = task().predict_trivial("constant-box", train, unseen, [])
    assert all((a["boxes"] == b["boxes"]).all() for a, b in zip(found, again, strict=True))
    one = task().predict_trivial("constant-box", truths_at([[left]] * 3), truths_at([[left]] * 4), [])
    assert scorer.aggregate(scorer.score_items(one, truths_at([[left]] * 4), classes=["face", "body"]))["ap"] == 1.0
    assert len(task().predict_trivial("constant-box", truths_at([[], []]), test, [])[0]["boxes"]) == 0


def test_constant_boxes_beat_the_mean_box():
    rng = np.random.default_rng(0)
    middle = np.where(rng.random((400, 1)) < 0.5, 0.3, 0.7) + rng.normal(0, 0.03, (400, 2))
    boxes = np.concatenate([middle - 0.15, middle + 0.15], axis=1)
    train, test = truths_at(boxes[:200, None]), truths_at(boxes[200:, None])
    found = task().predict_trivial("constant-box", train, test, [])
    middling = boxes[:200].mean(axis=0, keepdims=True) * [200, 100, 200, 100]
    mean = [{"boxes": middling, "scores": np.ones(1), "labels": np.zeros(1, dtype=int)}] * 200
    value, base = (scorer.aggregate(scorer.score_items(entry, test, classes=["face"]))["ap"] for entry in (found, mean))
    assert value > base + 0.2
    chosen, scores = cover(boxes, 400, most=5)
    assert len(chosen) == 5
    assert (np.diff(scores) <= 0).all()
    assert 0 < scores[-1] <= scores[0] <= 1


def test_pictures_tell_truth_from_prediction():
    own = task()
    image = np.full((90, 120, 3), 200, dtype=np.uint8)
    box = np.array([[20.0, 20, 80, 70]])
    truth = {"boxes": box, "labels": np.array([0])}
    nothing = {"boxes": np.zeros((0, 4)), "labels": np.zeros(0, dtype=int)}
    guess = {"boxes": box.astype(np.float32), "scores": np.array([0.5]), "labels": np.array([0])}
    none = {**nothing, "scores": np.zeros(0)}
    drawn = own.pictures([image] * 3, [truth, nothing, nothing], [none, guess, none])
    assert len(drawn) == 3
    true, predicted, plain = drawn.values()
    assert true.dtype == np.uint8
    border = style.MARGIN + 1
    assert true.shape[1:] == (640 + 2 * border, 3)
    true, predicted, plain = (drawn[border:, border:-border] for drawn in (true, predicted, plain))
    edge = round(20 * 640 / 120)
    assert len({tuple(pixel) for pixel in true[edge, 250:420]}) == 2, "a dashed line has two colours"
    assert len({tuple(pixel) for pixel in predicted[edge, 250:420]}) == 1
    assert (plain[: round(90 * 640 / 120)] == 200).all()


def test_panels_are_found_on_real_pages(shared):
    own = Detection(DetectionConfig.resolve("detection", "quick", {"classes": "panel"}))
    dataset = OpenMantra(shared / "data" / "open-mantra")
    assert own.needs() <= dataset.offers()
    items = own.items(dataset, "train")
    assert len(items) > 50
    truths = [own.truth(item, 1654, 1170) for item in items]
    assert np.mean([len(truth["labels"]) for truth in truths]) > 3
    found = own.predict_trivial("constant-box", truths, truths, [])
    reached = scorer.aggregate(scorer.score_items(found, truths, **own.score_options()))
    assert 0.01 < reached["ap50[panel]"] < 0.9
