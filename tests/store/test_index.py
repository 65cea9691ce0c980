"""The index of the records: what the files say, read once."""

import random
import shutil

import pytest
from leaderboard_records import record, usual

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.store import index
from inkbench.benchmark.store.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results")


def read_files(store, monkeypatch):
    """The names of the files that a call reads."""
    seen, plain = [], Store.record_or_none
    monkeypatch.setattr(
        Store, "record_or_none", lambda self, path, loads: (seen.append(path.stem), plain(self, path, loads))[1]
    )
    index.summaries(store)
    monkeypatch.undo()
    return sorted(seen)


def test_it_says_what_the_records_say(store):
    made = usual(store)
    for _ in range(2):
        assert [one.model_dump() for one in index.summaries(store)] == [
            one.model_dump(include=index.SUMMARY) for one in sorted(made, key=lambda one: one.id)
        ]


def test_only_what_is_new_or_changed_is_read(store, monkeypatch):
    usual(store)
    assert read_files(store, monkeypatch) == ["j0", "r0", "t0"]
    assert read_files(store, monkeypatch) == []
    record(store, "j1", "jigsaw")
    assert read_files(store, monkeypatch) == ["j1"]
    record(store, "j0", "jigsaw", seed=3)
    assert read_files(store, monkeypatch) == ["j0"]
    assert next(one for one in index.summaries(store) if one.id == "j0").seed == 3
    store.record_path("r0").unlink()
    assert [one.id for one in index.summaries(store)] == ["j0", "j1", "t0"]


def damages(data):
    """An index cut, flipped, emptied, or put in another's place, in 120 ways by seed."""
    drawn = random.Random(0)
    for _ in range(40):
        yield data[: drawn.randrange(len(data))]
        place = drawn.randrange(len(data))
        yield data[:place] + bytes([data[place] ^ (1 << drawn.randrange(8))]) + data[place + 1 :]
        place, other = sorted(drawn.sample(range(len(data)), 2))
        yield data[:place] + data[other:]


def test_a_damaged_index_is_told_and_made_again(store, capfd):
    usual(store)
    whole = index.summaries(store)
    path = store.root / "cache" / f"{index.KEY}.sealed"
    data = path.read_bytes()
    for damage in [b"", b"{", b"\xff", *damages(data)]:
        path.write_bytes(damage)
        assert index.summaries(store) == whole
        assert path.read_bytes() == data
        assert capfd.readouterr().err.count(f"{path} is damaged") == 1
    shutil.rmtree(store.root / "cache")
    assert index.summaries(store) == whole


def test_what_is_not_wanted_is_left_out(store):
    usual(store)
    found = index.summaries(
        store, lambda brief: (brief.task, brief.method, brief.changed) == ("saliency", "random", {})
    )
    assert [one.id for one in found] == ["r0"]
    assert len(index.summaries(store)) == 3


def test_files_that_are_no_records_are_told_every_time(store, capsys):
    usual(store)
    store.record_path("r0").write_text("{")
    for _ in range(2):
        assert [one.id for one in index.summaries(store)] == ["j0", "t0"]
        assert "r0.json is not JSON" in capsys.readouterr().err


def test_no_folder_and_a_file_in_its_place(store):
    assert index.summaries(store) == []
    assert not store.root.exists(), "asking writes nothing where there is nothing"
    store.root.write_text("")
    with pytest.raises(UsageError, match="is a file"):
        index.summaries(store)
