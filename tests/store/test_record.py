"""The record: what one holds, what is refused, and that its file says it all."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from record_files import data_used, made, written

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.store.proof import checksum_of
from inkbench.benchmark.store.record import SCHEMA, Record
from inkbench.benchmark.store.store import Store

FIGURE = {"value": 0.5, "unit": "", "direction": "max", "n": 3, "version": 1}
DONE = made("ab", metrics={"cc": FIGURE})
TEXT = st.text(max_size=8)
SETTINGS = st.dictionaries(
    TEXT, st.none() | st.booleans() | st.integers() | TEXT | st.lists(TEXT, max_size=2), max_size=3
)


@settings(deadline=None)
@given(
    changed=SETTINGS,
    task=SETTINGS,
    value=st.floats(allow_nan=False, allow_infinity=False),
    notes=st.lists(TEXT, max_size=2),
    seed=st.integers(0, 2**31),
)
def test_what_is_written_is_read_back_equal(changed, task, value, notes, seed):
    record = DONE.but(
        changed=changed, settings={"task": task}, metrics={"cc": {**FIGURE, "value": value}}, notes=notes, seed=seed
    )
    assert Record.from_json(json.loads(json.dumps(record.to_json()))) == record


def test_a_file_says_what_was_filled_and_no_more(tmp_path):
    Store(tmp_path).write(DONE)
    (told,) = written(tmp_path)
    assert told["schema"] == SCHEMA
    assert told["checksum"] == checksum_of(told)
    assert "leaks" not in told
    assert "reason" not in told
    assert told["metrics"] == {"cc": FIGURE}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"data": "synth"}, "has no usable data"),
        ({"data": {"id": "synth"}}, "lacks data.fingerprint"),
        ({"metrics": {}}, "is done but lacks its primary metric cc"),
        ({"metrics": {"cc": {**FIGURE, "value": "high"}}}, "has no usable metrics.cc.value"),
        ({"metrics": {"cc": {**FIGURE, "value": float("inf")}}}, "has no finite metrics.cc.value"),
        ({"metrics": {"cc": {"value": 1.0}}}, "lacks metrics.cc.direction"),
        ({"status": "failed"}, "is failed but gives no reason"),
        ({"status": "over"}, "has no usable status"),
        ({"phases": None}, "has no usable phases"),
        ({"backbone": {"side": 8}}, "lacks backbone.name"),
        ({"flavour": 1}, "has the unknown key flavour"),
        ({"schema": SCHEMA + 1}, f"is no record of a schema from 1 to {SCHEMA}"),
        ({"schema": None}, "is no record of a schema"),
    ],
)
def test_what_is_no_record_is_told_in_words(tmp_path, capsys, change, said):
    store = Store(tmp_path)
    store.write(DONE)
    store.record_path("ab").write_text(json.dumps({**DONE.to_json(), **change}))
    assert list(store.records()) == []
    assert said in store.left_out["ab"]
    (told,) = capsys.readouterr().err.splitlines()
    assert f"ab.json {store.left_out['ab']}; move it away and repeat the run" in told
    with pytest.raises(UsageError, match="move it away"):
        store.find("a")


def test_a_record_under_another_name_is_refused(tmp_path):
    store = Store(tmp_path)
    store.write(DONE)
    store.record_path("ab").rename(store.record_path("ab").with_name("ac.json"))
    with pytest.raises(UsageError, match="is the record of ab"):
        store.find("ac")


def test_nothing_of_a_record_is_changed_in_place():
    with pytest.raises(ValidationError):
        DONE.seed = 3
    assert DONE.but(seed=3).seed == 3
    assert DONE.seed == 0


def test_what_is_only_planned_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="only planned"):
        Store(tmp_path).write(DONE.but(status="planned"))
    assert not list(tmp_path.iterdir())


def test_settings_go_by_the_names_that_set_has_for_them():
    record = DONE.but(
        method="jigsaw",
        settings={"method": {"gap": True}, "task": {"side": 8}, "pretrain": {"images": 9}},
        data=data_used("own", layout="ai4va", settings={"series_from": ""}),
    )
    assert record.rooms() == {
        "jigsaw": {"gap": True},
        "saliency": {"side": 8},
        "pretrain": {"images": 9},
        "ai4va": {"series_from": ""},
    }
