"""DINO: who teaches whom, what the loss pairs, the centre, the crops, the figures."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from method_steps import batch, built, context, drive, generator, noise

from benchmark.api import CellError, Refusal
from benchmark.parts.distillation import Centre, distillation, effective_rank, follow
from methods.dino import Dino


def dino(**sets):
    return Dino(Dino.Config.resolve("dino", "smoke", sets))


def test_the_loss_in_closed_form():
    """Every pair of a teacher's view with another view of the student; none of a view with itself."""
    student = tuple(torch.randn(3, 5, generator=generator(k)) for k in range(4))
    teacher = tuple(torch.randn(3, 5, generator=generator(9 + k)) for k in range(2))
    centre = torch.randn(5, generator=generator(20))
    total = []
    for i, t in enumerate(teacher):
        for j, s in enumerate(student):
            if i == j:
                continue
            p = np.exp((t - centre).double().numpy() / 0.04)
            q = np.exp(s.double().numpy() / 0.1)
            p, q = p / p.sum(1, keepdims=True), q / q.sum(1, keepdims=True)
            total.append(-(p * np.log(q)).sum(1).mean())
    assert len(total) == 6
    assert float(distillation(student, teacher, centre, 0.1, 0.04)) == pytest.approx(np.mean(total), rel=1e-4)


def test_no_gradient_reaches_the_teacher():
    student, teacher = torch.randn(2, 4, requires_grad=True), torch.randn(2, 4, requires_grad=True)
    distillation((student, student), (teacher, teacher), torch.zeros(4), 0.1, 0.04).backward()
    assert teacher.grad is None
    assert float(student.grad.abs().sum()) > 0


def test_the_teacher_is_the_running_mean_of_the_student():
    one, other = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    before = one.weight.clone()
    follow(one, other, 0.9)
    assert torch.allclose(one.weight, 0.9 * before + 0.1 * other.weight)
    method = dino()
    momenta = [method.momentum(p) for p in (0, 0.5, 1)]
    assert momenta == pytest.approx([0.98, 0.99, 1])
    assert [dino().temperature(p) for p in (0, 0.05, 0.1, 0.9)] == pytest.approx([0.04, 0.055, 0.07, 0.07])


def test_the_student_alone_is_driven_and_the_teacher_moves_behind_it():
    method = dino(momentum="0.5")
    nets = built(method)
    before = {name: [p.clone() for p in net.parameters()] for name, net in nets.items()}
    assert all((a == b).all() for a, b in zip(before["net"], before["teacher"], strict=True))
    losses = drive(method, nets, 0, steps=3)
    assert np.isfinite(losses).all()
    assert losses[0][0] == pytest.approx(math.log(method.config.prototypes), rel=0.3)

    def moved(name):
        return any((a != b).any() for a, b in zip(before[name], nets[name].parameters(), strict=True))

    assert moved("net")
    assert moved("teacher")
    assert not moved("initial")
    assert float(nets["centre"].value.abs().sum()) > 0
    student, teacher = (next(iter(nets[name].backbone.parameters())) for name in ("net", "teacher"))
    assert (student != teacher).any()


def test_what_is_handed_over_is_the_teacher():
    from benchmark.backbones import Backbone

    backbone = Backbone("test_resnet")
    nets = dino().build(backbone)
    assert nets["teacher"].backbone is backbone
    assert nets["net"].backbone is not backbone


def test_prototypes_hold_still_at_first():
    method = dino(frozen_last="0.5")
    nets = built(method)
    for step, expected in ((0, 0.0), (6, None)):
        nets["net"].zero_grad()
        (loss,) = method.step(nets, batch(method), context(0, step, 10))
        loss.backward()
        grad = nets["net"].last.grad
        assert (grad is None or float(grad.abs().sum()) == 0) if expected == 0 else float(grad.abs().sum()) > 0


def test_the_centre_is_a_running_mean():
    centre = Centre(4, 0.9)
    outputs = torch.randn(6, 4)
    centre.follow(outputs)
    centre.follow(outputs)
    assert torch.allclose(centre.value, outputs.mean(0) * (1 - 0.9**2), atol=1e-6)


def test_a_side_that_patches_do_not_fit_is_named():
    method = dino(local="40")
    with pytest.raises(CellError, match="multiples of its 16 px patches, not 40 x 40"):
        list(method.step(built(method, "test_vit"), batch(method), context()))


def test_local_views_are_smaller_parts():
    method = dino(locals="3")
    large, small = method.crops(noise(4, 60), generator())
    assert [tuple(view.shape) for view in large] == [(4, 3, 48, 48)] * 2
    assert [tuple(view.shape) for view in small] == [(4, 3, 32, 32)] * 3
    assert method.crops_per_image() == 5
    assert all(view.min() >= -1e-5 and view.max() <= 1 + 1e-5 for view in (*large, *small))


@settings(max_examples=20, deadline=None)
@given(n=st.integers(2, 30), d=st.integers(1, 10), seed=st.integers(0, 2**20))
def test_the_effective_rank_lies_between_1_and_all(n, d, seed):
    rank = effective_rank(torch.randn(n, d, generator=generator(seed)))
    assert 0.99 <= rank <= min(n, d) + 1e-6


def test_the_effective_rank_of_known_shapes():
    line = torch.randn(50, 1) @ torch.randn(1, 8)
    assert effective_rank(line) == pytest.approx(1, abs=1e-4)
    cross = torch.cat([torch.eye(4), -torch.eye(4)])
    assert effective_rank(cross) == pytest.approx(4, abs=1e-4)


@pytest.mark.parametrize("backbone", ["test_resnet", "test_vit"])
def test_it_is_judged_beside_what_it_started_from(backbone):
    method = dino()
    nets = built(method, backbone)
    for net in nets.values():
        net.eval()
    figures = method.pretext(nets, batch(method, 6), context())
    assert set(figures) == {"knn", "trivial:knn", "rank", "rank_random"}
    assert set(figures["knn"]) <= {0.0, 1.0}
    assert len(set(figures["rank"])) == 1
    if backbone == "test_vit":  # without batch statistics an untrained teacher is what it started from
        assert (figures["knn"] == figures["trivial:knn"]).all()
        assert figures["rank"].tolist() == pytest.approx(figures["rank_random"].tolist(), rel=1e-5)
    picture = method.pictures(nets, batch(method, 3), context())["views"]
    assert picture.dtype == np.uint8


@pytest.mark.parametrize(
    ("sets", "said"),
    [({"momentum": "1"}, "momentum"), ({"local": "8"}, "local"), ({"prototypse": "9"}, "did you mean")],
)
def test_impossible_settings_are_refused_in_one_line(sets, said):
    with pytest.raises(Refusal, match=said) as refused:
        dino(**sets)
    assert "\n" not in str(refused.value)
