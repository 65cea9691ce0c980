"""Declared tables: parsing, matching, running, and the papers' figures beside ours."""

import argparse
import json
from pathlib import Path

import pytest
from leaderboard_records import detection_items, record

from inkbench.benchmark import registry
from inkbench.benchmark.cli.declared import show_table
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.planning.request import Request
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import build, render
from inkbench.leaderboards.declared import load, match, spec


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


FINE_TUNED = {"protocol": "finetune@1", "family": "finetune"}


def run(store, cell, method, quality, noise=0, **changed):
    """A record of detection with ``changed`` settings of jigsaw."""
    method_settings = {"gap": True, "normalize": True, "color_jittering": True, "permutations": 100, **changed}
    settings = {
        "method": method_settings,
        "task": {"side": 128, "steps": 300},
        "backbone": {"mean": None},
    }
    if method == "jigsaw":
        settings["pretrain"] = {"images": 40_000, "batch": 64}
    told = {f"jigsaw.{key}": value for key, value in changed.items()}
    items = detection_items(quality, noise)
    return record(store, cell, method, items, "detection", changed=told, settings=settings, **FINE_TUNED)


def ablation(store):
    return [
        record(store, "t0", "trivial:constant-box", detection_items(0.02), "detection", **FINE_TUNED),
        run(store, "r0", "random", 0.3, 1),
        run(store, "j0", "jigsaw", 0.6, 2),
        run(store, "j1", "jigsaw", 0.5, 3, gap=False),
        run(store, "j2", "jigsaw", 0.5, 4, gap=False, normalize=False),
    ]


@pytest.mark.parametrize("name", load.names())
@pytest.mark.seconds
def test_shipped_tables_name_settings_that_exist(name):
    """Every row resolves against the real classes, so that ``--run`` is never refused for a misspelling."""
    table = load.load(name)
    if table.across:
        assert not spec.expand(table), "its rows are what was run"
        return
    for part in table.parts():
        task = registry.load("tasks", part.task)
        assert part.protocol in {*task.protocols, *(protocol.partition("@")[0] for protocol in task.protocols)}
    runs = spec.expand(table)
    assert len(runs) == sum(bool(row.method) for row in table.rows) * len(table.parts())
    for fields in runs:
        Request(**fields)
        for room, owner in (("methods", fields["methods"][0]), ("tasks", fields["tasks"][0])):
            own = {key.partition(".")[2]: text for key, text in fields["sets"] if key.startswith(f"{owner}.")}
            for preset in ("smoke", "quick"):
                registry.load(room, owner).Config.resolve(owner, preset, own)


def test_noroozi_5_holds_the_paper_s_figures():
    """Facts of the paper's Table 5 (reference: methods.md 1.5), and their source."""
    table = load.load("noroozi-5")
    figures = {row.label: (row.reported["pretext"], row.reported["ap50"]) for row in table.rows}
    assert figures == {
        "no gap": (98, 47.7),
        "no normalisation": (90, 43.5),
        "no colour jittering": (89, 51.1),
        "all three": (88, 52.6),
    }
    assert "1603.09246" in table.source
    on = {"jigsaw.gap": "true", "jigsaw.normalize": "true", "jigsaw.color_jittering": "true"}
    sets = [dict(request["sets"]) for request in spec.expand(table)]
    assert sets == [
        {"jigsaw.permutations": "100", **on, **off}
        for off in (
            {"jigsaw.gap": "false"},
            {"jigsaw.normalize": "false"},
            {"jigsaw.color_jittering": "false"},
            {},
        )
    ]


@pytest.mark.seconds
def test_rows_find_records_with_equal_changes(store):
    """Neither the row with one more change nor the one with none is taken for "no gap"."""
    table = load.load("noroozi-5")
    records = ablation(store)
    found = match.match(table, records)
    assert [one.id for one in found] == ["t0", "r0", "j0", "j1"]
    (made,) = build.tables(store, found, table)
    labels = [row.label for row in made.blocks[0].rows]
    assert labels == [
        "trivial:constant-box",
        "random",
        "no gap",
        "no normalisation",
        "no colour jittering",
        "all three",
    ]
    rows = {row.label: row for row in made.blocks[0].rows}
    assert rows["no gap"].records == ("j1",)
    assert rows["all three"].records == ("j0",)
    assert rows["no normalisation"].status == "not run"


@pytest.mark.seconds
def test_settings_are_columns_with_check_marks(store):
    table = load.load("noroozi-5")
    (made,) = build.tables(store, match.match(table, ablation(store)), table)
    assert [head.label for head in made.columns][:3] == ["Gap", "Normalization", "Color jittering"]
    rows = {
        row.label: [row.cells[head.key].text for head in made.columns[:3]]
        for row in made.blocks[0].rows
        if row.status == "done"
    }
    assert rows["no gap"] == ["✗", "✓", "✓"]
    assert rows["all three"] == ["✓", "✓", "✓"]


def test_another_protocol_of_a_table(store):
    frozen = spec.with_protocol(load.load("noroozi-5"), "frozen")
    assert match.match(frozen, ablation(store)) == []
    assert {request["protocols"] for request in spec.expand(frozen)} == {("frozen",)}
    with pytest.raises(UsageError, match="columns of table 'noroozi-1' have protocols of their own"):
        spec.with_protocol(load.load("noroozi-1"), "frozen")


@pytest.mark.seconds
def test_reported_figures_stand_beside_ours_and_change_nothing(store):
    table = load.load("noroozi-5")
    (made,) = build.tables(store, match.match(table, ablation(store)), table)
    rows = {row.label: row for row in made.blocks[0].rows}
    assert rows["no gap"].cells["reported:ap50"].value == 47.7
    assert rows["no normalisation"].cells["reported:ap50"].value == 43.5
    assert rows["no gap"].cells["ap50"].value < 1
    text = render.text(made)
    assert "47.7" in text
    assert "reported: published in Noroozi & Favaro" in text
    assert "not run" in text
    (plain,) = build.tables(store, match.match(table, ablation(store)))
    unlabelled = {row.records: row for row in plain.blocks[0].rows}
    assert rows["no gap"].cells["p"].value == unlabelled[("j1",)].cells["p"].value
    assert rows["no gap"].cells["primary"].value == unlabelled[("j1",)].cells["primary"].value


def test_a_control_row_must_share_the_task_s_settings(store):
    other = {"method": {}, "task": {"side": 128, "steps": 9}, "backbone": {"mean": None}}
    records = [
        run(store, "j0", "jigsaw", 0.6, 2),
        record(
            *(store, "r9", "random", detection_items(0.3), "detection"),
            settings=other,
            changed={"detection.steps": 9},
            **FINE_TUNED,
        ),
    ]
    assert [one.id for one in match.match(load.load("noroozi-5"), records)] == ["j0"]


def parsed(**over):
    text = {
        "title": "t",
        "task": "detection",
        "rows": [{"label": "a", "settings": {"method": "jigsaw", "jigsaw.gap": False}}],
        "columns": [{"key": "ap"}],
    }
    return load.parse("mine", {**text, **over}, "mine.toml")


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ({"titel": "x"}, "no key 'titel'; did you mean 'title'?"),
        ({"notes": "FCOS"}, 'mine.toml: write notes = ["..."]'),
        ({"notes": ["FCOS", 1]}, "notes must be strings, one line each"),
        ({"title": ""}, "has no title"),
        ({"task": "detektion"}, "no task 'detektion'; did you mean 'detection'?"),
        ({"rows": []}, "no [[rows]]"),
        ({"rows": {"label": "a"}}, "write [[rows]]"),
        ({"rows": [{"label": "a", "setings": {}}]}, "row 1: there is no key 'setings'; did you mean 'settings'?"),
        ({"rows": [{"label": "a"}]}, "names no method"),
        ({"rows": [{"settings": {"method": "jigsw"}}]}, "did you mean 'jigsaw'?"),
        (
            {"rows": [{"settings": {"method": "jigsaw", "metod": 1}}]},
            "'metod' is not NAME.FIELD; did you mean 'method'?",
        ),
        ({"rows": [{"settings": {"method": "jigsaw", "preset": "quik"}}]}, "no preset 'quik'; did you mean 'quick'?"),
        ({"rows": [{"settings": {"method": "jigsaw"}}] * 2}, "two rows 'jigsaw'"),
        ({"columns": [{"key": "pretxt"}]}, "no column 'pretxt'; did you mean 'pretext'?"),
        ({"columns": [{"label": "x"}]}, "column 1 has no key"),
        ({"columns": [{"key": "jigsw.gap"}]}, "no column 'jigsw.gap'"),
        ({"columns": [{"key": "ap", "data": "mangga109"}]}, "no dataset 'mangga109'; did you mean 'manga109'?"),
        ({"columns": [{"key": "ap"}] * 2}, "two columns 'ap'"),
        ({"columns": [{"key": "n"}], "task": ""}, "has no task; name one for the table, or one for each column"),
        ({"rows": [{"label": "a", "only_reported": True}]}, "with only_reported needs a label and reported figures"),
        (
            {
                "columns": [{"key": "ap", "protocol": protocol} for protocol in ("frozen@1", "finetune@1")],
                "rows": [{"label": "a", "only_reported": True, "reported": {"ap": 1}}],
                "source": "s",
            },
            "several columns are called 'ap'; write 'frozen@1 ap' or 'finetune@1 ap'",
        ),
        (
            {"rows": [{"settings": {"method": "jigsaw"}, "reported": {"app": 1}}], "source": "s"},
            "no key 'app'; did you mean 'ap'?",
        ),
        ({"rows": [{"settings": {"method": "jigsaw"}, "reported": {"ap": 1}}]}, "reported figures but no source"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(over, words):
    with pytest.raises(UsageError) as refused:
        parsed(**over)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_unknown_names_and_broken_files_are_refused(tmp_path):
    with pytest.raises(UsageError, match="no table 'norozi-5'; did you mean 'noroozi-5'"):
        load.load("norozi-5")
    broken = tmp_path / "broken.toml"
    broken.write_text("title = ")
    with pytest.raises(UsageError, match=r"broken\.toml is not TOML"):
        load.load(str(broken))


def test_shared_settings_and_nested_toml(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'title = "t"\ntask = "detection"\n[settings]\npretrain.images = 50\njigsaw = {gap = false}\n'
        '[[rows]]\nsettings = {method = "jigsaw", init = "imagenet"}\n[[rows]]\nsettings = {method = "random"}\n'
    )
    table = load.load(str(path))
    requests = spec.expand(table)
    assert requests[0]["sets"] == (("pretrain.images", "50"), ("jigsaw.gap", "false"))
    assert requests[0]["init"] == "imagenet"
    assert requests[1]["sets"] == (("pretrain.images", "50"),)
    assert all(request["protocols"] == ("frozen",) for request in requests)


def flags(store, name, form="text"):
    told = {"run": False, "dry_run": False, "quiet": True, "set": [], "task": "", "init": None, "reference": ""}
    return argparse.Namespace(name=name, results=store.root, format=form, **told)


@pytest.mark.seconds
def test_the_verb_prints_and_writes(store, capsys):
    ablation(store)
    assert show_table(flags(store, "noroozi-5"), []) == 0
    assert "no colour jittering" in capsys.readouterr().out
    assert {path.name for path in (store.root / "tables").iterdir()} == {
        f"noroozi-5.{s}" for s in ("md", "tex", "csv", "html", "json")
    }
    assert show_table(flags(store, "noroozi-5", "json"), []) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "noroozi-5"


def test_the_verb_refuses_where_nothing_was_run(tmp_path):
    with pytest.raises(UsageError, match="run it with: table noroozi-5 --run"):
        show_table(flags(Store(Path(tmp_path)), "noroozi-5"), [])


def test_settings_laid_over_a_table_are_searched_for_too(store):
    """``--set`` concerns the rows whose method has the setting; a row's record is one with that setting as well."""
    table = spec.with_settings(load.load("noroozi-5"), [("pretrain.images", "20000"), ("imagenet.weights", "x")])
    assert [dict(row.settings) for row in table.rows] == [
        {**row.settings, "pretrain.images": "20000"} for row in load.load("noroozi-5").rows
    ]
    assert match.match(table, ablation(store)) == [], "these were pretrained on 40,000 images"
