"""Artifact spotting: the damage, what a gated repair may change, all ablations of Table 1, the history, the heads."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from method_steps import batch, built, context, drive, generator, noise
from sklearn.metrics import roc_auc_score
from torch.nn.functional import interpolate

from inkbench.benchmark.api import UsageError
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.leaderboards.declared import load
from inkbench.methods.spot_artifacts.artifact_losses import critic_loss, fooling_loss, kept_error
from inkbench.methods.spot_artifacts.artifact_nets import Autoencoder, Critic, History, Repair, RepairLayer
from inkbench.methods.spot_artifacts.damage import damage, draw_mask
from inkbench.methods.spot_artifacts.method import SpotArtifacts, SpotArtifactsConfig, auroc, recoloured

ROWS = {row.label: row.settings for row in load.load("jenni-1").rows}


def resolved(**sets):
    return SpotArtifacts(SpotArtifactsConfig.resolve("spot_artifacts", "smoke", sets))


def test_damage_replaces_dropped_positions_by_the_mean_around_them():
    """By hand over all positions: the 3 x 3 mean of what lies inside; the mask is one for all channels."""
    features = torch.randn(3, 5, 6, 6)
    mask = draw_mask(3, 6, 0.5, generator())
    assert mask.shape == (3, 1, 6, 6)
    out = damage(features, mask)
    for b in range(3):
        for y in range(6):
            for x in range(6):
                own, got = features[b, :, y, x], out[b, :, y, x]
                if mask[b, 0, y, x] == 1:
                    assert (own == got).all()
                else:
                    around = features[b, :, max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].mean((1, 2))
                    assert torch.allclose(got, around, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(grid=st.integers(2, 12), rate=st.floats(0.05, 0.95), seed=st.integers(0, 2**31))
def test_masks_drop_their_rate(grid, rate, seed):
    exact = draw_mask(8, grid, rate, generator(seed), exact=True)
    dropped = (1 - exact).sum((1, 2, 3))
    assert (dropped == min(max(round(rate * grid * grid), 1), grid * grid - 1)).all()
    many = draw_mask(2000, grid, rate, generator(seed))
    assert float(1 - many.mean()) == pytest.approx(rate, abs=5 * (rate * (1 - rate) / many.numel()) ** 0.5)
    assert set(many.unique().tolist()) <= {0.0, 1.0}


def trained_repair(where, gating):
    """A repair network whose layers do something, with the decoder that it works in."""
    torch.manual_seed(0)
    autoencoder = Autoencoder(4, 3, "2x2").eval()
    repair = Repair(autoencoder.widths, where, gating).eval()
    for parameter in repair.parameters():
        torch.nn.init.normal_(parameter, 0, 0.5)
    return autoencoder, repair


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_kept_positions_pass_a_gated_repair_bit_for_bit(dtype):
    torch.manual_seed(0)
    layer = RepairLayer(6, gating=True).eval().to(dtype)
    free = RepairLayer(6, gating=False).eval().to(dtype)
    free.load_state_dict(layer.state_dict())
    features = torch.randn(4, 6, 16, 16).to(dtype)
    mask = draw_mask(4, 4, 0.5, generator())
    kept = interpolate(mask, size=(16, 16)).expand(-1, 6, -1, -1) > 0
    with torch.no_grad():
        gated, ungated = layer(features, mask), free(features, mask)
    assert (gated[kept] == features[kept]).all()
    assert (gated[~kept] != features[~kept]).float().mean() > 0.9
    assert (ungated[kept] != features[kept]).float().mean() > 0.9
    assert (gated[~kept] == ungated[~kept]).all()


@pytest.mark.parametrize("where", ["distributed", "local"])
def test_with_nothing_dropped_a_gated_repair_is_the_autoencoder(where):
    autoencoder, repair = trained_repair(where, gating=True)
    images = torch.rand(2, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        features = autoencoder(images, 0, 1)
        ones = torch.ones(2, 1, 4, 4)
        assert (repair(features, ones, autoencoder) == autoencoder(images)).all()
        zeros = torch.zeros(2, 1, 4, 4)
        assert (repair(features, zeros, autoencoder) != autoencoder(images)).any()


def test_repair_lies_at_every_level_or_before_the_first():
    autoencoder, _ = trained_repair("distributed", True)
    for where, widths in (("distributed", [32, 16, 8, 4]), ("local", [32, 32, 32, 32])):
        _, repair = trained_repair(where, True)
        assert [layer.inner[0].out_channels for layer in repair.layers] == widths
        assert len(repair.layers) == len(autoencoder.decoder)
    paper = Autoencoder(32, 4, "2x2")
    assert len(Repair(paper.widths, "distributed", True).layers) == 5


def test_the_2x2_encoder_never_looks_across_the_cells_of_the_mask_the_3x3_does():
    """A pixel of one cell of 8 x 8 changes that cell of the code alone, but for the first full-size convolution."""
    for encoder, expected in (("2x2", 1), ("3x3", 3)):
        torch.manual_seed(0)
        net = Autoencoder(4, 3, encoder).eval().encoder
        images = torch.zeros(1, 3, 40, 40)
        other = images.clone()
        other[:, :, 20, 20] = 1  # the middle of the middle cell
        with torch.no_grad():
            changed = ((net(other) - net(images)).abs() > 0).any(1)[0]
        across = int(changed.any(0).sum())
        assert across <= expected
        assert across >= 1


@pytest.mark.parametrize("label", ROWS)
@pytest.mark.seconds
def test_every_row_of_table_1_trains_what_it_says(label):
    sets = {key.partition(".")[2]: str(value).lower() for key, value in ROWS[label].items() if "." in key}
    method = resolved(**sets)
    nets = built(method)
    c = method.config
    assert ("repair" in nets) == (c.repair != "none" or c.gan)
    assert ("history" in nets) == bool(c.history)
    assert (nets["critic"].kept is not None) == (c.mask_prediction and not c.gan)
    before = {name: [p.clone() for p in net.parameters()] for name, net in nets.items()}
    for stage in (0, 1):
        losses = np.array(drive(method, nets, stage, steps=2))
        assert np.isfinite(losses).all()
        assert losses.shape[1] == len(method.stages()[stage].drives)
        moved = {
            name
            for name, net in nets.items()
            if any((a != b).any() for a, b in zip(before[name], net.parameters(), strict=True))
        }
        assert moved == {"autoencoder"} | ({"repair", "critic"} & set(nets) if stage else set())
    for net in nets.values():
        net.eval()
    figures = method.pretext(nets, batch(method, 5), context())
    assert set(figures) == {"accuracy"} | ({"mask_auroc"} if c.masked else set())
    assert all(values.shape == (5,) and ((values >= 0) & (values <= 1)).all() for values in figures.values())
    picture = method.pictures(nets, batch(method, 3), context())["artifacts"]
    assert picture.dtype == np.uint8
    assert sum(stage.share for stage in method.stages()) == pytest.approx(1)


def test_the_rows_of_the_table_are_the_axes_of_the_paper():
    assert len(ROWS) == 13
    assert [label[:3] for label in ROWS][1:] == [f"({letter})" for letter in "abcdefghijkl"]
    assert len({tuple(sorted(settings.items())) for settings in ROWS.values()}) == 13


def test_the_raw_image_is_real_only_when_asked():
    for asked in (False, True):
        method = resolved(input_as_real=str(asked).lower())
        nets = built(method)
        images = noise(4, method.config.side) / 127.5 - 1
        real, corrupted, _ = method._examples(nets, images, generator())
        assert bool((real == images).all()) == asked
        assert (corrupted != real).any()


def test_the_history_is_kept_with_its_masks_in_the_state():
    history = History(4, 8, 2)
    images = torch.stack([torch.full((3, 8, 8), k / 10 - 0.5) for k in range(4)])
    masks = torch.stack([torch.full((1, 2, 2), float(k % 2)) for k in range(4)])
    for _ in range(2):  # half a batch is put aside at a time
        out, out_masks = history.mix(images, masks, generator())
        assert (out == images).all()
        assert (out_masks == masks).all()
    assert int(history.filled) == 4
    new = torch.full((4, 3, 8, 8), 0.9)
    mixed, mixed_masks = history.mix(new, torch.ones(4, 1, 2, 2), generator())
    assert (mixed[2:] == 0.9).all()
    values = [round(float(image.mean()), 2) for image in mixed[:2]]
    assert set(values) <= {-0.5, -0.4}
    for value, mask in zip(values, mixed_masks[:2], strict=True):
        assert (mask == (1.0 if value == -0.4 else 0.0)).all(), "each image with its own mask"
    assert sorted(history.state_dict()) == ["filled", "images", "masks"]
    twin = History(4, 8, 2)
    twin.load_state_dict(history.state_dict())
    a, b = history.mix(new, masks, generator(5)), twin.mix(new, masks, generator(5))
    assert (a[0] == b[0]).all()


@pytest.mark.parametrize(("grid", "side"), [(4, 64), (8, 64), (2, 64)])
def test_the_mask_head_reads_the_map_that_is_as_coarse_as_the_mask(grid, side):
    backbone = Backbone("test_resnet")
    critic = Critic(backbone, side, grid, 16, mask=True)
    real, kept = critic(torch.zeros(2, 3, side, side))
    assert real.shape == (2,)
    assert kept.shape == (2, 1, grid, grid)
    assert critic.backbone is backbone


def test_a_mask_that_no_map_fits_is_refused():
    with pytest.raises(UsageError, match=r"no map of test_vit is 32 wide on 64 px .*spot_artifacts.levels"):
        built(resolved(levels="1"), "test_vit")
    with pytest.raises(UsageError, match="cannot be halved 4 times"):
        resolved(side="40")
    with pytest.raises(UsageError, match="did you mean 'dropping'"):
        resolved(droping="0.3")


def test_auroc_equals_scikit_learn():
    r = np.random.default_rng(0)
    scores = r.integers(0, 5, (20, 16)).astype(np.float32)
    positive = (r.random((20, 16)) < 0.5).astype(np.float32)
    positive[:, :2] = (0, 1)
    expected = [roc_auc_score(p, s) for p, s in zip(positive, scores, strict=True)]
    assert auroc(torch.from_numpy(scores), torch.from_numpy(positive)).tolist() == pytest.approx(expected)


def test_the_rate_falls_within_each_stage():
    method = resolved()
    share = method.config.autoencoder_share
    assert [method.rate(p) for p in (0, share / 2, share - 1e-9)] == pytest.approx([1, 0.45, 0.01], abs=0.01)
    assert [method.rate(p) for p in (share, 1 - 1e-9)] == pytest.approx([1, 0.01], abs=0.01)


@pytest.mark.fidelity
@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_what_repair_must_keep_weighs_the_same_at_every_dropping_rate(rate):
    """tf.losses.mean_squared_error under SUM_BY_NONZERO_WEIGHTS, by hand; equal errors give equal losses."""
    mask = draw_mask(5, 4, rate, generator(), exact=True)
    r = np.random.default_rng(0)
    corrupted, images = r.standard_normal((2, 5, 3, 16, 16))
    weights = np.broadcast_to(mask.numpy().repeat(4, 2).repeat(4, 3), images.shape)
    expected = (weights * (corrupted - images) ** 2).sum() / np.count_nonzero(weights)
    found = kept_error(torch.from_numpy(corrupted), torch.from_numpy(images), mask)
    assert float(found) == pytest.approx(expected, rel=1e-6)
    even = kept_error(torch.from_numpy(images) + 0.1, torch.from_numpy(images), mask)
    assert float(even) == pytest.approx(0.01, rel=1e-6)
    assert float(kept_error(torch.ones(5, 3, 16, 16), torch.zeros(5, 3, 16, 16), torch.zeros_like(mask))) == 0


@pytest.mark.fidelity
@pytest.mark.parametrize("sets", [{}, {"input_as_real": "true"}, {"dropping": "0.9"}, {"mask_prediction": "false"}])
def test_repair_is_held_to_the_input_image_whatever_is_shown_as_real(sets):
    """What 30 adds to R's loss is 30 times the mean over kept pixels of (corrupted - input)^2, in every row."""
    told = []
    for weight in ("30", "0"):
        method = resolved(history="0", reconstruction=weight, **sets)
        nets = built(method)
        images = noise(4, method.config.side) / 127.5 - 1
        told.append(next(method._against_each_other(nets, images, generator(7))).item())
        with torch.no_grad():
            _, corrupted, mask = method._examples(nets, images, generator(7))
    weights = np.broadcast_to(mask.numpy().repeat(16, 2).repeat(16, 3), images.shape)
    by_hand = (weights * (corrupted.numpy() - images.numpy()) ** 2).sum() / np.count_nonzero(weights)
    assert told[0] - told[1] == pytest.approx(30 * by_hand, rel=1e-4)


@pytest.mark.fidelity
def test_the_critic_s_loss_is_a_mean_over_2n_and_a_tenth_of_the_mask_s():
    r = np.random.default_rng(1)
    said, kept, mask = r.standard_normal(10), r.standard_normal((10, 1, 3, 3)), r.integers(0, 2, (5, 1, 3, 3))

    def entropy(logits, truth):
        return (np.log1p(np.exp(logits)) - truth * logits).mean()

    by_hand = entropy(said, np.arange(10) < 5) + 0.1 * entropy(kept, np.concatenate([np.ones_like(mask), mask]))
    given = torch.from_numpy(said), torch.from_numpy(kept), torch.from_numpy(mask).double()
    assert float(critic_loss(*given, 0.1)) == pytest.approx(by_hand, rel=1e-9)
    assert float(critic_loss(given[0], None, given[2], 0.1)) == pytest.approx(entropy(said, np.arange(10) < 5))
    assert float(fooling_loss(given[0])) == pytest.approx(entropy(said, np.arange(10) >= 5))


@pytest.mark.fidelity
def test_brightness_is_added_and_saturation_is_a_factor_of_the_distance_from_grey():
    images = 0.4 + 0.2 * torch.rand(200, 3, 5, 5, generator=generator())
    added = recoloured(images, 0.125, 0.0, generator(1)) - images
    level = added.mean((1, 2, 3), keepdim=True)
    assert (added - level).abs().max() < 1e-6, "one number for all of an image, whatever its colour"
    assert -0.125 <= float(level.min()) < -0.1
    assert 0.1 < float(level.max()) <= 0.125
    grey = (images * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    factor = (recoloured(images, 0.0, 0.5, generator(1)) - grey) / (images - grey)
    middle = factor.flatten(1).median(1).values
    assert ((factor - middle[:, None, None, None]).abs() * (images - grey).abs()).max() < 1e-5
    assert 0.5 <= float(middle.min()) < 0.55
    assert 1.45 < float(middle.max()) <= 1.5


@pytest.mark.fidelity
def test_kernels_alone_have_the_code_s_l2():
    method = resolved()
    critic = built(method)["critic"]
    decays = {
        p: group["weight_decay"]
        for group in method.optimizer("critic", critic.parameters()).param_groups
        for p in group["params"]
    }
    assert {decays[p] for p in critic.parameters() if p.ndim > 1} == {5e-5}
    assert {decays[p] for p in critic.parameters() if p.ndim <= 1} == {0.0}
    assert len(decays) == len(list(critic.parameters()))
