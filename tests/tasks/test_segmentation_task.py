"""The segmentation task: truths and targets on the grid, heads, predictions in pixels, trivial baselines, a run."""

import json

import numpy as np
import pytest
import torch
from pictures_of import draw
from record_files import written
from test_layouts_voc import voc

from inkbench.benchmark.api import Item, RunError
from inkbench.benchmark.data.images import BadImage
from inkbench.benchmark.data.label_map import save_labels
from inkbench.benchmark.data.layouts.voc import Voc
from inkbench.benchmark.drawing.labels import HEIGHT, draw_labels
from inkbench.benchmark.drawing.style import GUTTER, MARGIN
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.tasks.metrics import segmentation as metrics
from inkbench.tasks.segmentation.dense_heads import FcnHead, LinearHead
from inkbench.tasks.segmentation.task import Segmentation, SegmentationConfig


@pytest.fixture
def task(tmp_path):
    def made(**sets):
        config = SegmentationConfig.resolve("segmentation", "smoke", {key: str(value) for key, value in sets.items()})
        one = Segmentation(config)
        one.bind(Voc(voc(tmp_path / "voc", Segmentation_train="1", Segmentation_val="2")))
        return one

    return made


def masked(folder, mask, size=None):
    height, width = mask.shape if size is None else size
    save_labels(mask, folder / "m.png")
    return Item("a", draw(folder / "a.png", width, height), "s", "test", mask=folder / "m.png")


# --- truth and target
def test_the_truth_is_the_mask_in_pixels_of_its_image(task, tmp_path):
    mask = np.random.default_rng(0).integers(0, 21, (30, 40), dtype=np.uint8)
    mask[3] = metrics.VOID
    truth = task().truth(masked(tmp_path, mask), 40, 30)
    np.testing.assert_array_equal(truth["mask"], mask)
    assert len(task().classes) == 21


def test_masks_that_do_not_fit_are_left_out_by_name(task, tmp_path):
    with pytest.raises(BadImage, match=r"m\.png: is 40 x 30 pixels, its image 20 x 15"):
        task().truth(masked(tmp_path, np.zeros((30, 40), np.uint8), (15, 20)), 20, 15)
    with pytest.raises(BadImage, match=r"m\.png: holds label 21; there are 21 classes from 0, and 255"):
        task().truth(masked(tmp_path, np.full((30, 40), 21, np.uint8)), 40, 30)
    with pytest.raises(RunError, match="item a has no label image"):
        task().truth(Item("a", tmp_path / "a.png", "s", "test"), 40, 30)


@pytest.mark.parametrize("fit", ["pad", "squash"])
def test_a_target_on_the_grid_comes_back_as_the_mask(task, fit):
    one = task(fit=fit, side=96, stride=8)
    mask = np.zeros((60, 90), dtype=np.uint8)
    mask[20:40, 30:75], mask[:20] = 3, 7
    placement = one.view().place(90, 60)
    target = one.target({"mask": mask}, placement)["mask"]
    assert target.shape == (12, 12)
    inside = target != metrics.VOID
    assert inside.sum() == (12 * 8 if fit == "pad" else 144)
    assert set(np.unique(target[inside])) == {0, 3, 7}
    labels = torch.from_numpy(np.where(inside, target, 0)).long()
    scores = torch.nn.functional.one_hot(labels, 21).permute(2, 0, 1)[None] * 10.0
    [found] = one.decode(scores, [{}], [placement])
    assert found["mask"].shape == mask.shape
    assert found["mask"].dtype == np.uint8
    figures = metrics.aggregate(metrics.score_items([found], [{"mask": mask}], classes=one.classes))
    assert figures["pixel-accuracy"] > 0.93, "one cell is 7.5 pixels"
    assert figures["miou"] > 0.8


def test_a_mask_at_the_grid_s_own_size_is_its_target(task):
    mask = np.random.default_rng(1).integers(0, 21, (12, 12), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    one = task(side=96, stride=8)
    np.testing.assert_array_equal(one.target({"mask": mask}, one.view().place(96, 96))["mask"], mask[4::8, 4::8])


# --- heads
def test_the_linear_head_is_a_linear_layer_on_enlarged_maps():
    torch.manual_seed(0)
    head = LinearHead([4, 6], 8, 3).eval()
    maps = [torch.randn(2, 4, 8, 8), torch.randn(2, 6, 4, 4)]
    large = torch.cat([maps[0], torch.nn.functional.interpolate(maps[1], (8, 8), mode="bilinear")], 1)
    weight = torch.cat([conv.weight for conv in head.read], 1) / (1 + 1e-5) ** 0.5
    expected = torch.nn.functional.conv2d(large, weight) + head.offset
    assert torch.allclose(head(maps), expected, atol=1e-4)


def test_the_skips_of_fcn_start_at_zero_and_are_learnt():
    torch.manual_seed(0)
    head = FcnHead([4, 6, 8], 16, 3, 5, 0.0)
    maps = [torch.randn(2, 4, 16, 16), torch.randn(2, 6, 8, 8), torch.randn(2, 8, 4, 4)]
    coarse = head.eval()(maps)
    assert torch.equal(coarse, head([maps[0] * 3, maps[1] * 3, maps[2]]))
    targets = [{"mask": torch.randint(0, 3, (16, 16)).byte()} for _ in range(2)]
    head.train()(maps, targets).backward()
    assert all(float(skip.weight.grad.abs().sum()) > 0 for skip in head.skips)


def test_void_cells_have_no_loss_and_a_batch_of_void_has_a_finite_one():
    torch.manual_seed(0)
    head = LinearHead([4], 8, 3).eval()
    maps = [torch.randn(2, 4, 8, 8)]
    mask = torch.randint(0, 3, (2, 8, 8)).byte()
    half = mask.clone()
    half[:, 4:] = metrics.VOID
    expected = torch.nn.functional.cross_entropy(head(maps)[:, :, :4], mask[:, :4].long())
    assert head(maps, [{"mask": one} for one in half]).item() == pytest.approx(expected.item(), rel=1e-5)
    assert head(maps, [{"mask": torch.full((8, 8), 255).byte()}] * 2).item() == 0


def test_heads_read_kept_maps_as_they_read_whole_ones(task):
    backbone = Backbone("test_resnet").eval()
    images = backbone(torch.randn(2, 3, 96, 96))
    for protocol in Segmentation.protocols:
        one = task()
        head = one.head(backbone, protocol).eval()
        kept = one.cached_features(images)
        assert kept[0].shape[-1] == one.config.grid
        assert head(kept).shape == (2, 21, 12, 12)
        assert torch.allclose(head(kept), head(one.cached_features(kept)))


def test_the_grid_divides_the_side():
    with pytest.raises(UsageError, match="side 100 must be a multiple of stride 8"):
        SegmentationConfig.resolve("segmentation", "smoke", {"side": "100"})


# --- trivial baselines and pictures
def test_trivial_rows_say_the_usual_class_everywhere_or_where_it_is_usual(task):
    top = np.zeros((20, 30), dtype=np.uint8)
    top[:8] = 5
    train = [{"mask": top}, {"mask": top.repeat(2, 0)}, {"mask": np.full((9, 9), 255, np.uint8)}]
    one, test = task(), [{"mask": np.zeros((10, 7), np.uint8)}]
    assert set(np.unique(one.predict_trivial("majority", train, test, [])[0]["mask"])) == {0}
    mean = one.predict_trivial("mean-map", train, test, [])[0]["mask"]
    assert mean.shape == (10, 7)
    assert (mean[:4] == 5).all()
    assert (mean[4:] == 0).all()
    with pytest.raises(ValueError, match="no trivial baseline 'x'; it has majority, mean-map"):
        one.predict_trivial("x", train, test, [])


def test_pictures_show_truth_and_prediction_in_the_classes_colours(task):
    mask = np.zeros((60, 90), dtype=np.uint8)
    mask[20:] = 5
    mask[:5] = 255
    image = np.full((60, 90, 3), 128, dtype=np.uint8)
    drawn = draw_labels(image, mask, np.zeros_like(mask), [f"class{k}" for k in range(21)])
    assert drawn.ndim == 3
    step = round(HEIGHT * 90 / 60) + 2 + GUTTER
    truth_pane = drawn[MARGIN + 222, MARGIN + step + 200]
    assert truth_pane.tolist() != drawn[MARGIN + 222, MARGIN + 2 * step + 200].tolist()
    pictures = task().pictures([image], [{"mask": mask}], [{"mask": np.where(mask == 5, 5, 0).astype(np.uint8)}])
    assert set(pictures) == {"mask-0"}


# --- a run
def test_a_run_on_synth_by_both_heads(cli, with_synth):
    words = ("--task", "segmentation", "--preset", "smoke", "--results", with_synth)
    done = cli("--method", "random", "--protocol", "linear,fcn", *words)
    assert done.returncode == 0, done.stderr
    records = {(record["method"], record["protocol"]): record for record in written(with_synth)}
    assert len(records) == 6
    for (method, protocol), record in records.items():
        figures = record["metrics"]
        assert {f"iou[{name}]" for name in ("background", "body", "face", "thing", "lettering")} <= set(figures)
        assert 0 < figures["miou"]["value"] < 1, (method, protocol)
    assert (
        records["trivial:mean-map", "fcn@1"]["metrics"]["miou"]["value"]
        > (records["trivial:majority", "fcn@1"]["metrics"]["miou"]["value"])
    )
    assert list((with_synth / "runs" / records["random", "fcn@1"]["id"]).glob("mask-*.png"))
    zipped = cli("submit", "pack", records["random", "fcn@1"]["id"], "--out", with_synth / "x.zip",
                 "--results", with_synth)  # fmt: skip
    assert zipped.returncode == 0, zipped.stderr
    files = json.loads((with_synth / "x.manifest.json").read_text())["files"]
    assert len(files) == records["random", "fcn@1"]["metrics"]["miou"]["n"]
