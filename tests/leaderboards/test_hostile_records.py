"""Records that were damaged, edited or written on purpose: none hides another row, ends a command or leads outside."""

import contextlib
import json
import os
import random
import shutil
import sys
from pathlib import Path

import pytest
from leaderboard_records import everything, record, rows, saliency_items, usual

from inkbench.benchmark.cli.verbs import verb_list
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.running.verify import check
from inkbench.benchmark.store.proof import stamped
from inkbench.benchmark.store.reading import LARGEST
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import build, publish, render
from inkbench.leaderboards.report.gather import gather
from inkbench.leaderboards.significance.two_rows import versus

MUSEUM = Path(__file__).resolve().parents[1] / "museum" / "schema-3"


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "a" / "b" / "results")


def rewrite(store, run, **changes):
    """Change a record's file by hand, and its checksum with it."""
    path = store.record_path(run)
    told = {**json.loads(path.read_bytes()), **changes}
    path.write_text(json.dumps(stamped(told)))


def the_table(store):
    (table,) = build.tables(store, list(store.records()))
    return table


def test_a_record_that_was_edited_is_left_out_and_named_under_every_table(store, capsys):
    usual(store)
    path = store.record_path("j0")
    path.write_text(path.read_text().replace('"jigsaw"', '"simclr"'))
    for _ in range(2):
        table = the_table(Store(store.root))
        assert sorted(rows(table)) == ["random", "trivial:centre"]
        texts = {name: " ".join(renderer(table).split()) for name, renderer in render.RENDERERS.items()}
        silent = [name for name, text in texts.items() if "j0 does not match its checksum" not in text]
        assert silent == ["csv"], "which has rows alone"
        assert "skipped: " in capsys.readouterr().err


def test_a_figure_that_its_items_do_not_give_is_no_figure_though_its_checksum_is_right(store, capsys):
    for number, made in enumerate(usual(store)):
        if number == 2:
            metrics = {name: figure.model_dump() for name, figure in made.metrics.items()}
            rewrite(store, "j0", metrics=metrics | {"cc": metrics["cc"] | {"value": 0.9}})
    for _ in range(2):
        table = the_table(Store(store.root))
        assert sorted(rows(table)) == ["random", "trivial:centre"]
        assert any("run j0 has cc 0.9, its items give 0.39" in note for note in table.notes)
    with pytest.raises(UsageError, match=r"cannot be compared: run j0 has cc 0\.9"):
        versus(store, "j0", "r0")
    assert any("j0.json has cc 0.9" in problem for problem in gather(store).problems)
    assert "skipped" in capsys.readouterr().err


def test_of_many_bad_records_some_are_named_and_all_are_counted(store):
    usual(store)
    for number in range(9):
        path = store.root / "cells" / "zz" / f"zz{number}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text("{")
    notes = [note for note in the_table(store).notes if "left out" in note]
    assert len(notes) == 6
    assert notes[-1].endswith("and 4 records more")


def test_a_record_is_published_only_where_it_holds(store, tmp_path, capsys):
    usual(store)
    metrics = {"cc": json.loads(store.record_path("r0").read_bytes())["metrics"]["cc"] | {"value": 0.9}}
    rewrite(store, "r0", metrics=metrics)
    assert publish.add(store.root, tmp_path / "published") == 2
    assert "r0.json has cc 0.9" in capsys.readouterr().err


OUTSIDE = (
    *("x/../../../../PWNED", "/tmp/PWNED/x", "..", ".", "", "a\0b", "a\nb", "a" * 5000, "-rf", "~", "ü/ü", "CON"),
)


@pytest.mark.parametrize("name", OUTSIDE, ids=lambda name: ascii(name)[:24])
@pytest.mark.parametrize("key", ["preset", "protocol", "method", "data"])
def test_whatever_a_record_holds_is_written_below_results(store, tmp_path, key, name):
    changes = {"data": {"id": name, "fingerprint": name}} if key == "data" else {key: name}
    usual(store)
    data = json.loads(store.record_path("j0").read_bytes())["data"]
    for run in ("t0", "r0", "j0"):
        rewrite(store, run, **({"data": {**data, **changes["data"], "own": True}} if key == "data" else changes))
    for table in build.tables(store, list(store.records())):
        path = build.write(store, build.replace(table, name=f"{table.name}-{name}"))
        assert path.parent == store.root / "tables"
        assert path.is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["results"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", "../j0"),
        ("work", "../../x"),
        ("work", "/etc/passwd"),
        ("was", "a/b"),
        ("pretraining", "../../../x"),
        ("log", "../../etc/passwd"),
        ("log", "logs/../../x.log"),
        ("items", {"file": "/etc/x.items.npz", "sha256": ""}),
        ("predictions", {"file": "../x.predictions.npz", "sha256": ""}),
        ("scorer", "this"),
    ],
)
def test_a_name_that_leads_elsewhere_is_no_name(store, key, value):
    usual(store)
    rewrite(store, "j0", **{key: value})
    assert sorted(one.id for one in store.records()) == ["r0", "t0"]
    assert list(store.left_out) == ["j0"]


def test_half_a_character_is_no_text(store):
    usual(store)
    path = store.record_path("j0")
    path.write_text(path.read_text().replace('"quick"', r'"\ud800"'))
    assert sorted(one.id for one in store.records()) == ["r0", "t0"]
    assert "surrogates not allowed" in store.left_out["j0"]


@pytest.mark.parametrize("module", ["this", "os", "antigravity", "evil.py:Evil"])
def test_no_module_is_imported_because_a_record_names_it(store, module, monkeypatch, tmp_path):
    (tmp_path / "evil.py").write_text("import antigravity\nclass Evil:\n    name = 'evil'\n")
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    record(store, "j0", "jigsaw", saliency_items(0.4))
    rewrite(store, "j0", task=module)
    old = json.loads(store.record_path("j0").read_bytes())
    old = {**old, "schema": 1, "task": "saliency", "scorer": module, "id": "j1"}
    store.record_path("j1").parent.mkdir()
    store.record_path("j1").write_text(json.dumps({key: old[key] for key in old if key not in ("checksum", "items")}))
    with pytest.raises(UsageError, match="is not one of inkbench's"):
        build.tables(store, [one for one in store.records() if one.task == module])
    assert [one.task for one in store.records() if one.id == "j1"] == ["saliency"]
    assert check(store, []) == 1
    assert not {"this", "antigravity"} & (set(sys.modules) - before)


def test_a_folder_a_pipe_a_link_and_a_book_in_the_place_of_a_record(store, capsys):
    usual(store)
    places = [store.root / "cells" / "zz" / f"zz{number}.json" for number in range(4)]
    (places[0] / "x").mkdir(parents=True)
    os.mkfifo(places[1])
    places[2].symlink_to("nowhere")
    places[3].write_bytes(b"")
    os.truncate(places[3], LARGEST + 1)
    assert len(list(store.records())) == 3
    assert len(store.left_out) == 4
    assert verb_list(["runs", "--results", str(store.root)]) == 0
    assert capsys.readouterr().out.count("invalid") == 4


VALUES = (None, [], {}, "x", -1, 0, 1e308, True, "../../../x", "a" * 3000, "\0", [[]], {"a": {"b": 1}}, [None], 2**70)


def places(value, path=()):
    """The path of every value in a tree of JSON; of a list the first two."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


def changed(told, path, draw):
    """A record with another value in one place, or without it, or with one more beside it."""
    if not path:
        return draw.choice(VALUES)
    copy = json.loads(json.dumps(told))
    owner = copy
    for key in path[:-1]:
        owner = owner[key]
    act = draw.randrange(8)
    if act == 0:
        del owner[path[-1]]
    elif act == 1 and isinstance(owner, dict):
        owner["more"] = draw.choice(VALUES)
    else:
        owner[path[-1]] = draw.choice(VALUES)
    return copy


def survives(tmp_path, number):
    """A record is changed in one place: every command goes on, and shows the others."""
    draw = random.Random(number)
    results = tmp_path / "results"
    store = Store(results)
    victim = draw.choice(sorted(results.glob("cells/*/*.json")))
    whole = victim.read_text()
    told = json.loads(whole)
    hurt = changed(told, draw.choice(list(places(told))), draw)
    if isinstance(hurt, dict):
        hurt = stamped(hurt) if draw.random() < 0.8 else hurt
    victim.write_text(json.dumps(hurt))
    try:
        assert verb_list(["runs", "--results", str(results)]) == 0
        assert verb_list(["runs", "--csv", "--results", str(results)]) == 0
        found = gather(Store(results))
        shown = {row.label for shown in found.tables for block in shown.table.blocks for row in block.rows}
        for shown_table in found.tables:
            everything(shown_table.table)
        runs = [path.stem for path in results.glob("cells/*/*.json")]
        others = {one.method for one in store.records() if one.id != victim.stem}
        assert len(others) == 2
        assert others <= shown, number
        for run in runs:
            with contextlib.suppress(UsageError):
                versus(store, run, runs[0])
        assert check(store, []) in (0, 1)
    finally:
        victim.write_text(whole)


@pytest.fixture
def sealed(tmp_path):
    """Three records of a real run, as they are written today."""
    shutil.copytree(MUSEUM, tmp_path / "results")
    store = Store(tmp_path / "results")
    for path in list(store.paths()):
        store.write(Record.from_json(json.loads(path.read_bytes())))
    return tmp_path


@pytest.mark.seconds
def test_a_record_with_anything_in_any_place_hides_no_other(sealed):
    for number in range(12):
        survives(sealed, number)


@pytest.mark.soak
def test_eight_hundred_records_with_anything_in_any_place(sealed):
    for number in range(100, 900):
        survives(sealed, number)
