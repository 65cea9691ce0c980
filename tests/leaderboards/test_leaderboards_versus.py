"""Two rows against each other: the figures of the table, what they differ in, and what cannot be compared."""

import re

import pytest
from leaderboard_records import detection_items, record, saliency_items

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import build
from inkbench.leaderboards.significance.two_rows import versus


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def cell(store, name, method, quality, noise=0, seed=0, **settings):
    return record(
        store,
        name,
        method,
        saliency_items(quality, noise),
        "saliency",
        seed=seed,
        changed={f"{method}.{key}": value for key, value in settings.items()},
        settings={"method": settings, "task": {"side": 64}, "backbone": {"mean": None}},
    )


def test_it_tells_what_the_table_tells(store):
    records = [cell(store, "r0", "random", 0.3, 1), cell(store, "j0", "jigsaw", 0.5, 2)]
    (table,) = build.tables(store, records)
    row = {one.label: one for one in table.blocks[0].rows}["jigsaw"]
    text = versus(store, "j0", "r0")
    assert f"difference: {row.cells['difference'].text}" in text
    assert "16 series, 1 seed of both" in text
    p = re.search(r"p (\S+) ", text).group(1)
    assert p == row.cells["p"].text.strip("*"), "of two rows alone Holm changes nothing"
    backward = versus(store, "r0", "j0")
    assert re.search(r"difference: -", backward)
    assert re.search(r"p (\S+) ", backward).group(1) == p


def test_it_tells_all_that_differs_and_takes_the_seeds_that_both_have(store):
    for seed in (0, 1, 2):
        cell(store, f"a{seed}", "jigsaw", 0.5, seed, seed, gap=True, tile=32)
    for seed in (0, 1):
        cell(store, f"b{seed}", "jigsaw", 0.4, 9 + seed, seed, gap=False, tile=32)
    text = versus(store, "a0", "b1")
    assert "16 series, 2 seeds of both" in text
    assert "jigsaw gap=true" in text
    assert text.splitlines()[-1] == "differing settings: method.gap (true, false)"


@pytest.mark.parametrize(
    ("first", "second", "metric", "said"),
    [
        ("a0", "d0", None, "Cannot compare: the two runs used different tasks"),
        ("a0", "b0", "ncc", "has no metric 'ncc'; did you mean 'cc'"),
        ("a0", "x", None, "No run ID in .* starts with 'x'"),
        ("a0", "f0", None, "only finished runs"),
        ("a0", "few", None, "not measured on the same items"),
    ],
)
def test_what_cannot_be_compared_is_refused(store, first, second, metric, said):
    cell(store, "a0", "jigsaw", 0.5, 1)
    cell(store, "b0", "random", 0.4, 2)
    record(store, "d0", "random", detection_items(0.4), "detection")
    record(store, "f0", "random", None, "saliency", status="failed", reason="it broke")
    record(store, "few", "simclr", saliency_items(0.4, 3, series=8), "saliency")
    with pytest.raises(UsageError, match=said):
        versus(store, first, second, metric)
