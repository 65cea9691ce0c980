"""Every row of every declared table is what its label says, under every preset (tests/fidelity/tables.toml)."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from leaderboard_records import detection_items, record

from inkbench.benchmark import registry
from inkbench.benchmark.config import PRESETS
from inkbench.benchmark.planning.asked import plugin
from inkbench.benchmark.planning.request import Request
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import build, render
from inkbench.leaderboards.declared import load, match
from inkbench.leaderboards.declared.spec import expand

pytestmark = pytest.mark.fidelity

PAPER = tomllib.loads((Path(__file__).parents[1] / "fidelity/tables.toml").read_text())
NAMES = load.names()
ROWS = [(name, row["label"]) for name, table in PAPER.items() for row in table["row"]]


def typed(name, label):
    """A row as it was typed from the paper, with what holds for all rows of its table."""
    row = next(row for row in PAPER[name]["row"] if row["label"] == label)
    return {**row, "settings": {**PAPER[name].get("all", {}), **row.get("settings", {})}}


def requests(name, label, preset):
    """What `table NAME --run --preset PRESET` asks for on account of one row, as the worker receives it."""
    table = load.load(name)
    (spec,) = [row for row in table.rows if row.label == label]
    return [Request(**{"preset": preset, **fields}) for fields in expand(replace(table, rows=(spec,)))]


def resolved(request):
    """Every setting of a run as the plan resolves it: NAME.FIELD -> value, and the flags."""
    found = {"method": request.methods[0], "init": request.init}
    for room, (name,) in (("methods", request.methods), ("tasks", request.tasks)):
        config = plugin(registry.load(room, name), request, request.sets).config
        found |= {f"{name}.{field}": value for field, value in config.model_dump(mode="json").items()}
    return found


def agrees(value, wanted):
    if isinstance(wanted, dict):
        return value >= wanted["at_least"]
    return value == pytest.approx(wanted, rel=1e-9) if isinstance(wanted, float) else value == wanted


def test_every_row_and_every_column_beside_a_paper_s_is_typed():
    assert sorted(PAPER) == NAMES
    for name in NAMES:
        table = load.load(name)
        assert [row.label for row in table.rows if row.method] == [row["label"] for row in PAPER[name]["row"]], name
        assert [row.label for row in table.rows if not row.method] == PAPER[name].get("of_others", []), name
        beside = [column.id for column in table.columns if any(column.id in row.reported for row in table.rows)]
        assert sorted(beside) == sorted(column["id"] for column in PAPER[name].get("column", [])), name


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(("name", "label"), ROWS)
@pytest.mark.seconds
def test_a_row_runs_what_its_label_says(name, label, preset):
    paper = typed(name, label)
    for request in requests(name, label, preset):
        found = resolved(request)
        for key, wanted in {**paper["settings"], **paper.get("holds", {})}.items():
            owner = key.partition(".")[0]
            if owner in (request.methods[0], request.tasks[0], "method", "init"):
                assert agrees(found[key], wanted), f"{name}, '{label}' at {preset}: {key} is {found[key]}, not {wanted}"
        for quotient, wanted in paper.get("ratio", {}).items():
            above, below = (found[key] for key in quotient.split(" / "))
            assert above / below == pytest.approx(wanted, rel=1e-9)
        for key, other in paper.get("equal", {}).items():
            owner, _, field = other.partition(".")
            assert found[key] == getattr(registry.load("methods", owner).Config.resolve(owner, preset), field)


@pytest.mark.parametrize(("name", "label"), ROWS)
def test_a_row_pins_what_its_label_says(name, label):
    """What is written in the row stays so whatever a preset will be; what a preset happens to give does not."""
    paper = typed(name, label)
    pinned = {key for request in requests(name, label, "quick") for key, _ in request.sets}
    assert {key for key in paper["settings"] if "." in key} <= pinned


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", [name for name in NAMES if "one_change_from" in PAPER[name]])
def test_an_ablation_changes_one_thing(name, preset):
    base = PAPER[name]["one_change_from"]
    (first,) = [resolved(request) for request in requests(name, base, preset)]
    for row in PAPER[name]["row"]:
        (found,) = [resolved(request) for request in requests(name, row["label"], preset)]
        changed = {key for key in found if found[key] != first[key]}
        assert len(changed) == (row["label"] != base), f"{name}, '{row['label']}' at {preset}: {changed}"


@pytest.mark.parametrize("preset", PRESETS)
def test_the_last_row_of_table_5_is_the_row_100_of_table_4(preset):
    """Both are 88 % and 52.6 in the paper: one run."""
    one, other = (
        resolved(requests(name, label, preset)[0]) for name, label in (("noroozi-5", "all three"), ("noroozi-4", "100"))
    )
    assert one == other


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_the_paper_s_is_told_under_the_table(name):
    notes = load.load(name).notes
    for column in PAPER[name].get("column", []):
        assert column.get("same", False) != ("note" in column), column
        assert "note" not in column or any(column["note"] in note for note in notes), column
    for words in PAPER[name].get("notes", []):
        assert any(words in note for note in notes), words


def test_notes_are_printed_under_the_table_alone_and_joined(tmp_path):
    """In every form, under a table of one task and under one that is several side by side."""
    store = Store(tmp_path)
    record(store, "r0", "random", detection_items(0.3), "detection", protocol="finetune@1", family="finetune")
    single = load.parse(
        "one",
        {
            "title": "t",
            "task": "detection",
            "protocol": "finetune",
            "notes": ["FCOS here, Fast R-CNN there"],
            "columns": [{"key": "ap"}],
            "rows": [{"label": "random", "settings": {"method": "random"}}],
        },
        "one.toml",
    )
    column = {"key": "ap", "task": "detection", "protocol": "finetune@1"}
    joined = load.parse(
        "several",
        {
            "title": "t",
            "notes": ["FCOS here, Fast R-CNN there"],
            "columns": [column, {**column, "key": "ap50"}],
            "rows": [{"label": "random", "settings": {"method": "random"}}],
        },
        "several.toml",
    )
    for declared in (single, joined):
        (made,) = build.declared_tables(store, declared)
        for form, draw in render.RENDERERS.items():
            if form != "csv":
                assert draw(made).count("Fast R-CNN there") == 1, form


def test_a_puzzle_that_cannot_be_learnt_stays_in_its_table_and_says_so(tmp_path):
    """1,000 permutations at a small budget: the row is not left out, and its remark is not the other rows'."""
    store = Store(tmp_path)
    settings = {
        "method": {"permutations": 1000, "generator": "max", "min_distance": 2},
        "task": {"side": 128},
        "backbone": {"mean": None},
        "pretrain": {"images": 40_000},
    }
    record(
        *(store, "j0", "jigsaw", detection_items(0.3), "detection"),
        protocol="finetune@1",
        family="finetune",
        settings=settings,
        changed={"jigsaw.permutations": 1000},
        pretext={"accuracy": {"value": 0.001, "trivial": 0.001, "learnt": False, "n": 1024}},
    )
    table = load.load("noroozi-4")
    (made,) = build.tables(store, match.match(table, list(store.records())), table)
    rows = {row.label: row for row in made.blocks[0].rows}
    assert rows["1000 maximal"].records == ("j0",)
    assert rows["100"].status == "not run"
    assert "not learned" in render.text(made)
