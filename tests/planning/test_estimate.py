"""The cost that a dry run foretells: operations counted by hand, steps timed once for a backbone."""

from __future__ import annotations

import time

import pytest
import torch
from torch import nn

from inkbench.benchmark.planning.estimate import FEWEST_IMAGES, MOST_IMAGES, TELLING_OPERATIONS, Stopwatch, in_words
from inkbench.benchmark.planning.operations import TRAINING, step_operations


class Distilled:
    """A method whose student learns from a teacher, each two layers, then from nothing but itself."""

    def step(self, nets, batch, context):
        with torch.no_grad():
            told = nets["teacher"](batch["image"])
        yield (nets["student"](batch["image"]) - told).square().mean()
        yield nets["student"](batch["image"]).mean()


def network():
    return nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(5 * 8 * 8, 7))


def test_operations_are_those_of_every_loss_and_a_teacher_has_no_way_back():
    images = 4
    forward = images * 2 * (3 * 5 * 9 * 8 * 8 + 5 * 8 * 8 * 7)  # a multiplication and an addition each
    nets = {"student": network(), "teacher": network()}
    counted = step_operations(Distilled(), nets, {"image": torch.rand(images, 3, 8, 8)}, None)
    assert counted == forward + 2 * TRAINING * forward


def test_a_network_pays_for_its_head_and_not_for_its_backbone_alone():
    narrow, wide = (
        step_operations(Distilled(), {"student": net, "teacher": network()}, {"image": torch.rand(2, 3, 8, 8)}, None)
        for net in (network(), nn.Sequential(network(), nn.Linear(7, 10_000), nn.Linear(10_000, 7)))
    )
    assert wide - narrow == 2 * TRAINING * 2 * 2 * 2 * 7 * 10_000


def taking(seconds, steps):
    """Build a step that takes as long for every image, and notes how many it was given."""

    def step(images):
        steps.append(images)
        time.sleep(seconds * images)

    return lambda: step


def test_a_long_step_is_timed_with_few_images_and_scaled():
    steps = []
    seconds = Stopwatch().seconds("resnet18", taking(0.02, steps), images=64, operations=1e9)
    assert set(steps) == {FEWEST_IMAGES, MOST_IMAGES}
    assert 0.02 * 64 <= seconds < 0.03 * 64


def test_a_very_long_step_is_timed_with_the_fewest_images():
    steps = []
    Stopwatch().seconds("resnet18", taking(0, steps), images=64, operations=1e12)
    assert set(steps) == {FEWEST_IMAGES}


def test_a_step_that_is_mostly_overhead_is_timed_as_it_is_and_says_nothing_of_the_machine():
    steps, watch = [], Stopwatch()
    watch.seconds("resnet18", taking(0, steps), images=128, operations=TELLING_OPERATIONS / 1000)
    assert set(steps) == {128}
    assert not watch.rates


def test_one_step_says_how_fast_a_backbone_is_computed_and_others_are_foretold_by_it():
    watch = Stopwatch()
    timed = watch.seconds("resnet18", taking(0.01, []), images=32, operations=1e9)
    foretold = watch.seconds("resnet18", lambda: pytest.fail("built"), images=16, operations=6e9)
    assert foretold == pytest.approx(3 * timed)
    watch.seconds("vit_small_patch16_224", taking(0.01, []), images=32, operations=1e9)
    assert set(watch.rates) == {"resnet18", "vit_small_patch16_224"}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "3 s"), (600, "10 min"), (9000, "2.5 h"), (200_000, "56 h"), (864_000, "10 days"), (1e9, "32 years")],
)
def test_times_are_told_in_the_unit_that_one_would_use(seconds, words):
    assert in_words(seconds) == f"about {words}"


@pytest.mark.slow
def test_two_ranks_foretell_every_method(cli, with_synth):
    """Ranks that took other numbers of steps would wait for each other for ever."""
    words = ("--method", "all", "--task", "classification", "--preset", "smoke", "--devices", 2, "--dry-run")
    done = cli(*words, "--results", with_synth)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("pretrain ") == 10
