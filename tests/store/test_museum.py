"""Records and cards of every schema that was ever written: read today, they make the table that they made then.

``tests/museum/SCHEMA/`` is a results folder as it was written, without the folders of a machine, and ``table.json`` the
texts of the table that the inkbench of that day made of it (commits a5158f2, d02992b and c2aa05d).
"""

import json
import shutil
from pathlib import Path

import pytest
from record_files import written

from inkbench.benchmark.cli.verbs import verb_list
from inkbench.benchmark.store.record import SCHEMA, Record
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import build
from inkbench.leaderboards.report.cell_page import card

MUSEUM = Path(__file__).resolve().parents[1] / "museum"
ROOMS = sorted(path.name for path in MUSEUM.iterdir())


@pytest.fixture(params=ROOMS)
def room(request, tmp_path):
    shutil.copytree(MUSEUM / request.param, tmp_path / "results")
    return tmp_path / "results"


def test_every_schema_has_a_room():
    shown = {record["schema"] for room in ROOMS for record in written(MUSEUM / room)}
    assert shown == set(range(1, SCHEMA)), "the records of a schema move in here when the next one is written"


@pytest.mark.seconds
def test_the_table_of_then(room):
    store = Store(room)
    (table,) = build.tables(store, list(store.records()))
    then = json.loads((room / "table.json").read_text())
    now = {row.label: {key: cell.text for key, cell in row.cells.items()} for part in table.blocks for row in part.rows}
    assert table.title == then["title"]
    assert now.keys() == then["rows"].keys()
    for label, cells in then["rows"].items():
        assert {key: now[label].get(key) for key in cells} == cells, label


def test_nothing_that_an_old_record_says_is_lost(room):
    for told in written(room):
        record = Record.from_json(told)
        again = record.to_json()
        assert Record.from_json(json.loads(json.dumps(again))) == record
        for key in ("method", "task", "protocol", "status", "seed", "preset", "metrics", "identity", "settings"):
            assert again[key] == told[key]
        for data in ("data", "pretrain_data"):
            assert (told[data] or {}).items() <= (again[data] or {}).items()


@pytest.mark.seconds
def test_written_anew_they_make_the_same_table(room):
    store = Store(room)
    (before,) = build.tables(store, list(store.records()))
    for record in list(store.records()):
        store.write(record)
    assert {told["schema"] for told in written(room)} == {SCHEMA}
    (after,) = build.tables(store, list(store.records()))
    assert after.blocks == before.blocks


def test_they_are_listed_and_their_cards_found(room, capsys):
    assert verb_list(["runs", "--results", str(room)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(written(room))
    cards = list(room.glob("backbones/*/card.json"))
    pretrained = {record.pretraining: record for record in Store(room).records()}
    for path in cards:
        found = card(Store(room), pretrained[path.parent.name])
        assert found["key"] == path.parent.name
        assert found["curve"]
