"""DINO: who teaches whom, what the loss pairs, the centre, the crops, the figures."""

import inspect
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from method_steps import batch, built, context, drive, generator, noise
from ranks import two_ranks

from inkbench.benchmark import augment
from inkbench.benchmark.api import UsageError
from inkbench.benchmark.config import PretrainSettings
from inkbench.benchmark.store.arrays import read_arrays
from inkbench.methods.dino.distillation import Centre, distillation, effective_rank, follow
from inkbench.methods.dino.method import Dino


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


@pytest.mark.seconds
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
    from inkbench.benchmark.networks.backbones import Backbone

    backbone = Backbone("test_resnet")
    nets = dino().build(backbone)
    assert nets["teacher"].backbone is backbone
    assert nets["net"].backbone is not backbone


@pytest.mark.fidelity
@pytest.mark.seconds
def test_prototypes_hold_still_at_first():
    """As in the authors' code their gradient is made, so that ranks can share it, and then cancelled: the optimiser
    neither moves nor decays them nor counts the step, and its first one goes as far as its first ever does."""
    method = dino(frozen_last="0.5", lr="0.01", weight_decay="0", final_weight_decay="0")
    nets = built(method)
    optimizer = method.optimizer("net", nets["net"].parameters())
    last = nets["net"].last
    before = last.detach().clone()
    for step in (0, 2, 4, 5):
        (loss,) = method.step(nets, batch(method, seed=step), context(0, step, 10))
        optimizer.zero_grad()
        loss.backward()
        assert float(last.grad.abs().sum()) > 0
        optimizer.step()
        if step < 5:
            assert (last == before).all()
            assert last not in optimizer.state
    moved = (last - before).abs()
    assert float(moved.max().detach()) == pytest.approx(0.01, rel=1e-3)
    assert float(optimizer.state[last]["step"]) == 1


@pytest.mark.fidelity
def test_the_views_are_those_of_the_authors(monkeypatch):
    """``DataAugmentationDINO`` of facebookresearch/dino (main_dino.py), transform by transform, at every preset."""
    calls = []

    def spy(name, *shown):
        own = getattr(augment, name)

        def called(images, *args, **kwargs):
            bound = inspect.signature(own).bind(images, *args, **kwargs)
            bound.apply_defaults()
            calls.append((name, images.shape[-1], *(bound.arguments[one] for one in shown)))
            return own(images, *args, **kwargs)

        monkeypatch.setattr(augment, name, called)

    spy("jitter_colours", "jitter", "share")
    spy("grey_some", "share")
    spy("blur_some", "share", "sigma")
    spy("solarise_some", "share")
    for preset in ("smoke", "paper"):
        method = Dino(Dino.Config.resolve("dino", preset, {"side": "48", "local": "32", "locals": "2"}))
        calls.clear()
        method.crops(noise(2, 60), generator())
        expected = []
        for side, blurred, solarised in ((48, 1.0, 0), (48, 0.1, 0.2), (32, 0.5, 0), (32, 0.5, 0)):
            expected += [("jitter_colours", side, (0.4, 0.4, 0.2, 0.1), 0.8), ("grey_some", side, 0.2)]
            expected += [("blur_some", side, blurred, (0.1, 2.0))]
            expected += [("solarise_some", side, solarised)] if solarised else []
        assert calls == expected


@pytest.mark.fidelity
@pytest.mark.seconds
def test_a_fifth_of_the_second_global_views_is_solarised_and_no_other():
    method = dino(jitter="0", saturation="0", hue="0", greyscale="0", locals="1")
    white = torch.full((1_000, 3, 20, 20), 255, dtype=torch.uint8)
    large, small = method.crops(white, generator())
    dark = [float((view.amax((1, 2, 3)) < 0.5).double().mean()) for view in (*large, *small)]
    assert dark[0] == dark[2] == 0
    assert dark[1] == pytest.approx(0.2, abs=0.04)


@pytest.mark.fidelity
@pytest.mark.parametrize("preset", ["quick", "paper"])
@pytest.mark.seconds
def test_weight_decay_rises_by_a_cosine_and_spares_biases_and_norms(preset):
    """``cosine_scheduler(0.04, 0.4)`` and ``get_params_groups`` of facebookresearch/dino (utils.py)."""
    sets = {} if preset == "quick" else {"prototypes": "64", "hidden": "32"}
    method = Dino(Dino.Config.resolve("dino", preset, sets))
    net = built(method, "test_vit")["net"]
    optimizer = method.optimizer("net", [p for p in net.parameters() if p.requires_grad])
    decayed, spared = optimizer.param_groups
    names = {id(p): name for name, p in net.named_parameters()}
    assert {names[id(p)] for p in spared["params"]} == {
        name for name, p in net.named_parameters() if p.requires_grad and (name.endswith(".bias") or p.ndim == 1)
    }
    assert spared["weight_decay"] == 0
    steps = 200
    theirs = 0.4 + 0.5 * (0.04 - 0.4) * (1 + np.cos(np.pi * np.arange(steps) / steps))
    ours = [decayed["weight_decay"] * method.decay(step / steps) for step in range(steps)]
    assert ours == pytest.approx(theirs.tolist())
    assert (method.clip("net"), method.clips_each) == (3.0, True)


@pytest.mark.fidelity
def test_the_teacher_s_momentum_fits_the_batch_of_the_preset():
    """main_dino.py: .996 for its batch of 1,024, "for example use 0.9995 with batch size of 256"."""
    assert PretrainSettings.resolve("pretrain", "paper").batch == 256
    assert Dino.Config.resolve("dino", "paper").momentum == 0.9995


@pytest.mark.fidelity
@pytest.mark.parametrize("backbone", ["test_vit", "test_vit4", "vit_tiny_patch16_dinov3_qkvb"])
@pytest.mark.seconds
def test_the_head_sees_the_class_token_after_the_final_norm(backbone):
    net = built(dino(batch_norm="false"), backbone)["net"].eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        model = net.backbone.model
        seen = model.forward_features(images)
        whole = seen[:, model.num_prefix_tokens :].mean(1)  # of one that has registers alone
        token = seen[:, 0] if model.cls_token is not None else model.fc_norm(whole)
        for layer in net.head:
            token = layer(token)
        unit = token / token.norm(dim=1, keepdim=True)
        cosines = unit @ (net.last / net.last.norm(dim=1, keepdim=True)).T
        assert torch.allclose(net(images)[0], cosines, atol=1e-5)


@pytest.mark.fidelity
def test_the_student_s_blocks_are_passed_over_and_never_the_teacher_s():
    nets = built(dino(drop_path="0.1"), "test_vit")
    blocks = {name: list(nets[name].backbone.model.blocks) for name in ("net", "teacher")}
    depth = len(blocks["net"])
    rates = [getattr(block.drop_path2, "drop_prob", 0.0) for block in blocks["net"]]
    assert rates == pytest.approx(np.linspace(0, 0.1, depth).tolist())
    assert all(isinstance(block.drop_path1, torch.nn.Identity) for block in blocks["teacher"])
    assert nets["net"].state_dict().keys() == nets["teacher"].state_dict().keys()
    assert Dino.Config.resolve("dino", "paper").drop_path == 0.1
    images = torch.randn(4, 3, 48, 48)
    student = nets["net"].train()
    torch.manual_seed(0)
    one = student(images)[0]
    assert any((student(images)[0] != one).any() for _ in range(20))
    assert (student.eval()(images)[0] == student(images)[0]).all()
    built(dino(drop_path="0.1"), "test_resnet")  # has none, as in the authors' code


def test_the_centre_is_a_running_mean():
    centre = Centre(4, 0.9)
    outputs = torch.randn(6, 4)
    centre.follow(outputs)
    centre.follow(outputs)
    assert torch.allclose(centre.value, outputs.mean(0) * (1 - 0.9**2), atol=1e-6)


def test_a_side_that_patches_do_not_fit_is_taken_all_the_same():
    method = dino(local="40")
    (loss,) = method.step(built(method, "test_vit"), batch(method), context())
    assert torch.isfinite(loss)


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
    with pytest.raises(UsageError, match=said) as refused:
        dino(**sets)
    assert "\n" not in str(refused.value)


@pytest.mark.fidelity
@pytest.mark.parametrize("backbone", ["test_resnet", "test_vit"])
@pytest.mark.slow
def test_two_ranks_hold_the_prototypes_still_and_stay_one_student(backbone, tmp_path):
    """With the gradient kept from the prototypes, a rank waited for it in vain and the second step failed."""
    two_ranks("distributed_dino.py", *[(backbone, tmp_path)] * 2)
    one, other = (read_arrays(tmp_path / f"{rank}.npz") for rank in range(2))
    before, frozen, still, moved = one["last"]
    assert (before == frozen).all()
    assert (before == still).all()  # steps 0 and 1 of 3 are the first half
    assert (moved != before).any()
    assert (one["every"] == other["every"]).all()
    assert np.isfinite(one["every"]).all()
    assert one["knn"].shape == (4,)
