"""The card of a backbone lies in a folder named by the hash of what it says; anything else is no card."""

import contextlib
import json
import random
import shutil
from pathlib import Path

import pytest
from safetensors.numpy import save

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.running.cards import Cards, read_card
from inkbench.benchmark.running.export.folder import Wanted, export
from inkbench.benchmark.running.weights import _found
from inkbench.benchmark.store.files import checksum, key_of
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store

MUSEUM = Path(__file__).resolve().parents[1] / "museum" / "schema-3"


@pytest.fixture
def store(tmp_path):
    """A results folder with a backbone whose weights are a few numbers."""
    shutil.copytree(MUSEUM, tmp_path / "results")
    (card,) = (tmp_path / "results").glob("backbones/*/card.json")
    weights = save({})
    card.with_name("weights.safetensors").write_bytes(weights)
    rewrite(card, sha256=checksum(weights))
    return Store(tmp_path / "results")


def rewrite(card, **changes):
    card.write_text(json.dumps({**json.loads(card.read_bytes()), **changes}))


def of(store):
    (card,) = store.root.glob("backbones/*/card.json")
    return card


def test_a_folder_under_the_name_of_another_pretraining_is_not_used(store, capsys):
    weights = of(store).with_name("weights.safetensors")
    assert _found(weights)
    other = weights.parent.with_name("0" * 20)
    weights.parent.rename(other)
    assert not _found(other / weights.name)
    assert "its card is that of another pretraining" in capsys.readouterr().err
    assert (store.root / "damaged" / other.name / "card.json").is_file()


def test_what_a_record_says_otherwise_than_the_card_is_found(store):
    record = next(one for one in store.records() if one.pretraining)
    rewrite(of(store), sha256=record.weights_sha256)
    of(store).with_name("weights.safetensors").unlink()
    assert list(Cards(store).findings(record)) == []
    for change, said in (
        ({"method": "simclr"}, "says method 'simclr', the card of its pretraining 'jigsaw'"),
        ({"seed": 4}, "says seed 4, the card of its pretraining 0"),
        ({"images_seen": 9}, "has another images_seen than the card of its pretraining"),
        ({"pretext": None}, "has another pretext than the card of its pretraining"),
    ):
        assert said in list(Cards(store).findings(record.but(**change)))


def _is_refused(card):
    try:
        read_card(card)
    except ValueError:
        return True
    return False


def test_a_card_that_says_anything_else_is_named_and_ends_nothing(store, tmp_path, capsys):
    card = of(store)
    whole = json.loads(card.read_bytes())
    draw = random.Random(0)
    refused = 0
    for key in (*whole, *whole["identity"]):
        told = json.loads(json.dumps(whole))
        owner = told if key in whole else told["identity"]
        owner[key] = draw.choice([None, [], {}, "x", -1, "../../../x", {"a": {"b": 1}}, "a" * 999])
        card.write_text(json.dumps(told))
        refused += _is_refused(card)
        with contextlib.suppress(UsageError):
            export(store, "jigsaw", Wanted(tmp_path / f"out-{key}"))
    assert refused > len(whole["identity"]), "another identity is another key"
    told = capsys.readouterr().err.splitlines()
    assert len(told) == refused
    assert all("is damaged" in line for line in told)


def test_a_card_of_before_is_read(store):
    for room in ("schema-1-last", "schema-2", "schema-3"):
        (card,) = (MUSEUM.parent / room).glob("backbones/*/card.json")
        assert key_of(read_card(card)["identity"]) == card.parent.name


def test_a_record_knows_the_identity_of_its_pretraining(first_run):
    records = [Record.from_json(json.loads(path.read_bytes())) for path in first_run[1].glob("cells/*/*.json")]
    (record,) = [one for one in records if one.pretraining]
    assert record.pretrained == read_card(of(Store(first_run[1])))["identity"]
