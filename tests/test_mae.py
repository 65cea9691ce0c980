"""Masked autoencoding: masked pixels are never seen, order and places of patches, the error, who may run it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from method_steps import batch, built, context, drive, generator, noise

from benchmark import augment
from benchmark.api import Declined, Refusal
from benchmark.backbones import Backbone
from benchmark.parts.masked_tokens import MaskedAutoencoder, draw_visible, patchify, unpatchify
from methods.mae import Mae


def mae(**sets):
    return Mae(Mae.Config.resolve("mae", "smoke", {"width": "16", "depth": "1", **sets}))


@settings(max_examples=30, deadline=None)
@given(patches=st.integers(2, 80), share=st.floats(0.01, 0.99), seed=st.integers(0, 2**31))
def test_visible_patches_are_as_many_as_asked_ascending_and_without_repeat(patches, share, seed):
    visible = draw_visible(5, patches, share, generator(seed))
    assert visible.shape[1] == patches - min(max(round(share * patches), 1), patches - 1)
    assert (visible.diff(dim=1) > 0).all()
    assert 0 <= int(visible.min()) <= int(visible.max()) < patches


def test_patches_are_in_reading_order_and_come_back():
    images = noise(2, 12).float()
    rows = patchify(images, 4)
    assert (rows[1, 5].view(3, 4, 4) == images[1, :, 4:8, 8:12]).all()
    assert (unpatchify(rows, 4) == images).all()


@pytest.mark.parametrize("backbone", ["test_vit", "test_vit2", "test_vit3"])
def test_no_masked_pixel_reaches_the_network(backbone):
    method = mae()
    net = built(method, backbone)["net"].eval()
    images = augment.to_float(noise(3, 64))
    visible, masked = method.draw(3, generator())
    hidden = method._as_mask(masked) > 0
    assert float(hidden.float().mean()) == pytest.approx(0.75)
    with torch.no_grad():
        said = net(method._normalize(images), visible)
        assert (net(method._normalize(torch.where(hidden, 1 - images, images)), visible) == said).all()
        assert (net(method._normalize(torch.where(hidden, images, 1 - images)), visible) != said).any()
    assert said.shape == (3, 16, 3 * 16 * 16)


@pytest.mark.parametrize("backbone", ["test_vit", "vit_tiny_patch16_224"])
def test_with_everything_visible_the_encoder_is_timm_s_own(backbone):
    """Tokens of all patches equal those of the model's own forward, before its last norm."""
    torch.manual_seed(0)
    body = Backbone(backbone).eval()
    net = MaskedAutoencoder(body, 64, 16, 1, 4).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        mine = net.encode(images, torch.arange(16).expand(2, -1))
        model = body.model
        tokens = model.patch_embed(images)
        tokens = model.norm_pre(model.patch_drop(model._pos_embed(tokens)))
        for block in model.blocks:
            tokens = block(tokens)
    assert torch.allclose(mine, tokens, atol=1e-4)


def test_the_error_counts_masked_patches_alone():
    for norm_pix in ("false", "true"):
        method = mae(norm_pix=norm_pix)
        built(method, "test_vit")
        images = augment.to_float(noise(3, 64))
        truth = patchify(images, 16)
        if norm_pix == "true":
            truth = (truth - truth.mean(2, keepdim=True)) / (truth.var(2, keepdim=True) + 1e-6).sqrt()
        _, masked = method.draw(3, generator())
        assert float(method.error(truth, images, masked).max()) < 1e-8
        said = torch.where(masked[..., None], truth + 0.5, truth + 99)
        assert method.error(said, images, masked).tolist() == pytest.approx([0.25] * 3, rel=1e-4)


@pytest.mark.parametrize("sets", [{}, {"norm_pix": "true"}, {"masked": "0.5", "heads": "2"}])
def test_it_trains_and_is_judged(sets):
    method = mae(**sets)
    nets = built(method, "test_vit")
    assert np.isfinite(drive(method, nets, 0, steps=2)).all()
    nets["net"].eval()
    figures = method.pretext(nets, batch(method, 5), context())
    names = {"explained"} if method.config.norm_pix else {"psnr", "trivial:psnr"}
    assert set(figures) == names
    assert all(values.shape == (5,) for values in figures.values())
    picture = method.pictures(nets, batch(method, 3), context())["masked"]
    assert picture.dtype == np.uint8


def test_what_is_not_a_vision_transformer_is_declined_and_a_side_refused():
    with pytest.raises(Declined, match="test_resnet is none"):
        built(mae(), "test_resnet")
    with pytest.raises(Refusal, match="no multiple of the 16 px patches"):
        built(mae(side="72"), "test_vit")
    with pytest.raises(Refusal, match="no multiple of 4 and of the 5 heads"):
        mae(heads="5")
