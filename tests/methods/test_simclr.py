"""SimCLR and its identity-aware sibling: which terms the loss has, what the views are of, chance, settings."""

import numpy as np
import pytest
import torch
from method_steps import batch, built, context, drive

from inkbench.benchmark.api import UsageError
from inkbench.benchmark.augment.views import YIQ
from inkbench.benchmark.losses.nt_xent import nt_xent
from inkbench.benchmark.pretext.two_views import recoloured
from inkbench.methods.identity_simclr import IdentitySimclr
from inkbench.methods.simclr.method import Simclr


def simclr(**sets):
    return Simclr(Simclr.Config.resolve("simclr", "smoke", sets))


def identity(**sets):
    return IdentitySimclr(IdentitySimclr.Config.resolve("identity_simclr", "smoke", sets))


def loss_of(method, nets, images, seed=3):
    with torch.no_grad():
        (loss,) = method.step(nets, images, context(seed))
    return float(loss)


def networks(method):
    """In evaluation mode, so that a term does not depend on which views share its batch."""
    nets = built(method)
    nets["net"].train()
    for seed in range(3):
        with torch.no_grad():
            list(method.step(nets, batch(method, 16, seed), context(seed)))
    nets["net"].eval()
    return nets


@pytest.mark.seconds
def test_alignment_off_is_the_first_two_terms_exactly():
    """By the same generator: the strong views are drawn first, so the first two terms see the same pixels."""
    aligned, off = identity(), identity(alignment="false")
    nets = networks(aligned)
    images = batch(aligned, 8)
    third = loss_of(share(identity(face_weight="0", body_weight="0"), aligned), nets, images)
    whole, first_two = loss_of(aligned, nets, images), loss_of(share(off, aligned), nets, images)
    assert whole - first_two == pytest.approx(third, rel=1e-4)
    assert first_two == loss_of(share(identity(identity_weight="0"), aligned), nets, images)
    assert third > 0.1
    assert (aligned.crops_per_image(), off.crops_per_image()) == (6, 4)


def share(method, other):
    """A method that was not built normalises as ``other`` does."""
    method._normalize = other._normalize
    return method


@pytest.mark.seconds
def test_each_weight_scales_its_own_term():
    aligned = identity()
    nets = networks(aligned)
    images = batch(aligned, 8)
    names = ("face_weight", "body_weight", "identity_weight")

    def term(*weights):
        sets = {name: str(weight) for name, weight in zip(names, weights, strict=True)}
        return loss_of(share(identity(**sets), aligned), nets, images)

    parts = [term(1, 0, 0), term(0, 1, 0), term(0, 0, 1)]
    assert term(1, 1, 1) == pytest.approx(sum(parts), rel=1e-5)
    assert term(2, 0.5, 3) == pytest.approx(2 * parts[0] + 0.5 * parts[1] + 3 * parts[2], rel=1e-5)
    assert len({round(part, 4) for part in parts}) == 3


def test_the_third_term_pairs_the_face_with_its_own_body():
    """Bodies in another order change the third term and leave the first two as they are."""
    aligned = identity()
    nets = networks(aligned)
    images = batch(aligned, 8)
    with torch.no_grad():
        faces, bodies = aligned._embedded(nets, images, context(3).generator)
    by_hand = [nt_xent(faces[0], faces[1], 0.2), nt_xent(bodies[0], bodies[1], 0.2), nt_xent(faces[2], bodies[2], 0.2)]
    assert loss_of(aligned, nets, images) == pytest.approx(float(sum(by_hand)), rel=1e-5)
    assert float(nt_xent(faces[2], bodies[2].roll(1, 0), 0.2)) != pytest.approx(float(by_hand[2]))


def test_faces_and_bodies_share_one_backbone_and_are_read_as_pairs():
    method = identity()
    assert method.needs == {"face_pairs", "body_pairs"}
    assert method.supervision == "face/body pairs"
    views = method.views()
    assert [(view.kind, view.fit) for view in views.values()] == [("face_pairs", "squash"), ("body_pairs", "squash")]
    paper = IdentitySimclr(IdentitySimclr.Config.resolve("identity_simclr", "paper"))
    assert (paper.config.face, paper.config.body) == (96, 128)
    assert (paper.config.face_weight, paper.config.body_weight, paper.config.identity_weight) == (1, 1, 1)
    nets = built(method)
    assert len([m for m in nets["net"].modules() if type(m).__name__ == "Backbone"]) == 1


@pytest.mark.parametrize("make", [simclr, lambda: simclr(crops="pairs"), identity, lambda: identity(alignment="false")])
@pytest.mark.seconds
def test_they_train_and_judge_against_chance(make):
    method = make()
    nets = built(method)
    losses = drive(method, nets, 0, steps=3, n=8)
    assert np.isfinite(losses).all()
    nets["net"].eval()
    figures = method.pretext(nets, batch(method, 6), context())
    compared = 2 * len(method.views()) if isinstance(method, Simclr) else 2
    assert figures["trivial:accuracy"].tolist() == pytest.approx([1 / (compared * 6 - 1)] * 6)
    assert ((figures["accuracy"] >= 0) & (figures["accuracy"] <= 1)).all()
    again = method.pretext(nets, batch(method, 6), context())
    assert all((figures[name] == again[name]).all() for name in figures)
    (picture,) = method.pictures(nets, batch(method, 3), context()).values()
    assert picture.dtype == np.uint8


def test_vanilla_simclr_sees_panels_or_the_very_crops_of_its_sibling():
    assert simclr().needs == {"panels"}
    pairs = simclr(crops="pairs")
    assert pairs.needs == identity().needs
    assert pairs.views() == identity().views()
    images = batch(pairs, 4)
    nets = built(pairs)
    first, second = pairs._embedded(nets, images, context().generator)
    assert first.shape == second.shape == (8, pairs.config.out)


@pytest.mark.seconds
def test_it_learns_to_tell_images_apart():
    """Images of one colour each, without colour jitter: what belongs together can be learnt in a few steps."""

    def colours(n, seed):
        shades = torch.rand(n, 3, 1, 1, generator=torch.Generator().manual_seed(seed))
        grain = torch.rand(n, 3, 60, 60, generator=torch.Generator().manual_seed(seed + 1))
        return ((0.8 * shades + 0.2 * grain) * 255).to(torch.uint8)

    method = simclr(jitter="0", greyscale="0", blur="0", warmup="0", lr="3e-3")
    nets = built(method)
    optimizer = method.optimizer("net", nets["net"].parameters())

    def accuracy():
        nets["net"].eval()
        found = method.pretext(nets, {"image": colours(64, 1000)}, context(5))["accuracy"].mean()
        nets["net"].train()
        return found

    for step in range(30):
        (loss,) = method.step(nets, {"image": colours(32, step)}, context(step))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert accuracy() > 0.3


@pytest.mark.parametrize(
    ("make", "sets", "said"),
    [
        (simclr, {"crops": "faces"}, "crops"),
        (simclr, {"temperature": "0"}, "temperature"),
        (identity, {"face_wieght": "2"}, "did you mean 'face_weight'"),
        (identity, {"identity_weight": "-1"}, "identity_weight"),
    ],
)
def test_impossible_settings_are_refused_in_one_line(make, sets, said):
    with pytest.raises(UsageError, match=said) as refused:
        make(**sets)
    assert "\n" not in str(refused.value)


def turned(config):
    """How far the hue of a pale red moves, share of the circle, over many views."""
    pale = torch.tensor([0.5, 0.4, 0.4]).view(1, 3, 1, 1).expand(4000, 3, 2, 2)
    seen = recoloured(pale, config, torch.Generator().manual_seed(0))[:, :, 0, 0]
    yiq = torch.tensor(YIQ)
    chroma = (seen @ yiq.T)[:, 1:]
    was = pale[0, :, 0, 0] @ yiq.T
    angle = torch.atan2(chroma[:, 1], chroma[:, 0]) - torch.atan2(was[2], was[1])
    return ((angle / (2 * torch.pi) + 0.5) % 1 - 0.5).abs()


@pytest.mark.fidelity
@pytest.mark.parametrize(("name", "most"), [("simclr", 0.2), ("identity_simclr", 0.1)])
def test_hue_turns_as_far_as_in_the_sources(name, most):
    """SimCLR: 0.2 at a strength of 1, where brightness moves by 0.8; comic_char_reid: ColorJitter(.5, .5, .5, .1)."""
    make = {"simclr": Simclr, "identity_simclr": IdentitySimclr}[name]
    plain = {"greyscale": "0", "blur": "0", "jittered": "1"}
    moved = turned(make.Config.resolve(name, "paper", plain))
    assert float(moved.max()) == pytest.approx(most, abs=0.01)
    assert float(moved.mean()) == pytest.approx(most / 2, abs=0.01), "uniform"
    paper = make.Config.resolve(name, "paper")
    assert (paper.jittered, paper.greyscale) == (0.8, 0.2)


@pytest.mark.fidelity
def test_identity_simclr_at_paper_is_trained_as_its_authors_do():
    """AdamW 5e-4, decay 0.01 of everything, CosineAnnealingLR to lr / 50, gradients clipped to 0.5; 9 px of blur."""
    method = IdentitySimclr(IdentitySimclr.Config.resolve("identity_simclr", "paper"))
    net = torch.nn.Linear(3, 2)
    optimizer = method.optimizer("net", net.parameters())
    (group,) = optimizer.param_groups
    assert (type(optimizer), group["lr"], group["weight_decay"]) == (torch.optim.AdamW, 5e-4, 0.01)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=500, eta_min=5e-4 / 50)
    for epoch in range(500):
        assert 5e-4 * method.rate(epoch / 500) == pytest.approx(theirs.get_last_lr()[0], rel=1e-6)
        optimizer.step()
        theirs.step()
    assert method.rate(1 - 1e-9) == pytest.approx(1 / 50)
    assert method.clip("net") == 0.5
    assert (method.config.blur, method.config.blur_kernel) == (1.0, 9)
