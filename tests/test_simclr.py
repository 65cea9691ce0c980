"""SimCLR and its identity-aware sibling: which terms the loss has, what the views are of, chance, settings."""

import numpy as np
import pytest
import torch
from method_steps import batch, built, context, drive

from benchmark.api import Refusal
from benchmark.parts.nt_xent import nt_xent
from methods.identity_simclr import IdentitySimclr
from methods.simclr import Simclr


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
    with pytest.raises(Refusal, match=said) as refused:
        make(**sets)
    assert "\n" not in str(refused.value)
