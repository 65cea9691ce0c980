"""Context encoders: nothing of the hole is seen, the loss in closed form, the bottleneck, the critic, learning."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from method_steps import batch, built, context, drive, generator, noise
from scipy.ndimage import distance_transform_cdt
from torch.nn.functional import softplus

from inkbench.benchmark import augment
from inkbench.benchmark.api import UsageError
from inkbench.benchmark.losses.psnr import psnr
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.networks.inpainting_nets import ChannelWise
from inkbench.benchmark.pretext.painter import weighted_error
from inkbench.methods.autoencoder import PlainAutoencoder
from inkbench.methods.context_encoder import ContextEncoder, ContextEncoderConfig, mean_left

RANDOM = ("random_block", "random_region")


def resolved(preset="smoke", **sets):
    return ContextEncoder(ContextEncoderConfig.resolve("context_encoder", preset, sets))


@pytest.mark.parametrize("holes", ["central", "random_block", "random_region"])
@pytest.mark.parametrize("fill", ["mean", "constant"])
def test_no_pixel_of_the_hole_reaches_the_network(holes, fill):
    method = resolved(holes=holes, fill=fill)
    built(method)
    images = augment.to_float(noise(6, 64)) * 2 - 1
    mask, _ = method.taken(6, generator())
    other = torch.where(mask > 0, -images, images)
    assert (method.seen(images, mask) == method.seen(other, mask)).all()
    outside = torch.where(mask > 0, images, -images)
    assert (method.seen(images, mask) != method.seen(outside, mask)).any()


def test_the_hole_is_filled_with_the_mean_of_what_is_left():
    images = torch.zeros(1, 3, 4, 4)
    images[:, :, :2] = torch.tensor([0.5, -0.5, 1.0]).view(1, 3, 1, 1)
    mask = torch.zeros(1, 1, 4, 4)
    mask[:, :, 3] = 1
    expected = torch.tensor([0.5, -0.5, 1.0]) * 8 / 12
    assert torch.allclose(mean_left(images, mask).flatten(), expected)


@pytest.mark.fidelity
@pytest.mark.parametrize(("overlap", "times"), [("0", 10.0), ("4", 10.0), ("2", 3.0)])
def test_the_band_of_a_central_hole_is_seen_and_weighs_more_as_in_train_lua(overlap, times):
    """By hand: the authors blank side / 4 + overlap to 3 side / 4 - overlap, predict the middle half of the side, and
    multiply the gradient of its mean squared error by 10 outside of what is blank."""
    method = resolved(holes="central", overlap=overlap, overlap_weight=str(times))
    built(method)
    mask, weight = method.taken(3, generator())
    band = int(overlap)
    blank = torch.zeros(64, 64)
    blank[16 + band : 48 - band, 16 + band : 48 - band] = 1
    assert (mask[:, 0] == blank).all()
    images, said = (augment.to_float(noise(3, 64, seed)).double() * 2 - 1 for seed in (1, 2))
    said.requires_grad_()
    (grad,) = torch.autograd.grad(weighted_error(said, images, weight.double()), said)
    middle = torch.zeros(64, 64, dtype=torch.double)
    middle[16:48, 16:48] = torch.where(blank[16:48, 16:48] > 0, 1.0, times)
    assert torch.allclose(grad, middle * 2 * (said - images) / (3 * 3 * 32 * 32), rtol=1e-12)
    seen = method.seen(images.float(), mask)
    whole = method.seen(images.float(), torch.zeros_like(mask))
    assert ((seen == whole).all(1) == (blank == 0)).all(), "the band is seen, what it surrounds is not"


@pytest.mark.fidelity
@pytest.mark.parametrize("holes", ["random_block", "random_region"])
def test_random_holes_have_no_band_and_their_loss_is_a_plain_mean(holes):
    """Of the whole image, as train_random.lua without overlap, or of the hole alone, equation 1."""
    images, said = (augment.to_float(noise(3, 64, seed)).double() * 2 - 1 for seed in (1, 2))
    squared = (said - images).square().numpy()
    for over in ("image", "hole"):
        method = resolved(holes=holes, over=over)
        mask, weight = method.taken(3, generator())
        hole = np.broadcast_to(mask.numpy() > 0, squared.shape)
        expected = squared.mean() if over == "image" else squared[hole].mean()
        assert float(weighted_error(said, images, weight.double())) == pytest.approx(expected, rel=1e-9)


@pytest.mark.fidelity
@pytest.mark.parametrize("preset", ["quick", "standard", "paper"])
def test_how_much_of_the_loss_lies_how_far_from_the_rim(preset, capsys):
    """The share of the loss by distance from the edge of what is hidden, where every pixel errs alike.

    Each random hole's share is its share of the pixels: nothing but the hole decides what is learnt. A central hole's
    band weighs ten times, but lies outside of what is hidden, where there is nothing to continue.
    """
    edges = (-np.inf, -5, 0, 4, 8, np.inf)
    rows = []
    for sets in ({"holes": "central"}, *({"holes": h, "over": o} for h in RANDOM for o in ("image", "hole"))):
        method = resolved(preset, **sets)
        mask, weight = method.taken(8, generator())
        hidden, loss = mask[:, 0].numpy() > 0, weight[:, 0].numpy()
        inside, outside = (
            np.stack([distance_transform_cdt(one, "chessboard") for one in where]) for where in (hidden, ~hidden)
        )
        far = inside - outside
        share = np.array([loss[(far > low) & (far <= high)].sum() for low, high in pairwise(edges)]) / loss.sum()
        rows.append(f"{preset:8} {'/'.join(sets.values()):20} " + " ".join(f"{value:6.3f}" for value in share))
        if sets["holes"] == "central":
            side, band = method.config.side, method.config.overlap
            inner, outer = (side // 2 - 2 * band) ** 2, (side // 2) ** 2
            assert share[2:].sum() == pytest.approx(inner / (inner + 10 * (outer - inner)))
            assert share[0] == 0, "nothing beyond the visible band counts"
            continue
        counted = hidden if sets["over"] == "hole" else np.ones_like(hidden)
        pixels = [(counted & (far > low) & (far <= high)).sum() / counted.sum() for low, high in pairwise(edges)]
        assert share.tolist() == pytest.approx(pixels), "a share of the loss is a share of the pixels"
    with capsys.disabled():
        print("\nshare of the loss   px from the rim: <-4  -4..0   0..4   4..8    >8  (in the hole: above 0)")
        print("\n".join(rows))


@pytest.mark.fidelity
@pytest.mark.parametrize("preset", ["smoke", "quick", "standard", "paper"])
@pytest.mark.seconds
def test_the_control_differs_in_the_hole_alone(preset):
    """Where nothing is taken away a context encoder is the autoencoder: same settings, networks, crops, optimiser,
    schedule, loss and, after an update, the same weights."""

    class WithoutAHole(ContextEncoder):
        def taken(self, n, generator):
            mask, weight = super().taken(n, generator)
            return torch.zeros_like(mask), weight

    small = {"side": "64", "width": "8"} if preset in ("standard", "paper") else {}
    own = WithoutAHole(ContextEncoderConfig.resolve("context_encoder", preset, small))
    control = PlainAutoencoder(PlainAutoencoder.Config.resolve("autoencoder", preset, small))
    shared = control.config.model_dump()
    assert shared == {name: own.config.model_dump()[name] for name in shared}
    of_a_hole = set(own.config.model_dump()) - set(shared)
    assert of_a_hole == {
        *("holes", "share", "over", "fill", "overlap", "overlap_weight"),
        *("joint", "reconstruction", "adversarial", "critic_width", "critic_lr"),
    }
    assert own.views() == control.views()
    assert own.stages() == control.stages()
    assert [own.rate(p / 10) for p in range(10)] == [control.rate(p / 10) for p in range(10)]
    after = []
    for method in (own, control):
        nets = built(method)
        optimizer = method.optimizer("net", nets["net"].parameters())
        (loss,) = method.step(nets, batch(method, 4), context(3))
        loss.backward()
        optimizer.step()
        after.append(
            (type(optimizer), optimizer.defaults, float(loss.detach()), [p.detach() for p in nets["net"].parameters()])
        )
    assert after[0][:3] == after[1][:3]
    assert all(torch.equal(a, b) for a, b in zip(after[0][3], after[1][3], strict=True))
    hole = ContextEncoder(own.config)
    assert float(next(hole.step(built(hole), batch(hole, 4), context(3))).detach()) != after[1][2], (
        "a hole makes a difference"
    )


@pytest.mark.parametrize("sets", [{}, {"over": "hole"}, {"holes": "central"}])
def test_joint_is_999_parts_of_l2_and_one_of_the_critic_s(sets):
    method = resolved(joint="true", **sets)
    nets = built(method)
    assert method.stages()[0].drives == ("net", "critic")
    images = batch(method, 4)
    losses = method.step(nets, images, context(3))
    joint, critic = float(next(losses).detach()), float(next(losses).detach())
    g = context(3).generator
    crops = method._crops(images["image"], g)
    mask, weight = method.taken(4, g)
    judged = slice(16, 48) if sets.get("holes") == "central" else slice(None)
    with torch.no_grad():
        said = nets["net"](method.seen(crops, mask))
        fooled = nets["critic"](said[:, :, judged, judged])
        true = nets["critic"](crops[:, :, judged, judged])
        l2 = weighted_error(said, crops, weight)
        adversarial = softplus(-fooled).mean()
    # batch normalisation sees the same batches, so the figures agree to rounding
    assert joint == pytest.approx(float(0.999 * l2 + 0.001 * adversarial), rel=1e-4)
    assert critic == pytest.approx(float(softplus(-true).mean() + softplus(fooled).mean()), rel=1e-4)
    plain = resolved()
    assert plain.stages()[0].drives == ("net",)
    assert set(built(plain)) == {"net"}


@pytest.mark.parametrize(
    "sets", [{}, {"joint": "true"}, {"bottleneck": "plain", "joint": "true"}, {"holes": "central", "overlap": "0"}]
)
@pytest.mark.seconds
def test_every_network_is_driven_and_losses_stay_finite(sets):
    method = resolved(**sets)
    losses = np.array(drive(method, built(method), 0, steps=3))
    assert np.isfinite(losses).all()


def test_the_channel_wise_layer_has_m_n4_weights_and_mixes_no_channels():
    layer = ChannelWise(6, 4)
    assert layer.weight.numel() == 6 * 4**4
    maps = torch.randn(2, 6, 4, 4)
    out = layer.within(maps)
    changed = maps.clone()
    changed[:, 2] = torch.randn(2, 4, 4)
    differs = (layer.within(changed) != out).flatten(2).any(2)
    assert differs[:, 2].all()
    assert not differs[:, [0, 1, 3, 4, 5]].any()
    by_hand = torch.einsum("coi,nci->nco", layer.weight, maps.flatten(2)) + layer.bias[..., 0]
    assert torch.allclose(out.flatten(2), by_hand, atol=1e-5)
    one = torch.zeros(1, 6, 4, 4)
    one[0, 1, 0, 0] = 1
    spread = layer.within(one) - layer.within(torch.zeros_like(one))
    assert (spread[0, 1] != 0).all(), "every place hears of every other"


def test_what_is_handed_over_is_the_encoder():
    method = resolved()
    backbone = Backbone("test_resnet")
    assert method.build(backbone)["net"].backbone is backbone


@pytest.mark.seconds
def test_it_paints_better_than_the_mean_and_says_so():
    """Panels of one hue: what is missing can be seen from what is left, though not by the network at its start.

    Without the visible band, which has three quarters of the loss and is learnt first.
    """

    def ramps(n, seed):
        slope = torch.rand(n, 3, 1, 1, generator=generator(seed)) * 2 - 1
        line = torch.linspace(-1, 1, 72)
        return ((slope * line[:, None] * line[None] * 100) + 128).to(torch.uint8)

    method = resolved(width="8", holes="central", overlap="0", schedule="constant")
    nets = built(method)
    optimizer = method.optimizer("net", nets["net"].parameters())

    def figures():
        nets["net"].eval()
        found = method.pretext(nets, {"image": ramps(32, 9)}, context(5))
        nets["net"].train()
        return found["psnr"].mean() - found["trivial:psnr"].mean()

    for step in range(80):
        (loss,) = method.step(nets, {"image": ramps(16, step + 10)}, context(step))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert figures() > 1


def test_psnr_in_closed_form():
    images = torch.zeros(2, 3, 4, 4)
    said = torch.full_like(images, 0.1)
    said[1] = 0
    assert psnr(said, images).tolist() == pytest.approx([20, 100])
    assert psnr(said, images, span=2).tolist() == pytest.approx([20 + 20 * np.log10(2), 100])
    mask = torch.zeros(2, 1, 4, 4)
    mask[:, :, 0] = 1
    said[0, :, 1:] = 77
    assert psnr(said, images, mask).tolist() == pytest.approx([20, 100])


def test_pictures_of_both():
    for method in (resolved(), PlainAutoencoder(PlainAutoencoder.Config.resolve("autoencoder", "smoke"))):
        nets = built(method)
        nets["net"].eval()
        (picture,) = method.pictures(nets, batch(method, 3), context()).values()
        assert picture.dtype == np.uint8
        assert picture.shape[0] > 300


@pytest.mark.parametrize("bottleneck", ["plain", "channel-wise"])
def test_the_control_row_sees_everything(bottleneck):
    method = PlainAutoencoder(PlainAutoencoder.Config.resolve("autoencoder", "smoke", {"bottleneck": bottleneck}))
    nets = built(method)
    ((loss,),) = drive(method, nets, 0)
    assert 0 < loss < 4
    nets["net"].eval()
    figures = method.pretext(nets, batch(method, 5), context())
    assert figures["psnr"].shape == figures["trivial:psnr"].shape == (5,)


def test_a_side_that_doubling_does_not_reach_is_refused():
    with pytest.raises(UsageError, match="choose a side that is 3 times a power of two"):
        built(resolved(side="80"))


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        ({"holes": "centre"}, "holes"),
        ({"share": "1"}, "share"),
        ({"overlp": "3"}, "did you mean 'overlap'"),
        ({"holes": "central", "overlap": "16"}, "a band of 16 px along its edge leaves nothing of the central hole"),
    ],
)
def test_impossible_settings_are_refused_in_one_line(sets, said):
    with pytest.raises(UsageError, match=said) as refused:
        resolved(**sets)
    assert "\n" not in str(refused.value)
