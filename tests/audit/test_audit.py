"""The audit: cues are what they say, a planted one is found, gradients lie where they are put, the command."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from method_steps import batch, built, context, generator, noise
from torch import nn

from inkbench.benchmark.audit.cues import (
    border_mask,
    border_only,
    cues_of,
    shuffled_labels,
    without_border,
    without_frame,
)
from inkbench.benchmark.audit.measure import accuracy, even_share, gradient
from inkbench.benchmark.data.synth.printing import edge_code
from inkbench.benchmark.training import engine
from inkbench.methods.context_prediction import ContextPrediction, ContextPredictionConfig
from inkbench.methods.jigsaw.method import Jigsaw, JigsawConfig

NAIVE = {"gap": False, "jitter": False, "color_jittering": False, "normalize": False, "greyscale": 0.0}


@pytest.fixture(scope="module")
def device():
    return engine.start(1, "32", torch.get_num_threads())


def squares(pixels):
    """Something that is read like a cache of squares uint8 (N, 3, s, s)."""
    rows = pixels.permute(0, 2, 3, 1).numpy()
    return SimpleNamespace(batch=lambda places: rows[places], items=range(len(rows)))


def test_borders_and_interiors_are_complements():
    tiles = noise(6, 20).view(2, 3, 3, 20, 20)
    mask = border_mask(20)
    assert int(mask.sum()) == 20 * 20 - 16 * 16
    assert even_share(20) == pytest.approx(144 / 400)
    for shown, kept in ((without_border(tiles), ~mask), (border_only(tiles), mask)):
        assert shown.dtype == torch.uint8
        assert (shown[..., kept] == tiles[..., kept]).all()
        mean = tiles[..., kept].float().mean(-1).round().byte()
        assert (shown[..., ~kept] == mean[..., None]).all()
        other = torch.where(kept, tiles, 255 - tiles)
        assert (without_border(other) == shown).all() or (border_only(other) == shown).all(), "nothing of it is left"


def test_without_its_frame_a_square_is_its_interior_made_larger():
    """Nothing of the frame is left, and no strip is painted that would tell as much."""
    line = torch.arange(60, dtype=torch.uint8)
    images = (2 * line[:, None] + line[None]).expand(2, 3, 60, 60).contiguous()
    framed = images.clone()
    for edge in (slice(0, 3), slice(57, 60)):
        framed[:, :, edge] = 0
        framed[:, :, :, edge] = 255
    changed = without_frame(framed)
    assert (changed == without_frame(images)).all()
    assert changed.shape == images.shape
    places = 3 + (torch.arange(60) + 0.5) * 54 / 60 - 0.5
    expected = 2 * places[:, None] + places[None]
    assert float((changed[0, 0].float() - expected).abs()[1:-1, 1:-1].max()) < 1


def test_shuffled_labels_are_the_same_labels_for_other_puzzles():
    method = Jigsaw(JigsawConfig(crop=48, cell=16, tile=12))
    images = noise(200, 48)
    plain, shuffled = (m.cut(images, generator(4)) for m in (method, shuffled_labels(method)))
    assert (plain.pixels == shuffled.pixels).all()
    assert sorted(plain.labels.tolist()) == sorted(shuffled.labels.tolist())
    assert float((plain.labels == shuffled.labels).float().mean()) < 0.3


@pytest.mark.parametrize(
    "method",
    [
        Jigsaw(JigsawConfig(crop=48, cell=16, tile=12)),
        ContextPrediction(ContextPredictionConfig.resolve("context_prediction", "smoke", {})),
    ],
    ids=lambda method: method.name,
)
@pytest.mark.seconds
def test_a_network_is_trained_without_each_cue_and_on_shuffled_labels(method):
    """A method's step cuts as it likes, several puzzles of an image too."""
    for changed in [*(cue.taken_from(method) for cue in cues_of(method)), shuffled_labels(method)]:
        (loss,) = changed.step(built(changed), batch(changed), context())
        assert torch.isfinite(loss)


@pytest.mark.parametrize(
    ("method", "names"),
    [
        (Jigsaw(JigsawConfig(crop=48, cell=16, tile=12, **NAIVE)), {"gap", "normalisation", "channel shift", "colour"}),
        (Jigsaw(JigsawConfig()), {"colour"}),
        (ContextPrediction(ContextPredictionConfig(gap=0, normalize=False)), {"gap", "normalisation", "colour"}),
    ],
)
def test_every_cue_that_settings_leave_can_be_taken_away(method, names):
    built(method)
    cues = cues_of(method)
    assert {cue.name for cue in cues} >= names
    assert {cue.name for cue in cues} - {"gap", "normalisation", "channel shift", "colour"} == {
        "frame lines",
        "tile borders",
        "all but tile borders",
    }
    side = method.views()["image"].side
    for cue in cues:
        without = cue.taken_from(method)
        built(without)
        view = without.views()["image"].side
        cut = without.cut(noise(4, max(side, view))[:, :, :view, :view], generator())
        shown = without.appearance(cut.pixels, generator())
        assert shown.shape[1:3] == cut.pixels.shape[1:3]
        assert shown.isfinite().all()
        if cue.name == "normalisation":
            assert float(shown.mean((3, 4)).abs().max()) < 1e-4
        if cue.name == "colour" and method.name == "jigsaw":
            std = torch.tensor(built(without)["net"].backbone.std).view(3, 1, 1)
            grey = shown if without.config.normalize else shown * std
            differ = (grey - grey.mean((3, 4), keepdim=True)).std(2).max()
            assert float(differ) < (0.02 if without.config.normalize else 1e-3) or without.config.color_jittering


class Reads(nn.Module):
    """A network that answers by a part of each tile alone."""

    def __init__(self, mask, answers):
        super().__init__()
        self.mask = mask
        self.weights = nn.Parameter(torch.rand(answers, 9) + 0.5)

    def forward(self, tiles):
        return (tiles * self.mask).square().sum((2, 3, 4)) @ self.weights.T


@pytest.mark.parametrize(("border", "expected"), [(True, 1.0), (False, 0.0)])
def test_the_gradient_of_a_network_that_reads_borders_lies_there(device, border, expected):
    method = Jigsaw(JigsawConfig(crop=60, cell=20, tile=20, gap=False, color_jittering=False))
    built(method)
    mask = border_mask(20) == border
    panels = squares(noise(12, 60))
    found = gradient(device, method, Reads(mask, 12), panels, np.arange(12), np.repeat(["a", "b", "c"], 4))
    for figure in (found.share, found.share_sum):
        assert figure.value == pytest.approx(expected, abs=1e-9)
        assert (figure.n, figure.series) == (12, 3)
    assert found.map.sum() == pytest.approx(1)
    assert (found.map[~mask.numpy()] == 0).all()


def test_the_gradient_of_a_network_that_reads_all_alike_is_spread_evenly(device):
    method = Jigsaw(JigsawConfig(crop=60, cell=20, tile=20, gap=False, color_jittering=False))
    built(method)
    found = gradient(
        device, method, Reads(torch.ones(20, 20), 12), squares(noise(64, 60)), np.arange(64), np.arange(64) // 8
    )
    assert found.share.value == pytest.approx(even_share(20), abs=0.01)
    assert found.share.low <= even_share(20) <= found.share.high


def coded(n, seed, dial):
    """Panels of noise, all of whose sense is a code along their borders."""
    pixels = noise(n, 96, seed).permute(0, 2, 3, 1).numpy() // 4 + 96
    rows = np.stack([edge_code(image, 2 * dial) for image in pixels])
    halved = rows.reshape(n, 48, 2, 48, 2, 3).mean((2, 4)).astype(np.uint8)  # panels are larger than their squares
    return torch.from_numpy(halved).permute(0, 3, 1, 2)


@pytest.mark.parametrize("dial", [1, pytest.param(0, marks=pytest.mark.slow)])
@pytest.mark.seconds
def test_a_planted_cue_that_alone_solves_the_puzzle_is_found(device, dial):
    """Taken away it takes accuracy to chance; what is taken away beside it does not. Without it nothing does."""
    sizes = {"crop": 48, "cell": 16, "tile": 16, "permutations": 4, "tile_width": 32, "hidden": 64, "dropout": 0}
    method = Jigsaw(JigsawConfig(**{**NAIVE, "normalize": True, **sizes}))
    nets = built(method)
    net = nets["net"]
    optimizer = method.optimizer("net", [p for p in net.parameters() if p.requires_grad])
    for step in range(60 if dial else 20):
        (loss,) = method.step(nets, {"image": coded(32, step, dial)}, context(step))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    net.eval()
    backbone, panels, rows = net.backbone, squares(coded(256, 10_000, dial)), np.arange(256)
    plain = accuracy(device, method, backbone, net, panels, rows).mean()
    found = {}
    for cue in cues_of(method):
        without = cue.taken_from(method)
        built(without)
        side = without.views()["image"].side
        fitting = squares(coded(256, 10_000, dial)) if side == 48 else None
        if fitting is not None:
            found[cue.name] = accuracy(device, without, backbone, net, fitting, rows).mean()
    chance = 1 / 4
    if dial:
        assert plain > 0.9
        assert found["frame lines"] < chance + 0.1
        assert found["channel shift"] > 0.8
        assert found["all but tile borders"] > 0.7
        assert found["tile borders"] < chance + 0.1
    else:
        assert abs(plain - chance) < 0.1
        assert all(abs(value - chance) < 0.1 for value in found.values())


def test_the_command_writes_what_it_prints_and_finds_what_it_trained(cli, with_synth):
    words = (
        *("audit", "--method", "context_prediction", "--preset", "smoke", "--results", with_synth, "--json"),
        *("--set", "pretrain.images=128", "--set", "pretrain.held_out=32", "--no-retrain"),
    )
    done = cli(*words)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["method"] == "context_prediction"
    assert told["chance"] == 1 / 8
    assert set(told["gradients"]) == {"trained", "at initialisation", "trained on shuffled labels"}
    assert set(told["accuracies"]) == {"nothing", "colour", "frame lines", "tile borders", "all but tile borders"}
    (folder,) = (with_synth / "audit").iterdir()
    names = {"audit.json", "audit.txt", "index.html", "input-and-gradient.png", "average-gradient-over-a-tile.png"}
    assert names <= {path.name for path in folder.iterdir()}
    assert json.loads((folder / "audit.json").read_text()) == told
    again = cli(*words)
    assert json.loads(again.stdout) == told
    assert "audit: training" in done.stderr
    assert "audit: training" not in again.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--method", "simclr"), "simclr does not use tiles and cannot be audited; methods that do: context_"),
        (("--method", "jigsw"), "did you mean 'jigsaw'"),
        (("--method", "jigsaw", "--grid", "jigsaw.gap=true,false"), "audit takes one method"),
    ],
)
def test_what_cannot_be_audited_is_refused(cli, tmp_path, words, said):
    done = cli("audit", *words, "--preset", "smoke", "--results", tmp_path / "r")
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
