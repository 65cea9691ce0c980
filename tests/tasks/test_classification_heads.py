"""Grids of heads, attention and few examples: each against torch's, scikit-learn's or the formula written out."""

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.linear_model import LogisticRegression
from torch import nn

from inkbench.benchmark.errors import RunError
from inkbench.benchmark.training.engine import batch_indices
from inkbench.benchmark.training.schedules import warmup_cosine
from inkbench.tasks.classification.attentive import AttentiveProbe
from inkbench.tasks.classification.few_shot import FewShot
from inkbench.tasks.classification.grid import GridProbes, RowwiseAdamW
from inkbench.tasks.metrics import classification

CLASSES = 3
RATES, DECAYS = (1e-3, 1e-2, 3e-2), (1e-4, 0.1)
READINGS = ((0, "stage1", "mean"), (0, "stage1", "max"), (1, "stage2", "mean"), (1, "stage2", "max"))


def features(seed, count=90, apart=0.8):
    """Two stages of maps around the middles of their classes, with targets and labels."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % CLASSES)
    maps = []
    for channels, side in ((5, 4), (8, 2)):
        middles = np.random.default_rng(channels).standard_normal((CLASSES, channels)) * apart
        noise = rng.standard_normal((count, channels, side, side))
        maps.append(torch.tensor(middles[labels][:, :, None, None] + noise, dtype=torch.float32))
    return maps, [{"label": torch.tensor([int(k)])} for k in labels], labels


def grid(readings=READINGS, rates=RATES, decays=DECAYS, steps=40):
    return GridProbes(readings, CLASSES, (rates, decays), steps, 16)


# --- a grid in one pass
def test_each_row_is_updated_as_torch_s_adamw_updates_it_alone():
    torch.manual_seed(0)
    weight = torch.randn(2, 7, 3, 4, dtype=torch.float64)
    rates, decays = torch.tensor([1e-3, 1e-2, 0.1]).double(), torch.tensor([0.0, 1e-2, 0.5]).double()
    alone = [nn.Parameter(weight[:, :, k].clone()) for k in range(3)]
    theirs = [
        torch.optim.AdamW([one], lr=float(rate), weight_decay=float(decay))
        for one, rate, decay in zip(alone, rates, decays, strict=True)
    ]
    ours = RowwiseAdamW(weight, rates, decays)
    for step in range(60):
        gradient = torch.randn_like(weight)
        factor = warmup_cosine(step / 60)
        for k, (one, optimizer) in enumerate(zip(alone, theirs, strict=True)):
            one.grad = gradient[:, :, k].clone()
            optimizer.param_groups[0]["lr"] = float(rates[k]) * factor
            optimizer.step()
        ours.step(gradient, factor)
    for k, one in enumerate(alone):
        torch.testing.assert_close(weight[:, :, k], one.detach(), rtol=1e-9, atol=1e-12)


def test_a_head_of_the_grid_is_the_same_head_alone_and_validation_chooses_the_best():
    train, val = features(1), features(2)
    whole = grid()
    told = whole.fit(train[0], train[1], val[0], val[1], seed=5)
    assert told["tried"] == len(told["validated"]) == 24
    assert told["validated"][told["head"]] == max(told["validated"].values())
    alone = {}
    for reading in READINGS:
        for rate in RATES:
            for decay in DECAYS:
                single = grid((reading,), (rate,), (decay,))
                name = single.fit(train[0], train[1], val[0], val[1], seed=5)["head"]
                alone[name] = single
    assert set(alone) == set(told["validated"])
    same = alone[told["head"]]
    torch.testing.assert_close(whole(val[0])["scores"], same(val[0])["scores"], atol=1e-5, rtol=1e-5)
    for name, single in alone.items():
        accuracy = float((single(val[0])["scores"].argmax(1).numpy() == val[2]).mean())
        assert told["validated"][name] == pytest.approx(accuracy, abs=1e-6)


def test_a_single_head_is_a_linear_layer_trained_by_autograd_and_torch_s_optimiser():
    maps, targets, labels = features(3)
    reading, rate, decay = READINGS[2], 1e-2, 0.1
    ours = grid((reading,), (rate,), (decay,))
    ours.fit(maps, targets, maps, targets, seed=9)
    x = maps[1].mean((2, 3))
    x = (x - x.mean(0)) / x.std(0, correction=0)
    linear = nn.Linear(8, CLASSES)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    optimizer = torch.optim.AdamW(linear.parameters(), lr=rate, weight_decay=decay)
    for step in range(40):
        optimizer.param_groups[0]["lr"] = rate * warmup_cosine(step / 40)
        chosen = batch_indices(len(x), 16, 9, "head", step)
        optimizer.zero_grad()
        nn.functional.cross_entropy(linear(x[chosen]), torch.from_numpy(labels[chosen])).backward()
        optimizer.step()
    torch.testing.assert_close(ours(maps)["scores"], linear(x).softmax(1), atol=1e-5, rtol=1e-4)


def test_of_equal_heads_the_first_is_chosen_and_the_same_fit_gives_the_same_bits():
    maps, targets, _ = features(4, apart=50)
    made = [grid(rates=(0.01, 0.02)) for _ in range(2)]
    told = [one.fit(maps, targets, maps, targets, seed=1) for one in made]
    assert told[0] == told[1]
    assert told[0]["head"] == "stage1 mean, rate 0.01, decay 0.0001", "all are right everywhere"
    assert torch.equal(made[0](maps)["scores"], made[1](maps)["scores"])


# --- attention
def test_attention_is_the_formula_written_out():
    torch.manual_seed(2)
    probe = AttentiveProbe(16, CLASSES).eval()
    maps = torch.randn(4, 16, 3, 5)
    places = maps.flatten(2).transpose(1, 2) / (1 + probe.before.eps) ** 0.5
    weights, biases = probe.attention.in_proj_weight.split(16), probe.attention.in_proj_bias.split(16)
    q, k, v = (
        (part @ of.T + bias).unflatten(-1, (8, 2))
        for part, of, bias in zip((probe.query.expand(4, 1, 16), places, places), weights, biases, strict=True)
    )
    attention = torch.einsum("bqhd,bkhd->bhqk", q, k).div(2**0.5).softmax(-1)
    gathered = torch.einsum("bhqk,bkhd->bqhd", attention, v).flatten(2)
    out = gathered @ probe.attention.out_proj.weight.T + probe.attention.out_proj.bias
    logits = probe.linear(out[:, 0] / (1 + probe.after.eps) ** 0.5)
    torch.testing.assert_close(probe([maps])["scores"], logits.softmax(1), atol=1e-5, rtol=1e-5)


@pytest.mark.seconds
def test_it_finds_what_lies_in_one_place_where_the_mean_drowns_it():
    """One of 49 places carries the class; the others are noise of far larger sum."""
    rng = torch.Generator().manual_seed(0)
    labels = torch.arange(600) % CLASSES
    maps = torch.randn(600, 16, 7, 7, generator=rng)
    place = torch.randint(0, 49, (600,), generator=rng)
    marks = torch.zeros(CLASSES, 16)
    marks[:, :4] = 6.0  # looks like no noise, whatever the class
    marks[range(CLASSES), range(8, 8 + CLASSES)] = 6.0
    maps.flatten(2)[range(600), :, place] += marks[labels]
    targets = [{"label": label} for label in labels]
    torch.manual_seed(1)
    probe = AttentiveProbe(16, CLASSES).train()
    optimizer = torch.optim.AdamW(probe.parameters(), lr=3e-3)
    for step in range(200):
        chosen = batch_indices(400, 64, 0, "t", step)
        optimizer.zero_grad()
        probe([maps[chosen]], [targets[k] for k in chosen]).backward()
        optimizer.step()
    right = (probe.eval()([maps[400:]])["scores"].argmax(1) == labels[400:]).float().mean()
    mean = maps.mean((2, 3)).numpy()
    linear = LogisticRegression(max_iter=1000).fit(mean[:400], labels[:400]).score(mean[400:], labels[400:])
    assert right > 0.95
    assert right > linear + 0.1


# --- few examples
def test_a_draw_is_scikit_learn_s_regression_on_its_examples():
    maps, targets, labels = features(6)
    head = FewShot(8, CLASSES, (5, 1), 4)
    told = head.fit(maps, targets, maps, targets, seed=3)
    assert told == {"shots": [1, 5], "draws": 4, "classes_with_fewer": 0}
    picks = head(maps)["picks"].numpy()
    assert picks.shape == (90, 2, 4)
    x = maps[-1].mean((2, 3)).double().numpy()
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    from inkbench.benchmark.seeding import derive

    for draw in range(4):
        order = np.random.default_rng(derive(3, "shots", draw)).permutation(90)
        for place, shot in enumerate((1, 5)):
            shown = np.concatenate([order[labels[order] == k][:shot] for k in range(CLASSES)])
            theirs = LogisticRegression(max_iter=1000).fit(x[shown], labels[shown]).predict(x)
            assert (theirs == picks[:, place, draw]).mean() == 1
    scores = head(maps)["scores"].detach().numpy()
    assert np.allclose(scores, [np.bincount(row, minlength=CLASSES) / 4 for row in picks[:, 1]])


def test_a_class_that_is_not_shown_is_never_picked_and_one_class_is_an_error():
    maps, targets, labels = features(7)
    shown = np.flatnonzero(labels != 1)
    head = FewShot(8, CLASSES, (4,), 3)
    told = head.fit([of[shown] for of in maps], [targets[k] for k in shown], maps, targets, seed=0)
    assert told["classes_with_fewer"] == 1
    assert 1 not in head(maps)["picks"]
    same = np.flatnonzero(labels == 2)
    with pytest.raises(RunError, match="the same class"):
        head.fit([of[same] for of in maps], [targets[k] for k in same], maps, targets, seed=0)


def drawn_predictions(rng, count=40, shots=(1, 5), draws=6):
    truths = [{"label": np.array(int(k))} for k in rng.integers(0, CLASSES, count)]
    picks = rng.integers(0, CLASSES, (count, len(shots), draws))
    scores = [np.bincount(row[-1], minlength=CLASSES) / draws for row in picks]
    predictions = [
        {"scores": scores[k], "picks": picks[k].astype(np.int16), "shots": np.array(shots, dtype=np.int16)}
        for k in range(count)
    ]
    return predictions, truths, picks


def test_accuracies_of_few_examples_are_means_over_draws_and_their_intervals_student_s():
    rng = np.random.default_rng(11)
    predictions, truths, picks = drawn_predictions(rng)
    items = classification.score_items(predictions, truths, classes=("a", "b", "c"))
    found = classification.aggregate(items)
    labels = np.array([int(truth["label"]) for truth in truths])
    reached = {shot: (picks[:, place] == labels[:, None]).mean(0) for place, shot in enumerate((1, 5))}
    assert found == pytest.approx(
        {"accuracy": reached[5].mean(), "accuracy[1-shot]": reached[1].mean(), "accuracy[5-shot]": reached[5].mean()}
    )
    low, high = stats.t.interval(0.95, 5, reached[5].mean(), stats.sem(reached[5]))
    assert f"over 6 draws of examples [{low:.3f}, {high:.3f}]" in classification.notes(items)[1]
    weights = rng.integers(0, 3, 40).astype(float)
    again = classification.resampler(items, "accuracy[1-shot]")(weights)
    assert again == pytest.approx(((picks[:, 0] == labels[:, None]).mean(1) * weights).sum() / weights.sum())


def test_the_quantiles_of_student_s_t_are_scipy_s():
    for freedom, quantile in enumerate(classification.STUDENT, start=1):
        assert quantile == pytest.approx(stats.t.ppf(0.975, freedom), abs=5e-5)


def test_picks_of_another_shape_are_named_by_their_item():
    predictions, truths, _ = drawn_predictions(np.random.default_rng(0), count=3)
    predictions[2]["picks"] = predictions[2]["picks"][:, :2]
    with pytest.raises(ValueError, match="picks of item c have another shape"):
        classification.score_items(predictions, truths, classes=("a", "b", "c"), ids=["a", "b", "c"])
