"""The saliency task: truths, targets, readout, loss, trivial baselines, pictures."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from record_files import written

from inkbench.benchmark.api import Item, Placement
from inkbench.benchmark.data.images import BadImage
from inkbench.benchmark.data.layouts.ai4va import Ai4va
from inkbench.benchmark.drawing import style
from inkbench.benchmark.errors import RunError, UsageError
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.networks.readout import Readout
from inkbench.tasks.metrics import maps, saliency
from inkbench.tasks.saliency import Saliency, SaliencyConfig


def task(**values):
    return Saliency(SaliencyConfig(**{"side": 64, **values}))


def blob(height, width, x, y, sigma=0.08):
    """A map uint8 (height, width) with one peak at the shares ``x``, ``y`` of its sides."""
    yy, xx = np.mgrid[:height, :width]
    squares = ((xx + 0.5) / width - x) ** 2 + ((yy + 0.5) / height - y) ** 2
    return np.round(255 * np.exp(-squares / (2 * sigma**2))).astype(np.uint8)


def placed(of, truth):
    width, height = (int(side) for side in truth["image_size"])
    return of.view().place(width, height)


def truth_of(values, width=80, height=60):
    return {"map": values, "fixations": np.zeros((0, 2)), "image_size": np.array([width, height])}


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "mobilenetv2_100"])
@pytest.mark.seconds
def test_the_head_reads_any_backbone_and_every_parameter_learns(name):
    torch.manual_seed(0)
    of, backbone = task(), Backbone(name)
    head = of.head(backbone, "finetune@1").train()
    images = torch.randint(0, 256, (3, 3, 64, 64), dtype=torch.uint8)
    targets = [{"density": torch.from_numpy(of.target(truth_of(blob(9, 9, 0.3, 0.6)), None)["density"])}] * 3
    loss = head(backbone(backbone.normalize(images)), targets)
    loss.backward()
    assert torch.isfinite(loss)
    assert loss.item() > 0
    idle = [key for key, value in head.named_parameters() if value.grad is None or not value.grad.abs().sum() > 0]
    assert idle == []
    assert any(value.grad is not None and value.grad.abs().sum() > 0 for value in backbone.parameters())
    predictions = of.decode(head.eval()(backbone(backbone.normalize(images))), [], [])
    assert [p["map"].shape for p in predictions] == [(8, 8)] * 3
    assert all(p["map"].dtype == np.float32 and p["map"].min() >= 0 for p in predictions)
    assert [p["map"].sum() for p in predictions] == pytest.approx([1, 1, 1], abs=1e-5)


@pytest.mark.seconds
def test_the_head_learns_where_a_sign_is_and_ignores_images_without_truth():
    """On images with one bright square the trained readout beats the centre by far; an empty truth teaches nothing."""
    rng, of = np.random.default_rng(0), task(steps=120, batch=8, dropout=0.0)
    torch.manual_seed(0)
    backbone = Backbone("test_resnet").eval().requires_grad_(False)
    places = rng.uniform(0.15, 0.85, (24, 2))
    images = np.full((24, 3, 64, 64), 90, dtype=np.uint8)
    for image, (x, y) in zip(images, places):
        image[:, int(y * 64) - 5 : int(y * 64) + 5, int(x * 64) - 5 : int(x * 64) + 5] = 240
    truths = [truth_of(blob(30, 40, x, y)) for x, y in places]
    truths[0]["map"] = np.zeros_like(truths[0]["map"])
    targets = [{"density": torch.from_numpy(of.target(t, None)["density"])} for t in truths]
    features = backbone(backbone.normalize(torch.from_numpy(images)))
    head = of.head(backbone, "frozen@1").train()
    optimizer = torch.optim.AdamW(head.parameters(), lr=1e-2)
    for step in range(of.config.steps):
        chosen = np.random.default_rng(step).permutation(16)[:8]
        loss = head([level[chosen] for level in features], [targets[k] for k in chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        predictions = of.decode(head.eval()([level[16:] for level in features]), [], [])
    learnt = saliency.aggregate(saliency.score_items(predictions, truths[16:]))
    centre = saliency.aggregate(
        saliency.score_items(of.predict_trivial("centre", truths[:16], truths[16:], []), truths[16:])
    )
    assert learnt["cc"] > centre["cc"] + 0.3
    assert learnt[saliency.KLD] < centre[saliency.KLD]


def test_the_loss_is_kld_plus_the_weighted_lack_of_correlation():
    rng = np.random.default_rng(1)
    head = Readout([4], 8, 4, 0.0, cc_weight=0.5)
    truths = [blob(8, 8, 0.2, 0.7, 0.2), blob(8, 8, 0.5, 0.5, 0.3)]
    p = rng.random((2, 8, 8))
    p /= p.sum((1, 2), keepdims=True)
    g = np.stack([maps.distribution(truth) for truth in truths])
    expected = np.mean([maps.kld(a, b) + 0.5 * (1 - maps.cc(a, b)) for a, b in zip(p, g)])
    log_density = torch.from_numpy(np.log(p))
    assert head.loss(log_density, torch.from_numpy(g)).item() == pytest.approx(expected, rel=1e-6)
    with_empty = torch.from_numpy(np.concatenate([g, np.zeros((1, 8, 8))]))
    three = torch.cat([log_density, log_density[:1]])
    assert head.loss(three, with_empty).item() == pytest.approx(expected, rel=1e-6)
    nothing = head.loss(log_density.requires_grad_(), torch.zeros(2, 8, 8, dtype=torch.float64))
    nothing.backward()
    assert nothing.item() == 0
    assert torch.isfinite(log_density.grad).all()


def test_features_of_one_place_and_blank_images_stay_finite():
    head = Readout([4, 6], 8, 4, 0.5, 1.0).train()
    features = [torch.zeros(2, 4, 16, 16), torch.ones(2, 6, 1, 1)]
    loss = head(features, [{"density": torch.full((8, 8), 1 / 64)}] * 2)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(p.grad).all() for p in head.parameters() if p.grad is not None)


def test_the_same_seed_gives_the_same_density():
    features = [torch.randn(1, channels, 8, 8) for channels in (4, 6)]

    def density(seed):
        torch.manual_seed(seed)
        return Readout([4, 6], 8, 4, 0.5, 1.0).train()(features)

    assert torch.equal(density(3), density(3))
    assert not torch.equal(density(3), density(4))


def test_targets_keep_places_whatever_the_aspect():
    """A square map of a wide image: shares of the sides are what counts, x is not y."""
    of = task()
    for shape in ((60, 80), (50, 50), (128, 32)):
        truth = truth_of(blob(*shape, 0.8, 0.3))
        density = of.target(truth, placed(of, truth))["density"]
        assert density.dtype == np.float32
        assert density.sum() == pytest.approx(1, abs=1e-5)
        assert np.unravel_index(density.argmax(), density.shape) == (2, 6)
    assert of.target(truth_of(np.zeros((9, 9), np.uint8)), None)["density"].sum() == 0
    assert of.view().place(80, 60) == Placement(80, 60, 64 / 80, 64 / 60, 0.0, 0.0)


def test_trivial_baselines():
    of = task()
    train = [truth_of(blob(20, 20, 0.2, 0.2)), truth_of(blob(30, 10, 0.7, 0.6))]
    test = [truth_of(blob(40, 40, 0.5, 0.5, 0.2))] * 3
    found = {name: of.predict_trivial(name, train, test, [None] * 3) for name in of.trivial}
    assert {name: len(rows) for name, rows in found.items()} == {"uniform": 3, "centre": 3, "mean-map": 3}
    for rows in found.values():
        assert rows[0]["map"].sum() == pytest.approx(1, abs=1e-5)
    uniform, centre, mean = (found[name][0]["map"] for name in of.trivial)
    assert len(np.unique(uniform)) == 1
    np.testing.assert_allclose(centre, centre[::-1, ::-1])
    assert centre[3:5, 3:5].min() == centre.max()
    np.testing.assert_allclose(mean, np.mean([of.target(t, None)["density"] for t in train], axis=0), rtol=1e-5)
    scores = {n: saliency.aggregate(saliency.score_items(rows, test))["cc"] for n, rows in found.items()}
    assert scores["uniform"] == 0
    assert scores["centre"] > 0.9 > scores["mean-map"]
    with pytest.raises(ValueError, match="no trivial baseline 'median'; it has uniform, centre, mean-map"):
        of.predict_trivial("median", train, test, [])


def test_truths_come_from_files_of_any_grey(tmp_path: Path):
    values = blob(12, 16, 0.4, 0.4)
    kinds = {
        "grey": Image.fromarray(values),
        "rgb": Image.fromarray(values).convert("RGB"),
        "deep": Image.fromarray(values.astype(np.uint16) * 257),
    }
    for name, image in kinds.items():
        image.save(tmp_path / f"{name}.png")
        item = Item(name, tmp_path / "x.jpg", "s", "test", map=tmp_path / f"{name}.png", fixations=np.array([[3, 4]]))
        truth = task().truth(item, 160, 120)
        deep = name == "deep"  # its own values, of 16 bits
        np.testing.assert_array_equal(truth["map"], values.astype(np.uint16) * 257 if deep else values)
        assert truth["map"].dtype == (np.uint16 if deep else np.uint8)
        assert truth["fixations"].tolist() == [[3, 4]]
        assert truth["image_size"].tolist() == [160, 120]
    (tmp_path / "cut.png").write_bytes((tmp_path / "grey.png").read_bytes()[:60])
    with pytest.raises(BadImage, match=r"cut\.png"):
        task().truth(Item("cut", tmp_path / "x.jpg", "s", "test", map=tmp_path / "cut.png"), 160, 120)
    with pytest.raises(RunError, match="item page_7 has no saliency map"):
        task().truth(Item("page_7", tmp_path / "x.jpg", "s", "test"), 160, 120)


def test_pictures_show_three_panes_of_the_image():
    image = np.full((60, 80, 3), 200, np.uint8)
    truth = truth_of(blob(30, 30, 0.2, 0.5)) | {"fixations": np.array([[16.0, 30.0]])}
    drawn = task().pictures([image], [truth], [{"map": blob(8, 8, 0.8, 0.5).astype(np.float32)}])
    (picture,) = drawn.values()
    assert picture.dtype == np.uint8
    edge, width = style.MARGIN + 1, 400 + 2 + style.GUTTER
    assert picture.shape[1:] == (2 * edge + 2 * width + 400, 3), "three panes of 400 px, a hair around each"
    top = next(row for row in range(len(picture)) if (picture[row, edge : edge + 400] == 200).all())
    panes = [picture[top : top + 300, edge + k * width : edge + k * width + 400] for k in range(3)]
    assert (panes[0] == 200).all(), "the image as it is"
    heat = [pane[..., 0].astype(int) - pane[..., 2] for pane in panes]
    left, right = [h[:, :200].max() for h in heat], [h[:, 200:].max() for h in heat]
    assert heat[0].max() == 0
    assert left[1] > 100 > right[1]
    assert right[2] > 100 > left[2]


def test_a_grid_of_no_cells_is_refused():
    with pytest.raises(UsageError, match="side 64 and stride 32 leave fewer than 4 cells a side"):
        SaliencyConfig.resolve("saliency", "quick", {"side": "64", "stride": "32"})
    for preset in ("smoke", "quick", "standard", "paper"):
        assert SaliencyConfig.resolve("saliency", preset).grid >= 8


def test_trivial_baselines_on_real_gaze(shared: Path):
    """Centre and mean map on OSIE: figures of the reference (centre CC 0.31), fixations inside every image."""
    of = Saliency(SaliencyConfig())
    data = Ai4va(shared / "data" / "osie-ai4va-layout")
    splits = {}
    for split in ("train", "test"):
        splits[split] = [of.truth(item, 800, 600) for item in of.items(data, split)]
    figures = {}
    for name in ("centre", "mean-map"):
        predictions = of.predict_trivial(name, splits["train"], splits["test"], [])
        items = saliency.score_items(predictions, splits["test"])
        assert set(saliency.counts(items).values()) == {25}
        figures[name] = saliency.aggregate(items)
    assert figures["centre"]["cc"] == pytest.approx(0.31, abs=0.01)
    assert figures["mean-map"][saliency.KLD] < figures["centre"][saliency.KLD]
    assert figures["centre"]["auc[judd]"] > figures["centre"]["auc[uniform]"] > 0.7


def test_across_styles_both_ways_in_one_cell(cli, with_synth):
    """Pages of each style are predicted by a readout of the other; one row, with a figure for each direction."""
    words = ("--method", "random", "--task", "saliency", "--preset", "smoke", "--set", "saliency.steps=4")
    done = cli(*words, "--protocol", "saliency/cross-style@1", "--results", with_synth)
    assert done.returncode == 0, done.stderr
    records = {record["method"]: record for record in written(with_synth)}
    random = records["random"]
    assert random["protocol"] == "cross-style@1"
    assert [trial["held_out"] for trial in random["trials"]] == ["realistic", "toon"]
    assert {"cc", "cc@realistic", "cc@toon"} <= set(random["metrics"])
    assert random["metrics"]["cc"]["n"] == records["trivial:centre"]["metrics"]["cc"]["n"]


def test_styles_must_be_known_to_be_held_out(cli, shared: Path, tmp_path):
    words = ("--method", "random", "--task", "saliency", "--data", shared / "data" / "osie-ai4va-layout")
    asked = cli(*words, "--protocol", "cross-style@1", "--results", tmp_path)
    assert asked.returncode == 2
    assert "saliency/cross-style@1 needs styles" in asked.stderr
