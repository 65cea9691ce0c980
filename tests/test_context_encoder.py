"""Context encoders: nothing of the hole is seen, the loss in closed form, the bottleneck, the critic, learning."""

import numpy as np
import pytest
import torch
from method_steps import batch, built, context, drive, generator, noise
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmark import augment
from benchmark.api import Refusal
from benchmark.backbones import Backbone
from benchmark.parts.inpainting_nets import ChannelWise
from benchmark.parts.psnr import psnr
from methods.autoencoder import PlainAutoencoder
from methods.context_encoder import ContextEncoder, ContextEncoderConfig, mean_left


def resolved(preset="smoke", **sets):
    return ContextEncoder(ContextEncoderConfig.resolve("context_encoder", preset, sets))


@pytest.mark.parametrize("holes", ["central", "random_block", "random_region"])
@pytest.mark.parametrize("fill", ["mean", "constant"])
def test_no_pixel_of_the_hole_reaches_the_network(holes, fill):
    method = resolved(holes=holes, fill=fill)
    built(method)
    images = augment.to_float(noise(6, 64)) * 2 - 1
    mask = method.holes(6, generator())
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


@pytest.mark.parametrize(("overlap", "times"), [("0", 10.0), ("4", 10.0), ("2", 3.0)])
def test_the_loss_in_closed_form(overlap, times):
    """Weighted mean of the squared error over the hole, the band ``times`` times; nothing outside it counts."""
    method = resolved(overlap=overlap, overlap_weight=str(times))
    images, said = (augment.to_float(noise(3, 64, seed)).double() * 2 - 1 for seed in (1, 2))
    mask = method.holes(3, generator()).double()
    loss = method.reconstruction(said, images, mask)
    band = augment.inner_band(mask, int(overlap))
    top = bottom = 0.0
    for b in range(3):
        for weight, where in ((times, band[b, 0] > 0), (1.0, (mask[b, 0] > 0) & (band[b, 0] == 0))):
            top += weight * float(((said[b] - images[b])[:, where] ** 2).sum())
            bottom += weight * 3 * int(where.sum())
    assert float(loss) == pytest.approx(top / bottom, rel=1e-9)
    assert float(method.reconstruction(torch.where(mask > 0, said, said + 9), images, mask)) == float(loss)


def test_joint_is_999_parts_of_l2_and_one_of_the_critic_s():
    method = resolved(joint="true")
    nets = built(method)
    assert method.stages()[0].drives == ("net", "critic")
    images = batch(method, 4)
    losses = method.step(nets, images, context(3))
    joint, critic = float(next(losses).detach()), float(next(losses).detach())
    g = context(3).generator
    crops = method._crops(images["image"], g)
    mask = method.holes(4, g)
    with torch.no_grad():
        said = nets["net"](method.seen(crops, mask))
        fooled = nets["critic"](torch.where(mask > 0, said, crops))
        l2 = method.reconstruction(said, crops, mask)
        adversarial = binary_cross_entropy_with_logits(fooled, torch.ones(4))
    # batch normalisation sees the same batches, so the figures agree to rounding
    assert joint == pytest.approx(float(0.999 * l2 + 0.001 * adversarial), rel=1e-4)
    assert 0 < critic < 5
    plain = resolved()
    assert plain.stages()[0].drives == ("net",)
    assert set(built(plain)) == {"net"}


@pytest.mark.parametrize(
    "sets", [{}, {"joint": "true"}, {"bottleneck": "plain", "joint": "true"}, {"holes": "central", "overlap": "0"}]
)
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


def test_it_paints_better_than_the_mean_and_says_so():
    """Panels of one hue: what is missing can be seen from what is left, though not by the network at its start."""

    def ramps(n, seed):
        slope = torch.rand(n, 3, 1, 1, generator=generator(seed)) * 2 - 1
        line = torch.linspace(-1, 1, 72)
        return ((slope * line[:, None] * line[None] * 100) + 128).to(torch.uint8)

    method = resolved(width="8", holes="central", schedule="constant")
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
    with pytest.raises(Refusal, match="take a side that is 3 times a power of two"):
        built(resolved(side="80"))


@pytest.mark.parametrize(
    ("sets", "said"),
    [({"holes": "centre"}, "holes"), ({"share": "1"}, "share"), ({"overlp": "3"}, "did you mean 'overlap'")],
)
def test_impossible_settings_are_refused_in_one_line(sets, said):
    with pytest.raises(Refusal, match=said) as refused:
        resolved(**sets)
    assert "\n" not in str(refused.value)
