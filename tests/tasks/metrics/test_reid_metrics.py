"""The scorer of re-identification: groups of characters that differ, means, the oracle, what has no figure."""

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_retrieval_metrics import sample

from inkbench.tasks.metrics import reid
from inkbench.tasks.metrics.cliques import cliques, groups, known_to_differ
from inkbench.tasks.metrics.retrieval import FIGURES, retrieval


def truth(identity, series="s", panel="p", apart=None, sequences=()):
    known = {"identity": identity, "series": series, "panel": panel, "page": panel.rpartition("_")[0]}
    arrays = {name: np.array(value) for name, value in known.items()}
    if apart is not None:
        arrays["apart"] = np.array(list(apart), dtype=str)
    return {**arrays, "sequences": np.array(list(sequences), dtype=str)}


def items_of(x, identities, series, **options):
    truths = [truth(f"{i}", str(s), f"{k}_0") for k, (i, s) in enumerate(zip(identities, series, strict=True))]
    return reid.score_items([{"embedding": row} for row in x], truths, **options)


def relative():
    """A series whose sequences name {a, b}, {b, c} and {d}; each character four times, one hot."""
    apart = {"a": ["1"], "b": ["1", "2"], "c": ["2"], "d": ["3"]}
    return [truth(who, "s", f"{k}_0", apart[who], [f"q{k % 4}"]) for k, who in enumerate("abcd" * 4)]


def test_characters_differ_where_a_sequence_names_both():
    codes = np.array([0, 1, 1, 2, 3, 4])
    series = np.array(["s", "s", "s", "s", "s", "t"])
    differ = known_to_differ(codes, series, [["1"], ["1"], ["2"], ["2"], ["3"], ["1"]])
    here = {(a, b) for a, b in zip(*np.nonzero(differ), strict=True) if a < b}
    assert here == {(0, 1), (1, 2), *((k, 4) for k in range(4))}, "a sequence's name counts within its series"
    assert known_to_differ(codes, series, [[]] * 6).sum() == 5 * 4, "where nothing is named a cast is exact"


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**20), n=st.integers(1, 14), dense=st.floats(0, 1))
def test_cliques_are_networkx_s(seed, n, dense):
    raw = np.random.default_rng(seed).random((n, n)) < dense
    differ = raw & raw.T & ~np.eye(n, dtype=bool)
    expected = sorted(sorted(clique) for clique in networkx.find_cliques(networkx.from_numpy_array(differ)))
    assert [clique.tolist() for clique in cliques(differ)] == expected


def test_too_many_cliques_are_one_clear_error():
    """Moon & Moser (1965): 3^(n/3) of them, where nobody in a triple is known to differ."""
    differ = networkx.to_numpy_array(networkx.complete_multipartite_graph(*[3] * 9)) > 0
    with pytest.raises(ValueError, match="27 characters of one series form more than 10,000 groups"):
        cliques(differ)


def test_groups_are_a_series_cliques():
    codes, series = np.array([0, 1, 2, 0, 1, 2, 3]), np.array([*"ssssss", "t"])
    differ = known_to_differ(codes, series, [["1"], ["1", "2"], ["2"], [], [], [], []])
    assert [rows.tolist() for rows in groups(codes, series, differ)] == [[0, 1, 3, 4], [1, 2, 4, 5], [6]]


@pytest.mark.seconds
def test_an_oracle_reaches_the_optimum_of_every_metric():
    """Relative and exact identities, lone characters among them; every metric is there and 1."""
    for apart in (None, {"a": ["1"], "b": ["1", "2"], "c": ["2"], "d": ["2"]}):
        truths = []
        for series in ("s", "t", "u"):
            for k, who in enumerate("abc" * 4 + "d"):
                named = None if apart is None else apart[who]
                truths.append(truth(f"{series}{who}", series, f"{k}_0", named, [f"{series}{k % 2}"]))
        names = sorted({str(one["identity"]) for one in truths})
        oracle = [{"embedding": np.eye(len(names))[names.index(str(one["identity"]))]} for one in truths]
        known = reid.calibrate(oracle, truths)
        means = reid.aggregate(reid.score_items(oracle, truths, **known))
        assert set(means) == {metric.name for metric in reid.METRICS}
        for name, value in means.items():
            assert value == pytest.approx(1) or name == "chance", name
        assert means["chance"] < 0.6
        assert 0 < known["threshold"] < np.sqrt(2)


def test_strangers_are_neither_right_nor_wrong():
    """a and c lie on one another, but nobody knows whether they are one: no figure may suffer."""
    truths = relative()
    place = {"a": 0.0, "b": 1.0, "c": 0.0, "d": 1.0}
    items = reid.score_items([{"embedding": np.array([place[str(one["identity"])], 0.5])} for one in truths], truths)
    means = reid.aggregate(items)
    for name in ("map@r", "map@r[macro]", "map@r[inter-all]", "ami", "auroc[pairs]"):
        assert means[name] == pytest.approx(1), name
    assert reid.counts(items)["map@r"] == 12, "d differs from nobody: its group has one character"
    assert reid.counts(items)["map@r[inter-first]"] == 2, "of the groups {a, b}, {b, c}, {d} the first of the largest"
    assert "differ): 2 of 3; groups of fewer" in reid.notes(items)[-1]


def test_a_query_in_two_groups_has_their_mean_and_weighs_once():
    truths, r = relative(), np.random.default_rng(0)
    x = r.standard_normal((16, 3))
    items = reid.score_items([{"embedding": row} for row in x], truths)
    who = np.array([str(one["identity"]) for one in truths])
    left, right = (np.flatnonzero(np.isin(who, names)) for names in (["a", "b"], ["b", "c"]))
    one, other = (retrieval(x[rows], who[rows]) for rows in (left, right))
    for name in FIGURES:
        for k, item in enumerate(np.flatnonzero(who == "b")):
            expected = one[name][left == item][0] + other[name][right == item][0]
            assert items[name][item] == pytest.approx(expected / 2), (name, k)
        macro = [
            np.mean([np.mean(found[name][who[rows] == c]) for c in np.unique(who[rows])])
            for rows, found in ((left, one), (right, other))
        ]
        means = reid.aggregate(items)
        assert means[name + "[macro]"] == pytest.approx(np.mean(macro))
        assert means[name] == pytest.approx(np.nanmean(items[name]))


def test_macro_means_of_the_reference():
    x, labels = sample(0, 24, 4, 5)
    means = reid.aggregate(items_of(x, labels, np.zeros(24, dtype=int)))
    expected = {"p@1[macro]": 0.47, "r-precision[macro]": 0.31, "map@r[macro]": 0.2341111111}
    assert {name: means[name] for name in expected} == pytest.approx(expected, abs=1e-9)
    lone = items_of(np.vstack([x, np.zeros(4)]), [*labels, 99], np.zeros(25, dtype=int))
    each = [np.nanmean(lone["map@r"][:24][labels == k]) for k in range(5)]
    assert reid.aggregate(lone)["map@r[macro]"] == pytest.approx(np.mean(each)), "who is seen once is no query"


def test_equal_to_pytorch_metric_learning_with_means_of_means():
    torch = pytest.importorskip("torch")
    calculator = pytest.importorskip("pytorch_metric_learning.utils.accuracy_calculator").AccuracyCalculator
    names = ("precision_at_1", "r_precision", "mean_average_precision_at_r", "mean_average_precision")
    mine = ("p@1", "r-precision", "map@r", "map")
    x, labels = sample(5, 60, 6, 7)
    series = np.repeat([0, 1], [40, 20])
    theirs = []
    for part in (0, 1):
        points, codes = torch.from_numpy(x[series == part]), torch.from_numpy(labels[series == part])
        theirs.append(calculator(include=names, k=None, avg_of_avgs=True).get_accuracy(points, codes))
    means = reid.aggregate(items_of(x, labels, series))
    for name, other in zip(mine, names, strict=True):
        assert means[name + "[macro]"] == pytest.approx(np.mean([one[other] for one in theirs]), abs=1e-10)


def test_figures_of_groups_are_means_over_groups_whatever_their_size():
    x, labels = sample(3, 90, 4, 6)
    series = np.repeat([0, 1, 2], [60, 20, 10])
    items = items_of(x, labels, series)
    means = reid.aggregate(items)
    twice = np.where(series == 1, 2.0, 1.0)
    for name in ("ami", "nmi", "auroc[pairs]", "accuracy[pairs]"):
        each = [items[name][series == s][0] for s in range(3)]
        assert means[name] == pytest.approx(np.mean(each))
        assert reid.counts(items)[name] == 90
        assert reid.resampler(items, name)(twice) == pytest.approx(np.average(each, weights=[1, 2, 1]))


def test_small_groups_and_single_characters_are_skipped_and_counted():
    x = np.random.default_rng(0).standard_normal((14, 3))
    series = np.repeat(["few", "one", "whole"], [4, 5, 5])
    items = items_of(x, np.array([*"aabb", *"aaaaa", *"aabbb"]), series)
    for name in (*FIGURES, "ami", "nmi"):
        assert np.isnan(items[name][:9]).all()
        assert np.isfinite(items[name][9:]).all()
    assert "differ): 1 of 3; groups of fewer" in reid.notes(items)[-1]
    nothing = items_of(x[:4], [*"aabb"], series[:4])
    assert "map@r" not in reid.aggregate(nothing)
    assert "map@r" not in reid.counts(nothing)


def test_exclusion_by_panel_and_by_page():
    r = np.random.default_rng(0)
    truths = [truth("ab"[k % 2], panel=f"{k // 6}_{k // 3}") for k in range(24)]
    predictions = [{"embedding": row} for row in r.standard_normal((24, 3))]
    by = {name: reid.score_items(predictions, truths, exclude=name) for name in ("none", "panel", "page")}
    shown = {name: [str(one[name]) for one in truths] for name in ("panel", "page")}
    for name, places in shown.items():
        expected = retrieval(
            np.stack([one["embedding"] for one in predictions]),
            np.array(["ab"[k % 2] for k in range(24)]),
            None,
            np.array(places),
        )
        assert by[name]["map@r"] == pytest.approx(expected["map@r"])
    assert len({round(reid.aggregate(items)["map@r"], 9) for items in by.values()}) == 3
    alone = [truth("ab"[k % 2], panel="1_1") for k in range(6)]
    none = reid.score_items(predictions[:6], alone, exclude="panel")
    assert "map@r" not in reid.aggregate(none), "all answers are in the query's own panel"
    assert reid.notes(none)[0].endswith("excluded from retrieval: 6 of 6")


@pytest.mark.parametrize(
    ("embeddings", "said"),
    [
        ([[0.0, np.nan]], "embedding of item bad is not finite"),
        ([[0.0, 1.0], [1.0]], "embedding of item short has 1 values, that of the first 2"),
        ([], "no item to find again"),
    ],
)
def test_bad_predictions_are_one_clear_error(embeddings, said):
    predictions = [{"embedding": np.array(row)} for row in embeddings]
    with pytest.raises(ValueError, match=said):
        reid.score_items(predictions, [truth("a")] * len(predictions), ids=["bad", "short"][: len(predictions)])
    with pytest.raises(ValueError, match="one prediction for each"):
        reid.score_items(predictions, [truth("a")] * 7)
