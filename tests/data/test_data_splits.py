import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkbench.benchmark.contracts.dataset import Item
from inkbench.benchmark.data.layouts.cifar import Cifar
from inkbench.benchmark.data.layouts.open_mantra import SPLIT, SPLIT_SHA256
from inkbench.benchmark.data.layouts.stl10 import Stl10
from inkbench.benchmark.data.splits import assign, by_series, labelled, read_sidecar, split_sha256, with_held_out
from inkbench.benchmark.errors import UsageError

names = st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=40)


@given(names, st.randoms())
def test_the_order_of_series_does_not_matter(series, random):
    shuffled = list(series)
    random.shuffle(shuffled)
    assert by_series(series) == by_series(shuffled)


@given(names)
def test_shares_and_at_least_one_each_from_three_series_on(series):
    counts = Counter(by_series(series).values())
    if len(series) < 3:
        assert counts["train"] == len(series)
    else:
        assert counts["val"] == counts["test"] == max(1, round(len(series) / 5))
        assert counts["train"] >= 1
        assert sum(counts.values()) == len(series)


def test_a_hundred_series_as_they_always_were():
    """The order is part of every number on a dataset without a split: it must never change."""
    split = by_series(f"series {k}" for k in range(100))
    assert Counter(split.values()) == {"train": 60, "val": 20, "test": 20}
    text = "".join(f"{name}={part};" for name, part in sorted(split.items()))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "5a79236020064ac4"


def test_the_committed_list_of_open_mantra():
    text = "".join(f"{book} {split}\n" for book, split in sorted(SPLIT.items()))
    assert hashlib.sha256(text.encode()).hexdigest() == SPLIT_SHA256
    assert Counter(SPLIT.values()) == {"train": 3, "val": 1, "test": 1}


def test_the_sidecar_decides_and_gives_the_style(tmp_path):
    (tmp_path / "series.json").write_text(json.dumps({"a": {"split": "test", "style": "toon"}, "b": {"split": "val"}}))
    known = assign(["a", "b"], tmp_path, {"a": "train", "b": "train"})
    assert (known["a"].split, known["a"].style) == ("test", "toon")
    assert (known["b"].split, known["b"].style) == ("val", None)


def test_without_a_sidecar_the_layout_decides(tmp_path):
    assert read_sidecar(tmp_path) is None
    assert assign(["a"], tmp_path, {"a": "test"})["a"].split == "test"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "expected"),
        ('{"a": {}}', "series 'a' needs a \"split\""),
        ('{"a": {"split": "dev"}}', "series 'a' needs a \"split\""),
        ('{"a": {"split": "val", "style": "noir"}}', "style 'noir'; there are: toon, realistic"),
        ('{"b": {"split": "val"}}', "does not name a;"),
    ],
)
def test_a_wrong_sidecar_is_refused_in_one_line(tmp_path, text, said):
    (tmp_path / "series.json").write_text(text)
    with pytest.raises(UsageError) as caught:
        assign(["a"], tmp_path)
    assert said in str(caught.value)
    assert "series.json" in str(caught.value)
    assert "\n" not in str(caught.value)


@given(names, st.floats(0.001, 1), st.floats(0.001, 1), st.randoms())
def test_a_share_of_the_labels_is_drawn_once_and_lies_in_every_larger_one(ids, one, other, random):
    items = [Item(name, Path(name), "series", "train") for name in ids]
    less, more = sorted([one, other])
    few, many = labelled(items, less), labelled(items, more)
    assert len(few) == (max(1, round(less * len(ids))) if ids else 0)
    assert set(few) <= set(many)
    random.shuffle(items)
    assert set(labelled(items, less)) == set(few)


def test_the_committed_splits_of_cifar_and_stl10_are_those_that_their_rule_gives():
    """The rule of the readers over the ids of whole copies; a change of either is another split."""
    for cls, train, test in ((Cifar, 50_000, 10_000), (Stl10, 5_000, 8_000)):
        given = {f"train/{k:05d}": "train" for k in range(train)} | {f"test/{k:05d}": "test" for k in range(test)}
        assert split_sha256(with_held_out(given)) == cls.split_sha256
