"""Declared tables over several tasks, protocols or datasets; the average rank over their columns."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from leaderboard_records import detection_items, record, saliency_items
from scipy.stats import rankdata

from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import build, render
from inkbench.leaderboards.combine.ranks import average_ranks, with_ranks
from inkbench.leaderboards.declared import load
from inkbench.leaderboards.table import Block, Cell, Head, Row, RowKind, Setup

TEXT = {
    "title": "Both",
    "source": "A Paper, Table 1",
    "head": "Method",
    "columns": [
        {"key": "supervision", "reported": "reported: supervision"},
        {"key": "cc", "task": "saliency", "protocol": "frozen@1", "label": "Saliency"},
        {"key": "ap", "task": "detection", "protocol": "frozen@1", "label": "Detection", "reported": "reported: AP, %"},
        {"key": "ap50", "task": "detection", "protocol": "frozen@1"},
    ],
    "rows": [
        {"label": "Others", "only_reported": True, "reported": {"ap": 46.6, "supervision": "motion"}},
        {"label": "Ours", "settings": {"method": "jigsaw"}, "reported": {"ap": 53.2}},
        {"label": "Later", "settings": {"method": "simclr"}},
    ],
}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def both(store):
    record(store, "t0", "trivial:centre", saliency_items(0.2, 0))
    record(store, "r0", "random", saliency_items(0.35, 1))
    record(store, "j0", "jigsaw", saliency_items(0.5, 2))
    record(store, "t1", "trivial:constant-box", detection_items(0.02), "detection")
    record(store, "r1", "random", detection_items(0.3, 1), "detection")
    record(store, "j1", "jigsaw", None, "detection")
    (table,) = build.declared_tables(store, load.parse("both", TEXT, "both.toml"))
    return table


@pytest.mark.seconds
def test_rows_of_several_tasks_stand_side_by_side(store):
    table = both(store)
    assert (table.name, table.head, table.about.preset) == ("both", "Method", "quick")
    assert table.about.task == ""
    labels = [head.label for head in table.columns]
    assert labels == [
        *("supervision", "reported: supervision", "Saliency ↑"),
        *("Detection ↑", "reported: AP, %", "ap50 ↑"),
    ]
    rows = {row.label: row for row in table.blocks[0].rows}
    assert list(rows) == ["best trivial baseline", "random", "Others", "Ours", "Later"]
    cells = {label: [row.cells.get(head.key, Cell()).text for head in table.columns] for label, row in rows.items()}
    assert cells["Others"] == ["–", "motion", "–", "–", "46.6", "–"]
    assert cells["Later"] == ["not run", "–", "–", "–", "–", "–"]
    assert cells["Ours"][2].startswith("0.4")
    assert cells["Ours"][2].endswith("*"), "it differs from random in its own table"
    assert cells["Ours"][3:5] == ["failed", "53.2"]
    assert cells["best trivial baseline"][2].endswith("(centre)")
    assert "failed: out of memory" in " ".join(rows["Ours"].marks)
    assert rows["Ours"].records == ("j0", "j1")
    for renderer in render.RENDERERS.values():
        assert "46.6" in renderer(table)


@pytest.mark.seconds
def test_one_preset_and_dataset_a_table(store):
    both(store)
    record(store, "j2", "jigsaw", saliency_items(0.4, 3), preset="smoke")
    record(store, "r2", "random", saliency_items(0.4, 4), preset="smoke")
    tables = build.declared_tables(store, load.parse("both", TEXT, "both.toml"))
    assert [table.about.preset for table in tables] == ["quick", "smoke"]
    assert len({table.name for table in tables}) == 2


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 6), st.integers(1, 8), st.integers(0, 2**31))
def test_average_ranks_are_scipy_s(rows, columns, seed):
    merits = np.random.default_rng(seed).integers(0, 4, (rows, columns)).astype(float)
    means, intervals = average_ranks(merits)
    assert np.allclose(means, np.mean([rankdata(-column) for column in merits.T], axis=0))
    assert np.isclose(means.sum(), rows * (rows + 1) / 2)
    assert (intervals[:, 0] <= means + 1e-9).all()
    assert (intervals[:, 1] >= means - 1e-9).all()


def ranked(rows, heads):
    made, columns, notes = with_ranks([Block(Setup("b"), rows)], heads)
    return {row.label: row.cells.get("rank", Cell()).value for row in made[0].rows}, columns, notes


def of(label, values, role=""):
    return Row(label, "done", {f"c{k}": Cell(str(v), v) for k, v in enumerate(values)}, kind=RowKind(role))


def test_only_whole_rows_with_a_backbone_are_ranked():
    heads = [Head(f"c{k}", f"c{k}", "max" if k < 2 else "min", primary=True) for k in range(3)]
    rows = (
        of("trivial", (9, 9, 9), "best trivial"),
        of("random", (1, 1, 5), "control"),
        of("a", (2, 2, 1)),
        of("b", (3,)),
    )
    ranks, columns, notes = ranked(rows, heads)
    assert ranks == {"trivial": None, "random": 2.0, "a": 1.0, "b": None}
    assert [column.key for column in columns] == ["c0", "c1", "c2", "rank"]
    assert "over 3 columns" in notes[0]
    assert ranked(rows, heads[:2]) == ({row.label: None for row in rows}, heads[:2], [])
