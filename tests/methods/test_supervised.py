"""Rows with the labels of the domain, and with the pretraining budget spent on the task."""

import numpy as np
import pytest
import torch
from conftest import TINY
from hypothesis import given, settings
from hypothesis import strategies as st
from method_steps import batch, built, context
from record_files import written

from inkbench.benchmark.api import Item
from inkbench.methods.supervised.method import Supervised
from inkbench.methods.supervised.sup_con import found_by_label, sup_con


@settings(max_examples=25, deadline=None)
@given(n=st.integers(4, 24), classes=st.integers(2, 6), temperature=st.floats(0.05, 1), seed=st.integers(0, 2**20))
def test_equal_to_pytorch_metric_learning(n, classes, temperature, seed):
    losses = pytest.importorskip("pytorch_metric_learning.losses")
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(n, 8, generator=generator)
    labels = torch.randint(0, classes, (n,), generator=generator)
    labels[:2] = torch.arange(2)  # without a pair of two classes theirs is 0
    theirs = float(losses.SupConLoss(temperature=temperature)(z, labels))
    assert float(sup_con(z, labels, temperature)) == pytest.approx(theirs, rel=2e-4, abs=2e-5)


def test_without_any_partner_it_is_zero_and_moves_nothing():
    z = torch.randn(4, 8, requires_grad=True)
    loss = sup_con(z, torch.arange(4), 0.1)
    loss.backward()
    assert loss.item() == 0
    assert not z.grad.any()


def test_views_of_the_same_image_are_no_answers():
    z = torch.tensor([[1.0, 0], [1, 0.01], [0, 1], [0.1, 1], [0.9, 0.1]])
    labels, owners = torch.tensor([0, 0, 1, 1, 0]), torch.tensor([0, 0, 1, 2, 3])
    right, chance = found_by_label(z, labels, owners)
    assert right.tolist() == [1, 1, 1, 1, 1]
    assert chance.tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 4, 1 / 4, 2 / 4])
    lone_right, lone_chance = found_by_label(z, torch.arange(5), torch.arange(5))
    assert not lone_right.any()
    assert not lone_chance.any()


def supervised(**sets):
    return Supervised(Supervised.Config.resolve("supervised", "smoke", sets))


def test_names_count_within_their_series():
    items = [Item(str(k), None, series, "train", identity=name) for k, (series, name) in enumerate(["ax", "ay", "bx"])]
    same = Item("3", None, "a", "train", identity="x")
    assert supervised().labels({"face": [*items, same]})["identity"].tolist() == [0, 1, 2, 0]


def test_its_pretext_figures_are_finite_for_every_image():
    method = supervised()
    nets = built(method)
    nets["net"].eval()
    told = method.pretext(nets, {**batch(method, 6), "identity": torch.tensor([0, 0, 1, 2, 2, 2])}, context())
    assert all(values.shape == (6,) and np.isfinite(values).all() for values in told.values())
    assert told["trivial:accuracy"].tolist() == pytest.approx([1 / 5, 1 / 5, 0, 2 / 5, 2 / 5, 2 / 5])


@pytest.mark.slow
def test_scratch_has_its_budget_on_top_and_nothing_to_do_frozen(cli, with_synth):
    words = ("--method", "scratch", "--task", "detection", *TINY, "--results", with_synth)
    frozen = cli(*words)
    assert frozen.returncode == 2
    assert "scratch is trained on the task; it needs --protocol finetune" in frozen.stderr
    done = cli(*words, "--protocol", "finetune", "--set", "pretrain.images=32")
    assert done.returncode == 0, done.stderr
    records = {record["method"]: record for record in written(with_synth)}
    random, scratch = records["random"], records["scratch"]
    assert scratch["transfer_images"] == random["transfer_images"] + 32
    assert scratch["images_seen"] == 32
    assert scratch["curve"][-1][0] == random["curve"][-1][0] + 4
