"""Damaged annotations of every layout: a reader reads them or refuses in one line, and raises nothing else."""

import copy
import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layout_samples import SAMPLES
from pictures_of import write

from inkbench.benchmark import registry
from inkbench.benchmark.contracts.dataset import KINDS, SPLITS
from inkbench.benchmark.data.xmlfile import xml_of
from inkbench.benchmark.errors import UsageError

SETS = {
    "comics": {"text": True},
    "ssupergan": {"windows": "list", "panels": "list", "text": True},
    "stl10": {"fold": 1},
}
TEXT = {".xml", ".svg", ".json", ".csv", ".txt"}
TOKENS = re.compile(rb"[-+.\w]+|[<>\[\]{}\",=/]")
WORDS = [
    b"", b" ", b"0", b"-1", b"1", b"-0.0", b"nan", b"NaN", b"Infinity", b"-inf", b"1e308", b"-1e308", b"1e999",
    b"9" * 30, b"9" * 5_000, b"1" + b"0" * 400, b"null", b"true", b"[]", b"{}", b"x", b"\x00", b"\xff\xfe\x00",
    b"\xed\xa0\x80",
    b"..", b"../../..", b"/etc/passwd", b"a/b/c", b"\\\\", b"\\ud800", b"\\u0000", b"&lt;", b"&a;", b"<a>", b"</book>",
    b"\n", b"\r", b"\t", b",", b",,,", b'"', b"'", "\u0663".encode(), "\u00b2".encode(),
    b"<!DOCTYPE a [<!ENTITY a 'b'>]>",
    b"x" * 300, b"encoding='utf-7'", b"encoding='no-such'",
]  # fmt: skip
VALUES = [
    None, True, False, 0, -1, 1, 10**400, 2**63, 1e308, -1e308, float("nan"), float("inf"), "", "x", "NaN", "a\0b",
    "\ud800", "../../x", "/etc/passwd", "x" * 5_000, "a/" * 600 + "b", ".", "..", [], {}, [[]], [1, 2, 3, 4], {"id": 1},
]  # fmt: skip
WHOLE = [
    b"", b" \n", b"\x00" * 9, b"\xff\xd8\xff\xe0JFIF", b"null", b"[]", b"{}", b"0", b'"x"', b"[" * 50_000,
    b'{"a":' * 50_000, b"<a>" * 50_000, b"<a/>", b"<svg/>", "\ufeff[]".encode(), b"PK\x03\x04", b"x," * 70_000,
    b'"' + b"x" * 140_000,
]  # fmt: skip


def read_all(cls, root: Path) -> bool:
    """Ask a dataset for everything; whether it was read and not refused. Raises whatever is no UsageError."""
    try:
        _ask(cls, root)
    except UsageError as refusal:
        said = str(refusal)
    else:
        return True
    assert "\n" not in said
    assert len(said) < 2_000
    return False


def _ask(cls, root: Path) -> None:
    cls.recognises(root)
    if not cls.accepts(root):
        raise UsageError("not of this layout")
    dataset = cls(root, cls.Config(**SETS.get(cls.name, {})))
    dataset.unpacked = root.parent / "unpacked"
    offers = dataset.offers()
    for kind in (kind for kind in KINDS if kind in offers):
        for item in (item for split in SPLITS for item in dataset.items(kind, split)):
            assert len(str(item.path)) < 4_000
            for box in item.boxes:
                assert box.x0 < box.x1, "no box is inverted, and none has a corner that is not a number"
                assert box.y0 < box.y1
    for of in ("labelled", "segmented", "identities"):
        dataset.classes(of)
    for split in SPLITS:
        dataset.strips(split)
    dataset.fingerprint()
    assert all("\n" not in line for line in dataset.warnings)


@st.composite
def damaged(draw, data: bytes, suffix: str) -> bytes:
    """A file's bytes, damaged in one of three ways: as a whole, in a value of its JSON, or in a few places of it."""
    how = draw(st.integers(0, 9))
    if how == 0:
        return draw(st.sampled_from(WHOLE))
    if suffix == ".json" and how < 6:
        return _in_a_value(draw, json.loads(data))
    for _ in range(draw(st.integers(1, 3))):
        tokens = list(TOKENS.finditer(data)) or [re.match(b"", data)]
        token = tokens[draw(st.integers(0, len(tokens) - 1))]
        other = tokens[draw(st.integers(0, len(tokens) - 1))]
        start, end = token.span()
        kind = draw(st.sampled_from(("word", "word", "bytes", "delete", "cut", "double", "swap")))
        if kind == "word":
            data = data[:start] + draw(st.sampled_from(WORDS)) + data[end:]
        elif kind == "bytes":
            data = data[:start] + draw(st.binary(min_size=1, max_size=4)) + data[end:]
        elif kind == "delete":
            low, high = sorted((start, other.end()))
            data = data[:low] + data[high:]
        elif kind == "cut":
            data = data[:start]
        elif kind == "double":
            low, high = sorted((start, other.end()))
            data = data[:high] + data[low:high] + data[high:]
        else:
            data = data[:start] + other.group() + data[end:]
    return data


def _in_a_value(draw, value) -> bytes:
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 2))):
        at = value
        while True:
            if not isinstance(at, dict | list) or not at:
                break
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            key = keys[draw(st.integers(0, len(keys) - 1))]
            if not isinstance(at[key], dict | list) or not at[key] or draw(st.integers(0, 3)) == 0:
                change = draw(st.integers(0, 5))
                if change == 0:
                    del at[key]
                elif change == 1 and isinstance(at, list):
                    at.append(copy.deepcopy(at[key]))
                elif change == 1:
                    at[draw(st.sampled_from(["", "x", "../x", "a\0", "9" * 300]))] = at.pop(key)
                else:
                    at[key] = copy.deepcopy(draw(st.sampled_from(VALUES)))
                break
            at = at[key]
    return json.dumps(value).encode()


@pytest.mark.parametrize("name", SAMPLES)
def test_a_whole_sample_is_read(name, tmp_path):
    assert read_all(registry.load("datasets", name), SAMPLES[name](tmp_path / "data"))


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.seconds
def test_damaged_text_is_read_or_refused(name, tmp_path):
    cls, root = registry.load("datasets", name), SAMPLES[name](tmp_path / "data")
    # files of a sub-folder are alike but for their names
    kinds = {path if path.parent == root else path.parent: path for path in root.rglob("*") if path.suffix in TEXT}
    originals = {path: path.read_bytes() for path in kinds.values()}

    @settings(
        max_examples=60,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(st.data())
    def attempt(data):
        path = data.draw(st.sampled_from(sorted(originals)))
        path.write_bytes(data.draw(damaged(originals[path], path.suffix)))
        try:
            read_all(cls, root)
        finally:
            path.write_bytes(originals[path])

    attempt()


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><a>&b;</a>',
        '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><a>&a;</a>',
        '<!DOCTYPE a [<!ENTITY % a "ha">]><a/>',
    ],
)
def test_xml_that_declares_entities_is_refused_before_any_is_expanded(tmp_path, text):
    with pytest.raises(UsageError, match="declares an entity"):
        xml_of(write(tmp_path / "a.xml", text))
