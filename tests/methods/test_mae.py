"""Masked autoencoding: masked pixels are never seen, order and places of patches, the error, who may run it."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from method_steps import batch, built, context, drive, generator, noise

from inkbench.benchmark import augment
from inkbench.benchmark.api import NotApplicable, UsageError
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.methods.mae.masked_tokens import MaskedAutoencoder, draw_visible, patchify, unpatchify
from inkbench.methods.mae.method import Mae


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


@pytest.mark.parametrize(
    "backbone", ["test_vit", "test_vit2", "test_vit3", "vit_tiny_patch16_224", "deit_tiny_distilled_patch16_224"]
)
def test_with_everything_visible_the_encoder_is_timm_s_own(backbone):
    """Tokens of all patches equal those of the model's own forward, behind its last norm."""
    torch.manual_seed(0)
    body = Backbone(backbone).eval()
    net = MaskedAutoencoder(body, 64, 16, 1, 4).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        mine = net.encode(images, torch.arange(16).expand(2, -1))
        tokens = body.model.fc_norm(body.model.forward_features(images))  # one of the two norms does nothing
    assert torch.allclose(mine, tokens, atol=1e-4)


def places_of_the_authors(width, side, class_token):
    """``get_2d_sincos_pos_embed`` as the authors describe it, number by number."""
    rows = [[0.0] * width] if class_token else []
    for y in range(side):
        for x in range(side):
            row = []
            for place in (x, y):  # "here w goes first"
                turns = [place / 10_000 ** (k / (width / 4)) for k in range(width // 4)]
                row += [math.sin(turn) for turn in turns] + [math.cos(turn) for turn in turns]
            rows.append(row)
    return torch.tensor(rows)


@pytest.mark.fidelity
@pytest.mark.parametrize(("backbone", "class_token"), [("test_vit", True), ("test_vit2", False), ("test_vit3", False)])
def test_positions_are_fixed_sines_in_encoder_and_decoder(backbone, class_token):
    method = mae(width="24", heads="3")
    net = built(method, backbone)["net"]
    embedding = net.backbone.model.pos_embed
    side = net.backbone.model.patch_embed.grid_size[0]
    known = embedding.shape[1] > side**2
    expected = places_of_the_authors(embedding.shape[2], side, known)[-embedding.shape[1] :]
    assert torch.allclose(embedding[0, -(side**2) :], expected[-(side**2) :], atol=1e-4)
    assert float(embedding[0, : embedding.shape[1] - side**2].abs().sum()) == 0
    assert torch.allclose(net.places[0], places_of_the_authors(24, 4, class_token), atol=1e-5)
    before = [embedding.clone(), net.places.clone()]
    drive(method, {"net": net}, 0, steps=2)
    assert (embedding == before[0]).all()
    assert (net.places == before[1]).all()


def test_positions_that_were_given_with_weights_stay():
    body = Backbone("test_vit")
    body.started = True
    before = body.model.pos_embed.clone()
    MaskedAutoencoder(body, 64, 16, 1, 4)
    assert (body.model.pos_embed == before).all()
    assert body.model.pos_embed.requires_grad


def reference(net, images, kept, norm_pix):
    """The loss of one batch, image by image and in the paper's order of things; ``kept`` lists of patches (He et al.).

    Section 3 and appendix A of the paper, forward_encoder, forward_decoder and forward_loss of models_mae.py: written
    from these, with the weights of ``net`` and timm's blocks as the only parts of ours.
    """
    model, width = net.backbone.model, net.mask_token.shape[-1]
    side = images.shape[-1] // 16
    losses = []
    for image, seen in zip(images, kept, strict=True):
        patches = [
            image[:, 16 * y : 16 * y + 16, 16 * x : 16 * x + 16].permute(1, 2, 0).flatten()  # p x p x 3
            for y in range(side)
            for x in range(side)
        ]
        kernel = model.patch_embed.proj.weight.permute(0, 2, 3, 1).flatten(1)
        encoder_places = places_of_the_authors(model.embed_dim, side, True)
        order = [int(k) for k in seen]
        tokens = [kernel @ patches[k] + model.patch_embed.proj.bias + encoder_places[1 + k] for k in order]
        x = torch.stack([model.cls_token[0, 0] + encoder_places[0], *tokens])[None]
        for block in model.blocks:
            x = block(x)
        x = torch.nn.functional.layer_norm(x, (model.embed_dim,), model.norm.weight, model.norm.bias, model.norm.eps)
        x = (x @ net.enter.weight.T + net.enter.bias)[0]
        whole = [net.mask_token[0, 0]] * side**2
        for token, k in zip(x[1:], order, strict=True):
            whole[k] = token
        y = torch.stack([x[0], *whole]) + places_of_the_authors(width, side, True)
        y = y[None]
        for block in net.blocks:
            y = block(y)
        norm, predict = net.leave
        y = torch.nn.functional.layer_norm(y, (width,), norm.weight, norm.bias, 1e-6)
        y = (y @ predict.weight.T + predict.bias)[0, 1:]
        for k in range(side**2):
            if k in order:
                continue
            target = patches[k]
            if norm_pix:
                target = (target - target.mean()) / (target.var() + 1e-6).sqrt()
            said = y[k].view(3, 16, 16).permute(1, 2, 0).flatten()  # ours has the channels first
            losses.append((said - target).square().mean())
    return torch.stack(losses).mean()


@pytest.mark.fidelity
@pytest.mark.parametrize("norm_pix", ["false", "true"])
def test_the_loss_is_that_of_an_independent_masked_autoencoder(norm_pix):
    method = mae(side="160", norm_pix=norm_pix, width="24", heads="3", depth="2")
    net = built(method, "test_vit")["net"]
    with torch.no_grad():
        net.backbone.model.norm.weight.uniform_(0.5, 2)  # what starts as 1 or 0 would hide where it is left out
        net.backbone.model.norm.bias.uniform_(-1, 1)
    net.eval()
    pixels = augment.to_float(noise(2, 160))
    pixels[0, :, :32] = 0.7  # flat patches, where the variance's 1e-6 decides
    images = method._normalize(pixels)
    visible, masked = method.draw(2, generator())
    with torch.no_grad():
        ours = float(method.error(net(images, visible), images, masked).mean())
        theirs = float(reference(net, images, visible.tolist(), norm_pix == "true"))
    assert ours == pytest.approx(theirs, rel=1e-4)
    assert torch.allclose(method._denormalize(images), pixels, atol=1e-6)


@pytest.mark.fidelity
def test_a_flat_patch_counts_from_the_paper_s_hundredth_of_a_grey_level():
    """1e-6 on the variance of pixels of deviation 1 is .057 of 255 grey levels where ImageNet's deviation is .226."""
    method = mae(norm_pix="true")
    built(method, "test_vit")
    deviation = sum(Backbone("test_vit").std) / 3
    grey = 0.057 / 255 / (0.226 / deviation)
    pixels = torch.full((1, 3, 64, 64), 0.5)
    pixels[..., ::2] += grey
    pixels[..., 1::2] -= grey
    images = method._normalize(pixels)
    _, masked = method.draw(1, generator())
    flat = patchify(images, 16)
    each = flat - flat.mean(2, keepdim=True)
    colours = method._normalize(torch.full((1, 3, 64, 64), 0.5))
    spread = patchify(colours, 16).var(2, keepdim=True)  # what the channels' own means leave of a grey patch
    expected = (each.square().mean(2) / (flat.var(2) + 1e-6)).mean()
    assert float(method.error(torch.zeros_like(flat), images, masked)) == pytest.approx(float(expected), rel=1e-3)
    assert float(spread.max()) < 1e-3


@pytest.mark.fidelity
def test_what_has_one_dimension_does_not_decay():
    method = mae()
    net = built(method, "test_vit")["net"]
    trained = {name: p for name, p in net.named_parameters() if p.requires_grad}
    decayed, spared = method.optimizer("net", trained.values()).param_groups
    assert {id(p) for p in spared["params"]} == {id(p) for p in trained.values() if p.ndim == 1}
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.05, 0)
    assert decayed["betas"] == (0.9, 0.95)


@pytest.mark.fidelity
@pytest.mark.parametrize("backbone", ["test_vit", "test_vit2", "test_vit3"])
def test_the_encoder_s_norm_is_the_backbone_s_own_and_is_handed_over(backbone):
    """No norm is left in the decoder before its first block; what is trained of the backbone has a gradient."""
    method = mae()
    nets = built(method, backbone)
    net = nets["net"]
    assert isinstance(net.enter, torch.nn.Linear)
    model = net.backbone.model
    norm = model.fc_norm if isinstance(model.norm, torch.nn.Identity) else model.norm
    before = norm.bias.clone()
    drive(method, nets, 0)
    assert (norm.bias != before).any()
    (loss,) = method.step(nets, batch(method), context())
    loss.backward()
    assert all(p.grad is not None for p in net.parameters() if p.requires_grad)


def test_the_error_counts_masked_patches_alone():
    for norm_pix in ("false", "true"):
        method = mae(norm_pix=norm_pix)
        built(method, "test_vit")
        images = method._normalize(augment.to_float(noise(3, 64)))
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


@pytest.mark.seconds
def test_what_is_not_a_vision_transformer_is_declined_and_a_side_refused():
    with pytest.raises(NotApplicable, match="test_resnet is not one"):
        built(mae(), "test_resnet")
    for name in ("vit_tiny_patch16_dinov3_qkvb", "eva02_tiny_patch14_224", "test_vit_relpos"):
        with pytest.raises(NotApplicable, match="with positions in its attention"):
            built(mae(), name)
    with pytest.raises(NotApplicable, match="convolutional stem"):  # its patches overlap: masked pixels would be seen
        built(mae(), "vit_tiny_r_s16_p8_224")
    with pytest.raises(UsageError, match="not a multiple of the 16 px patches"):
        built(mae(side="72"), "test_vit")
    with pytest.raises(UsageError, match="is not a multiple of 4 and of the 5 heads"):
        mae(heads="5")
