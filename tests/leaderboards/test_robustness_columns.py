"""What is left of a score under damage: the columns of a table and the plot of a run."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_files import made

from inkbench.benchmark.store.record_parts import Damaged, Figure, Robustness, StoredFile
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import render
from inkbench.leaderboards.build import build
from inkbench.leaderboards.columns.robustness import relative
from inkbench.leaderboards.report import plots

SCORES = {"halftone": (0.4, 0.3, 0.2), "grey": (0.5, 0.4, 0.3)}


def robust(scores=SCORES, chance=None) -> Robustness:
    under = {
        f"{name}@{k}": Damaged(
            figure=Figure(value=value, direction="max", n=4, version=1),
            predictions=StoredFile(file="a.predictions.npz"),
        )
        for name, values in scores.items()
        for k, value in enumerate(values, 1)
    }
    return Robustness(version=1, chance=chance, under=under, declined={"crop": "its truth is unknown"})


def table(tmp_path, **fields):
    metrics = {"cc": {"value": 0.5, "unit": "", "direction": "max", "n": 4, "version": 1}}
    record = made("abc", primary="cc", metrics=metrics, **fields)
    return build(Store(tmp_path), [record], "x"), record


@given(clean=st.floats(0.01, 1), chance=st.floats(0, 0.5))
def test_what_is_unharmed_is_one(clean, chance):
    for direction in ("max", "min"):
        assert relative(clean, clean, direction, None) == 1
    if clean > chance:
        assert relative(clean, clean, "max", chance) == 1
        assert relative(chance, clean, "max", chance) == 0
    else:
        assert relative(clean, clean, "max", chance) is None


def test_of_less_is_better_twice_as_much_is_half():
    assert relative(20.0, 10.0, "min") == 0.5
    assert relative(-1.0, 10.0, "min") is None
    assert relative(0.3, 0.0, "max") is None


def test_a_table_has_what_is_left_and_files_have_the_scores(tmp_path):
    built, _ = table(tmp_path, robustness=robust())
    [row] = [row for block in built.blocks for row in block.rows]
    assert row.cells["robustness"].value == pytest.approx((0.8 + 0.6 + 0.4 + 1.0 + 0.8 + 0.6) / 6)
    assert row.cells["halftone"].text == "0.60"
    told = json.loads(render.FILES["json"](built))
    [shown] = [row for block in told["blocks"] for row in block["rows"]]
    assert shown["cells"]["grey"]["scores"] == {"@1": 0.5, "@2": 0.4, "@3": 0.3}
    [line] = csv.DictReader(io.StringIO(render.FILES["csv"](built)))
    assert [float(line[f"halftone@{k}"]) for k in (1, 2, 3)] == [0.4, 0.3, 0.2]
    assert "crop" not in {head.key for head in built.columns}, "no row was tested under it"


def test_a_table_without_it_has_no_such_column(tmp_path):
    built, _ = table(tmp_path)
    assert not {"robustness", *SCORES} & {head.key for head in built.columns}


def test_chance_is_no_score(tmp_path):
    built, _ = table(tmp_path, robustness=robust({"grey": (0.3, 0.1, 0.5)}, chance=0.1))
    [row] = [row for block in built.blocks for row in block.rows]
    assert row.cells["grey"].value == pytest.approx((0.5 + 0.0 + 1.0) / 3)
    near, _ = table(tmp_path, robustness=robust(chance=0.5))
    [row] = [row for block in near.blocks for row in block.rows]
    assert (row.cells["robustness"].text, row.cells["robustness"].value) == ("no base", None)


def test_a_plot_begins_at_the_clean_score(tmp_path):
    _, record = table(tmp_path, robustness=robust())
    drawn = str(plots.robustness(record))
    assert drawn.count("<polyline") == 2
    assert "halftone" in drawn
    assert "strength (0: clean)" in drawn
