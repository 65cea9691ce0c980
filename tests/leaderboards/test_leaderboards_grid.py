"""``--grid``: the axes as columns, as the papers print their ablations."""

import pytest
from leaderboard_records import detection_items, record

from inkbench.benchmark.cli.launch import show
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import build, render

AXES = ["jigsaw.gap", "jigsaw.permutations", "pretrain.images"]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def grid(store):
    """Records of a 2 x 2 grid over jigsaw, their control row beside."""
    made = [record(store, "r0", "random", detection_items(0.3, 1), "detection")]
    for number, (gap, permutations) in enumerate([(True, 24), (True, 6), (False, 24), (False, 6)]):
        changed = {} if gap else {"jigsaw.gap": False}
        changed |= {"jigsaw.permutations": 6} if permutations == 6 else {}
        settings = {
            "method": {"gap": gap, "permutations": permutations},
            "task": {"side": 128, "steps": 300},
            "backbone": {"mean": None},
            "pretrain": {"images": 40_000, "batch": 64},
        }
        items = detection_items(0.3 + number / 10, number)
        made.append(record(store, f"j{number}", "jigsaw", items, "detection", changed=changed, settings=settings))
    return made


@pytest.mark.seconds
def test_axes_are_columns_and_leave_the_labels(store):
    (table,) = build.tables(store, grid(store), axes=AXES)
    assert [head.label for head in table.columns[:3]] == AXES
    rows = [(row.label, *(row.cells[head.key].text for head in table.columns[:3])) for row in table.blocks[0].rows]
    assert rows == [
        ("random", "–", "–", "–"),
        ("jigsaw", "✓", "24", "40000"),
        ("jigsaw", "✓", "6", "40000"),
        ("jigsaw", "✗", "24", "40000"),
        ("jigsaw", "✗", "6", "40000"),
    ]
    values = [row.cells["jigsaw.gap"].value for row in table.blocks[0].rows]
    assert values == [None, True, True, False, False]
    for renderer in render.RENDERERS.values():
        assert renderer(table)


@pytest.mark.seconds
def test_a_run_with_a_grid_prints_that_table(store, capsys):
    show(store, grid(store), Progress(quiet=True), ["jigsaw.gap", "jigsaw.permutations", "detection.label_fraction"])
    told = capsys.readouterr().out
    assert "✗" in told
    assert "gap=false" not in told
    assert "label_fraction" not in told, "a task's settings stand in the headings of its blocks"
