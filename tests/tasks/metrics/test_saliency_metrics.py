"""Saliency metrics: the constants of the reference, other libraries, invariants and edge rules."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import entropy, pearsonr, rankdata
from sklearn.metrics import roc_auc_score

from inkbench.tasks.metrics import auc, compat, maps, saliency
from inkbench.tasks.metrics.saliency import KLD


def case_a():
    rng = np.random.default_rng(0)
    p, g, f = rng.random((8, 8)), rng.random((8, 8)), np.zeros((8, 8), bool)
    f[rng.integers(0, 8, 6), rng.integers(0, 8, 6)] = True
    return p, g, f


def case_b():
    yy, xx = np.mgrid[:32, :24]
    g = np.exp(-((yy - 10) ** 2 + (xx - 8) ** 2) / (2 * 4**2))
    p = np.exp(-((yy - 14) ** 2 + (xx - 12) ** 2) / (2 * 6**2))
    f = np.zeros(32 * 24, bool)
    f[[75, 148, 150, 173, 191, 200, 201, 203, 224, 225, 227, 242, 249, 253, 265, 318, 322, 342, 409, 411]] = True
    return p, g, f.reshape(32, 24)


def case_c():
    yy, xx = np.mgrid[:32, :24]
    g = np.round(255 * np.exp(-((yy - 10) ** 2 + (xx - 8) ** 2) / (2 * 3**2))).astype(np.uint8)
    p = (np.random.default_rng(2).random((32, 24)) * 4).astype(np.uint8) * 60
    return p, g, g >= 128


def case_d():
    """Three images, their maps, and fixations (k, 2) as x, y."""
    rng = np.random.default_rng(123)
    for _ in range(3):
        rng.random((20, 30, 3))
    predicted = [rng.random((20, 30)) for _ in range(3)]
    fixations = []
    for n in range(3):
        fixations.append(np.array([[rng.integers(0, 30), rng.integers(0, 20)] for _ in range(7 + n)]))
    return predicted, fixations


def score_one(prediction, truth, fixated=None):
    """All figures of one pair through the scorer; ``fixated`` a mask on the truth's grid."""
    h, w = truth.shape
    known = {"map": truth, "image_size": np.array([w, h]), "fixations": np.zeros((0, 2))}
    if fixated is not None:
        known["fixations"] = np.argwhere(fixated)[:, ::-1]
    return saliency.aggregate(saliency.score_items([{"map": prediction}], [known]))


REFERENCE = {
    "cc": (0.09671855078476639, 0.530291966456342, -0.021965291576501067),
    "sim": (0.6880040160431642, 0.5141797450594959, 0.23044508410477507),
    KLD: (0.5104062059334793, 0.674387902989611, 10.119905010088242),
    "nss": (0.08919496046834108, 0.6123021641911373, -0.042617758097215415),
    "auc[uniform]": (0.5286458333333334, 0.6924479166666666, 0.48840442004504503),
    "auc[judd]": (0.6048850574712644, 0.7123663101604278, 0.4878175028653825),
    "auc[density]": (0.5156728910572056, 0.7560282515165502, 0.48535285254293625),
}


@pytest.mark.parametrize(("index", "case"), list(enumerate((case_a, case_b, case_c))))
def test_reference_constants(index, case):
    p, g, f = case()
    figures = score_one(p, g, f)
    for name, expected in REFERENCE.items():
        # the prediction is stored and resized as float32; A and B are float64 maps, so compare the functions there
        assert figures[name] == pytest.approx(expected[index], rel=1e-5), name
    fixated, ranks = np.flatnonzero(f), auc.average_ranks(p)
    exact = {
        "cc": maps.cc(p, g),
        "sim": maps.sim(p, g),
        KLD: maps.kld(p, g),
        "nss": maps.nss(p, fixated),
        "auc[uniform]": auc.auc_uniform(ranks, fixated),
        "auc[judd]": auc.auc_judd(p, fixated),
        "auc[density]": auc.auc_density(ranks, g),
    }
    for name, value in exact.items():
        assert value == pytest.approx(REFERENCE[name][index], rel=1e-9), name
    known = set(exact) | {"nss[density]", "auc[shuffled]", "auc[borji]", "ig[centre]"}
    assert known == {metric.name for metric in saliency.METRICS if saliency.mode_of(metric.name) is None}


@pytest.mark.parametrize(
    ("case", "expected"),
    [(case_a, 0.24315171160566176), (case_b, 0.1788454984985302), (case_c, -13.205789250188728)],
)
def test_information_gain_over_the_centre(case, expected):
    p, _, f = case()
    gain = maps.information_gain(p, maps.centre_map(*p.shape), np.flatnonzero(f))
    assert gain == pytest.approx(expected, rel=1e-9)
    assert maps.information_gain(p, p, np.flatnonzero(f)) == 0


MIT = {
    "sim[mit]": (0.6835316825566644, 0.5146928644229667, 0.23044508410477507),
    "nss[mit]": (0.0884953813498004, 0.6119034001213642, -0.04259000312318895),
    "auc[judd,mit]": (0.6048850574712643, 0.7115641711229946, 0.3710023292786631),
    "ig[mit]": (0.41918165130868257, 0.1984253228134592, -13.248587943614313),
}


@pytest.mark.parametrize(("index", "case"), list(enumerate((case_a, case_b, case_c))))
def test_mit_s_figures_of_the_reference(index, case):
    p, g, f = case()
    found = compat.mit(p, g, np.flatnonzero(f))
    assert found == pytest.approx({name: values[index] for name, values in MIT.items()}, rel=1e-9)


def test_the_shipped_script_of_the_challenge_fails_as_it_does():
    """Reference constants; its AUC refuses grey truths; its KLD has one figure a column."""
    for case, nss, kld in (
        (case_a, 0.030184723365356558, 0.4623297261190017),
        (case_b, 0.11730301002664584, 0.34822842116133934),
    ):
        p, g, _ = case()
        found, said = compat.ai4va_legacy(p, g / g.max())
        assert (found["nss[ai4va-legacy]"], found["kld[ai4va-legacy]"]) == pytest.approx((nss, kld), rel=1e-9)
        assert "auc[ai4va-legacy]" not in found
        assert said == "ValueError: continuous format is not supported"
    p, g, f = case_c()
    found, said = compat.ai4va_legacy(p, g)
    assert found["nss[ai4va-legacy]"] / 255 == pytest.approx(-0.0038940974953198225, rel=1e-9)
    assert not np.isfinite(found["kld[ai4va-legacy]"])
    assert "multi_class must be in" in said
    found, said = compat.ai4va_legacy(p, f)
    assert (found["auc[ai4va-legacy]"], said) == (pytest.approx(roc_auc_score(f.ravel(), p.ravel())), "")


def test_modes_have_columns_of_their_own_and_say_what_failed():
    p, g, f = case_c()
    truths = [{"map": g, "fixations": np.argwhere(f)[:, ::-1], "image_size": np.array([24, 32])}] * 2
    predictions = [{"map": p.astype(np.float32)}] * 2
    plain = saliency.score_items(predictions, truths)
    assert not any("mit" in name or "legacy" in name for name in plain)
    assert saliency.notes(plain) == []
    items = saliency.score_items(predictions, truths, modes=("mit", "ai4va-legacy"))
    means = saliency.aggregate(items)
    for name, values in MIT.items():
        assert means[name] == pytest.approx(values[2], rel=1e-6)
    assert means["cc"] == saliency.aggregate(plain)["cc"]
    assert {"kld[ai4va-legacy]", "auc[ai4va-legacy]"}.isdisjoint(means)
    said = saliency.notes(items)
    assert any(
        line.startswith("auc[ai4va-legacy] is undefined for 2 of 2 images: ValueError: multi_class") for line in said
    )
    assert any(line.startswith("kld[ai4va-legacy] is not finite for 2 of 2 images") for line in said)


def test_the_shuffled_auc_of_several_images():
    """Reference constants, and the figure of the scorer, which sees all images at once."""
    predicted, fixations = case_d()
    flat = [xy[:, 1] * 30 + xy[:, 0] for xy in fixations]
    expected = [0.357142857143, 0.59375, 0.603703703704]
    found = [auc.auc_shuffled(p, flat[k], np.concatenate([*flat[:k], *flat[k + 1 :]])) for k, p in enumerate(predicted)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    truths = [{"map": np.ones((20, 30)), "fixations": xy, "image_size": np.array([30, 20])} for xy in fixations]
    items = saliency.score_items([{"map": p} for p in predicted], truths)
    np.testing.assert_allclose(items["auc[shuffled]"], expected, rtol=1e-6)
    large = [{**one, "map": np.ones((40, 60))} for one in truths]
    grown = [{"map": np.kron(p, np.ones((2, 2)))} for p in predicted]
    np.testing.assert_allclose(saliency.score_items(grown, large)["auc[shuffled]"], expected, rtol=1e-6)
    alone = saliency.score_items([{"map": predicted[0]}], truths[:1])
    assert np.isnan(alone["auc[shuffled]"][0]), "no other image, no negatives"


@settings(max_examples=60, deadline=None)
@given(
    values=hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(-1e300, 1e300) | st.integers(0, 3).map(float)),
    seed=st.integers(0, 2**20),
)
@pytest.mark.seconds
def test_counting_by_bins_is_counting(values, seed):
    r = np.random.default_rng(seed)
    thresholds = np.concatenate([r.choice(values, 3), r.normal(0, 2, 2), [values.max(), values.min() - 1]])
    expected = [(values >= threshold).sum() for threshold in thresholds]
    assert auc.at_least(values, thresholds).tolist() == expected


def borji_in_words(prediction, fixated, splits=100, step=0.1):
    """MIT's AUC_Borji.m, in loops, with the generator of ours."""
    scaled = (prediction - prediction.min()) / (prediction.max() - prediction.min())
    flat = scaled.ravel()
    drawn = np.random.default_rng(0).integers(0, flat.size, (splits, len(fixated)))
    areas = []
    for chosen in drawn:
        positives, negatives = flat[fixated], flat[chosen]
        thresholds = [k * step for k in range(11) if k * step <= max(*positives, *negatives) + 1e-12]
        hits, alarms = [0.0], [0.0]
        for threshold in reversed(thresholds):
            hits.append(np.mean(positives >= threshold))
            alarms.append(np.mean(negatives >= threshold))
        hits, alarms = [*hits, 1.0], [*alarms, 1.0]
        areas.append(np.trapezoid(hits, alarms))
    return np.mean(areas)


@pytest.mark.parametrize("case", [case_a, case_b, case_c])
def test_borji_equals_its_description_and_lies_near_the_exact_area(case):
    p, _, f = case()
    p, fixated = p.astype(float), np.flatnonzero(f)
    value = auc.auc_borji(p, fixated)
    assert value == pytest.approx(borji_in_words(p, fixated), rel=1e-9)
    assert value == auc.auc_borji(3 * p + 5, fixated)
    assert value == pytest.approx(auc.auc_uniform(auc.average_ranks(p), fixated), abs=0.05)
    assert auc.auc_borji(np.ones((4, 4)), fixated[:2] % 16) == 0.5


def test_reference_constants_of_several_images():
    predicted, fixations = case_d()
    flat = [xy[:, 1] * 30 + xy[:, 0] for xy in fixations]
    uniform = [auc.auc_uniform(auc.average_ranks(p), f) for p, f in zip(predicted, flat)]
    np.testing.assert_allclose(uniform, [0.555119047619, 0.57, 0.610462962963], rtol=1e-9)
    assert np.mean(uniform) == pytest.approx(0.5785273368606701, rel=1e-9)
    judd = [auc.auc_judd(p, f) for p, f in zip(predicted, flat)]
    assert np.mean(judd) == pytest.approx(0.6374625718099566, rel=1e-9)
    nss = [maps.nss(p, f) for p, f in zip(predicted, flat)]
    assert np.mean(nss) == pytest.approx(0.28033474391448304, rel=1e-9)
    gold = [np.roll(p, 3, axis=1) ** 2 for p in predicted]
    for figure, expected in (
        (maps.cc, 0.012567920225685933),
        (maps.sim, 0.5582882321916681),
        (maps.kld, 0.7628825150368733),
    ):
        assert np.mean([figure(p, g) for p, g in zip(predicted, gold)]) == pytest.approx(expected, rel=1e-9)
    truths = [
        {"map": g, "fixations": xy, "image_size": np.array([30, 20])} for g, xy in zip(gold, fixations, strict=True)
    ]
    flat_map = saliency.aggregate(saliency.score_items([{"map": np.full((20, 30), 0.1)}] * 3, truths))
    expected_flat = {"auc[uniform]": 0.5, "auc[density]": 0.5, "auc[judd]": 0.5, "cc": 0.0, "nss": 0.0}
    expected_flat |= {"nss[density]": 0.0, KLD: 0.4499189605235467, "sim": 0.6095945268754063}
    expected_flat |= {"auc[shuffled]": 0.5, "auc[borji]": 0.5}
    centre = maps.distribution(maps.centre_map(20, 30)).ravel()
    gains = [-np.log2(600 * centre[xy[:, 1] * 30 + xy[:, 0]]).mean() for xy in fixations]
    assert flat_map.pop("ig[centre]") == pytest.approx(np.mean(gains), rel=1e-6)
    assert flat_map == pytest.approx(expected_flat, rel=1e-9)


def ties(rng, shape):
    return rng.integers(0, 5, shape).astype(float)


@pytest.mark.parametrize("seed", range(5))
def test_differential_against_scipy_and_sklearn(seed):
    rng = np.random.default_rng(seed)
    p = ties(rng, (17, 23)) if seed % 2 else rng.random((17, 23))
    g = np.maximum(rng.random((17, 23)) - 0.3, 0)
    np.testing.assert_array_equal(auc.average_ranks(p), rankdata(p))
    assert maps.cc(p, g) == pytest.approx(pearsonr(p.ravel(), g.ravel())[0], rel=1e-12)
    labels = np.repeat([1, 0], p.size)
    weights = np.concatenate([g.ravel() / g.sum(), np.full(p.size, 1 / p.size)])
    expected = roc_auc_score(labels, np.tile(p.ravel(), 2), sample_weight=weights)
    assert auc.auc_density(auc.average_ranks(p), g) == pytest.approx(expected, rel=1e-12)
    fixated = rng.integers(0, p.size, 30)
    labels = np.repeat([1, 0], [30, p.size])
    expected = roc_auc_score(labels, np.concatenate([p.ravel()[fixated], p.ravel()]))
    assert auc.auc_uniform(auc.average_ranks(p), fixated) == pytest.approx(expected, rel=1e-12)
    q = p + 0.5
    assert maps.kld(q, g) == pytest.approx(entropy(g.ravel() / g.sum(), q.ravel() / q.sum()), rel=1e-12)


def test_judd_equals_the_exact_area_where_fixations_have_few_values():
    p, _, f = case_c()
    exact = roc_auc_score(f.ravel(), p.ravel())
    assert auc.auc_judd(p, np.flatnonzero(f)) == pytest.approx(exact, rel=1e-12)


shapes = st.tuples(st.integers(2, 9), st.integers(2, 9))
densities = shapes.flatmap(
    lambda shape: st.tuples(
        hnp.arrays(np.float64, shape, elements=st.integers(0, 1000).map(float)),
        hnp.arrays(np.float64, shape, elements=st.integers(0, 255).map(float)).filter(lambda a: a.max() > a.min()),
    )
)


@settings(max_examples=80, deadline=None)
@given(densities)
@pytest.mark.seconds
def test_invariants(pair):
    p, g = pair
    ranks = auc.average_ranks(p)
    stretched = auc.average_ranks(np.exp(p / 100) - 3)
    assert auc.auc_density(stretched, g) == auc.auc_density(ranks, g)
    fixated = np.flatnonzero(g > g.mean())
    assert auc.auc_judd(np.sqrt(p), fixated) == auc.auc_judd(p, fixated)
    assert maps.cc(3.5 * p - 20, g) == pytest.approx(maps.cc(p, g), abs=1e-9)
    assert maps.nss(3.5 * p - 20, fixated) == pytest.approx(maps.nss(p, fixated), abs=1e-9)
    assert maps.kld(p, g) >= -1e-9
    assert -1e-12 <= maps.sim(p, g) <= 1 + 1e-12
    assert 0 <= auc.auc_density(ranks, g) <= 1
    assert maps.cc(-p, g) == pytest.approx(-maps.cc(p, g), abs=1e-12)
    assert maps.cc(g, g) == pytest.approx(1)
    assert maps.kld(g, g) == pytest.approx(0, abs=1e-12)
    assert maps.sim(g, g) == pytest.approx(1)


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(6)), st.integers(0, 9))
def test_the_order_of_files_is_irrelevant(order, seed):
    rng = np.random.default_rng(seed)
    predictions = [{"map": rng.random((4, 5)).astype(np.float32)} for _ in range(6)]
    truths = [{"map": rng.integers(0, 256, (7, 6)).astype(np.uint8)} for _ in range(6)]
    there = saliency.score_items(predictions, truths)
    shuffled = saliency.score_items([predictions[k] for k in order], [truths[k] for k in order])
    for name, values in there.items():
        np.testing.assert_array_equal(shuffled[name], values[list(order)])
    assert saliency.aggregate(shuffled) == pytest.approx(saliency.aggregate(there), rel=1e-12)


def test_a_perfect_prediction():
    _, g, _ = case_b()
    figures = score_one(g, g)
    assert figures["cc"] == pytest.approx(1, abs=1e-9)
    assert figures["sim"] == pytest.approx(1, abs=1e-6)
    assert figures[KLD] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("value", [0.0, 0.1, 7.0, -3.0])
def test_constant_predictions_are_uniform(value):
    _, g, f = case_c()
    figures = score_one(np.full(g.shape, value), g, f)
    assert figures["cc"] == figures["nss"] == figures["nss[density]"] == 0
    assert figures["auc[density]"] == figures["auc[uniform]"] == figures["auc[judd]"] == 0.5
    density = g.astype(float).ravel() / g.sum()
    assert figures[KLD] == pytest.approx(entropy(density, np.full(g.size, 1 / g.size)), rel=1e-9)


def test_negative_predictions_are_lifted_before_kld_and_sim():
    p, g, _ = case_a()
    assert maps.kld(p - 2, g) == pytest.approx(maps.kld(p - p.min(), g), rel=1e-9)
    assert maps.sim(p - 2, g) == pytest.approx(maps.sim(p - p.min(), g), rel=1e-9)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_an_error_that_names_the_item(bad):
    _, g, _ = case_b()
    broken = g.copy()
    broken[3, 4] = bad
    truths = [{"map": g}, {"map": g}]
    with pytest.raises(ValueError, match=r"predicted map of item 1 .*1 of 768 values"):
        saliency.score_items([{"map": g}, {"map": broken}], truths)
    with pytest.raises(ValueError, match="predicted map of item page_02"):
        saliency.score_items([{"map": g}, {"map": broken}], truths, ids=["page_01", "page_02"])
    with pytest.raises(ValueError, match="truth map of item 0"):
        saliency.score_items([{"map": g}], [{"map": broken}])
    with pytest.raises(ValueError, match="one prediction for each truth, not 1 for 2"):
        saliency.score_items([{"map": g}], truths)


def test_an_empty_truth_is_counted_and_never_zero():
    p, g, f = case_b()
    fixations = np.argwhere(f)[:, ::-1]
    truths = [{"map": m, "fixations": fixations, "image_size": np.array([24, 32])} for m in (g, np.zeros_like(g))]
    items = saliency.score_items([{"map": p}, {"map": p}], truths)
    assert items["empty"].tolist() == [False, True]
    assert np.isnan(items["cc"][1])
    assert np.isnan(items["nss"][1])
    assert saliency.aggregate(items)["cc"] == items["cc"][0]
    assert set(saliency.counts(items).values()) == {1}
    assert items["auc[shuffled]"][0] == pytest.approx(0.5), "looked at in the same places, so nothing tells them apart"


def test_figures_that_need_fixations_are_left_out_without_any():
    p, g, f = case_b()
    without = saliency.score_items([{"map": p}], [{"map": g, "fixations": np.zeros((0, 2))}])
    assert {"nss", "auc[judd]", "auc[uniform]"}.isdisjoint(saliency.aggregate(without))
    assert "nss[density]" in saliency.aggregate(without)
    truth = {"map": g, "fixations": np.argwhere(f)[:, ::-1], "image_size": np.array([24, 32])}
    both = saliency.score_items([{"map": p}, {"map": p}], [truth, {"map": g}])
    counts = saliency.counts(both)
    assert (counts["nss"], counts["cc"]) == (1, 2)
    assert saliency.aggregate(both)["nss"] == both["nss"][0]
    assert all(type(value) is float for value in saliency.aggregate(both).values())


def test_styles_have_their_own_means_and_resamplers():
    rng = np.random.default_rng(4)
    truths = [{"map": rng.integers(1, 256, (5, 6))} for _ in range(4)]
    items = saliency.score_items([{"map": rng.random((5, 6))} for _ in range(4)], truths)
    assert not any("@" in name for name in saliency.aggregate(items))
    items["style"] = np.array(["toon", "realistic", "toon", ""])
    figures = saliency.aggregate(items)
    assert figures["cc@toon"] == pytest.approx(items["cc"][[0, 2]].mean())
    assert figures["cc@realistic"] == items["cc"][1]
    assert figures["cc"] == pytest.approx(items["cc"].mean())
    assert saliency.counts(items)["cc@toon"] == 2
    weights = np.array([2, 0, 1, 5])
    for name, value in saliency.aggregate(items, weights).items():
        assert saliency.resampler(items, name)(weights) == value
    assert "cc@realistic" not in saliency.aggregate(items, weights)
    assert np.isnan(saliency.resampler(items, "cc@realistic")(weights))
    expected = (2 * items["cc"][0] + items["cc"][2] + 5 * items["cc"][3]) / 8
    assert saliency.resampler(items, "cc")(weights) == pytest.approx(expected)


def test_no_item_array_looks_like_a_ragged_group():
    items = saliency.score_items([{"map": np.eye(3)}], [{"map": np.eye(3)}])
    assert not [name for name in items if "." in name]
    assert (items["height"][0], items["width"][0]) == (3, 3)


def test_fixations_land_on_the_map_of_another_size():
    corners = np.array([[0, 0], [799, 599], [400, 300], [799.4, 0], [-0.5, -0.5]])
    index = maps.fixated_pixels(corners, (800, 600), (10, 10))
    assert index.tolist() == [0, 99, 55, 9, 0]
    same = maps.fixated_pixels(np.array([[3, 2], [3.4, 1.6], [2.6, 2.4]]), (8, 6), (6, 8))
    assert same.tolist() == [2 * 8 + 3] * 3
    outside = maps.fixated_pixels(np.array([[-1, 3], [8, 1], [3, 6], [7.4, 5.4]]), (8, 6), (6, 8))
    assert outside.tolist() == [5 * 8 + 7]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 60), st.booleans())
def test_fixations_of_one_and_of_other_images_are_rounded_alike_and_exactly(side, columns, fractional):
    """Against whole-number arithmetic: (x + 1/2) columns / side, cut off; for own fixations and for shares of sides."""
    x = np.arange(side) + (0.25 if fractional else 0.0)
    points = np.stack([x, np.zeros(side)], 1)
    exact = [math.floor((Fraction(float(value)) + Fraction(1, 2)) * columns / side) for value in x]
    own = maps.fixated_pixels(points, (side, 1), (1, columns))
    assert own.tolist() == exact
    assert maps.pixels_at(maps.relative_places(points, (side, 1)), (1, columns)).tolist() == exact


def test_a_place_on_the_border_of_two_pixels_is_in_one_of_them_for_all():
    """11 px wide, a map of 22: x = 7 lies at 15 exactly, which division first makes 14.99."""
    truth = {"map": np.ones((1, 22)), "image_size": np.array([11, 1]), "fixations": np.array([[7, 0]])}
    truth["map"][0, 3] = 2
    prediction = np.zeros((1, 22))
    prediction[0, 15] = 1
    items = saliency.score_items([{"map": prediction}], [truth], others=[np.array([[7.5 / 11, 0.5]])])
    assert items["auc[shuffled]"][0] == 0.5
    assert items["auc[uniform]"][0] > 0.9


@pytest.mark.parametrize("scale", [1e308, 1e39, 1e-50, 1e-300, 1e-315])
def test_figures_do_not_depend_on_how_large_or_small_a_prediction_is(scale):
    p, g, f = case_b()
    plain, scaled = score_one(p, g, f), score_one(p / p.max() * scale, g, f)
    near = 1e-6 if scale < 1e-307 else 1e-9  # denormal numbers have fewer digits
    for name, value in plain.items():
        assert scaled[name] == pytest.approx(value, abs=near, rel=near), name
    if scale > 1e-307:
        assert score_one(p / p.max() * scale, g / g.max() * scale, f)["cc"] == pytest.approx(plain["cc"])
    assert score_one(np.full((4, 4), scale), np.eye(4))["cc"] == 0.0


def test_a_perfect_prediction_of_any_size_is_perfect():
    g = case_b()[1]
    for scale in (1e308, 1e-50, 1e-315):
        values = score_one(g * scale, g)
        assert values["cc"] == pytest.approx(1, abs=1e-6)
        assert values[KLD] == pytest.approx(0, abs=1e-6)
        assert values["sim"] == pytest.approx(1, abs=1e-6)
    both = score_one(np.where(g > 0.5, 1.7e308, -1.7e308), g)
    assert all(np.isfinite(value) for value in both.values())


def test_small_differences_on_a_large_ground_keep_their_order():
    """1e6 plus noise: what float32 made of it moved AUC by hundredths."""
    rng = np.random.default_rng(5)
    noise, f = rng.random((13, 21)), rng.random((13, 21)) < 0.05
    g = rng.random((13, 21))
    plain, lifted = score_one(noise, g, f), score_one(1e6 + noise, g, f)
    for name in ("auc[density]", "auc[uniform]", "auc[judd]", "nss", "cc"):
        assert lifted[name] == pytest.approx(plain[name], abs=1e-8), name


def test_mits_figures_where_every_pixel_is_fixated():
    """NSS over all pixels is 0 and IG is defined; AUC_Judd.m has no negatives left."""
    p, g, _ = case_a()
    figures = compat.mit(p, g, np.arange(64))
    assert figures["nss[mit]"] == pytest.approx(0, abs=1e-12)
    assert np.isfinite(figures["ig[mit]"])
    assert "auc[judd,mit]" not in figures


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 30), st.integers(1, 30), st.integers(0, 99))
def test_resizing_keeps_constants_bounds_and_symmetry(h, w, height, width, seed):
    m = np.random.default_rng(seed).random((h, w))
    out = maps.resize_map(m, height, width)
    assert out.shape == (height, width)
    assert out.dtype == np.float64
    assert out.min() >= m.min() - 1e-12
    assert out.max() <= m.max() + 1e-12
    np.testing.assert_allclose(maps.resize_map(np.full((h, w), 3.0), height, width), 3.0, rtol=1e-6)
    np.testing.assert_allclose(maps.resize_map(m[::-1, ::-1], height, width), out[::-1, ::-1], atol=1e-6)
    np.testing.assert_allclose(maps.resize_map(m.T, width, height), out.T, atol=1e-6)
    np.testing.assert_array_equal(maps.resize_map(m, h, w), m)


def test_resizing_equals_pillows_bilinear_and_keeps_means_of_blocks():
    from PIL import Image

    m = np.random.default_rng(3).random((28, 28)).astype(np.float32)
    for height, width in ((60, 80), (13, 40), (7, 7)):
        pillow = np.asarray(Image.fromarray(m, mode="F").resize((width, height), Image.Resampling.BILINEAR))
        np.testing.assert_allclose(maps.resize_map(m, height, width), pillow, atol=2e-6)
    with pytest.raises(ValueError, match=r"shape \(28,\)"):
        maps.resize_map(m[0], 4, 4)
