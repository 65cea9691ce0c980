"""Annotations of every layout damaged at random, and everything that a reader can be asked for."""

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path

from inkbench.benchmark.contracts.dataset import KINDS, SPLITS
from inkbench.benchmark.errors import UsageError

Pick = Callable[[int, int], int]
"""Gives a whole number from the first to the second."""
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


def texts_of(root: Path) -> list[Path]:
    """One text file of each folder below a dataset, all of its own: files of a sub-folder are alike but for names."""
    kinds = {path if path.parent == root else path.parent: path for path in root.rglob("*") if path.suffix in TEXT}
    return sorted(kinds.values())


def damaged(pick: Pick, data: bytes, suffix: str) -> bytes:
    """A file's bytes, damaged in one of three ways: as a whole, in a value of its JSON, or in a few places of it."""
    how = pick(0, 9)
    if how == 0:
        return WHOLE[pick(0, len(WHOLE) - 1)]
    if suffix == ".json" and how < 6:
        return _in_a_value(pick, json.loads(data))
    for _ in range(pick(1, 3)):
        data = _in_a_place(pick, data)
    return data


def _in_a_place(pick: Pick, data: bytes) -> bytes:
    tokens = list(TOKENS.finditer(data)) or [re.match(b"", data)]
    token, other = tokens[pick(0, len(tokens) - 1)], tokens[pick(0, len(tokens) - 1)]
    (start, end), (low, high) = token.span(), sorted((token.start(), other.end()))
    kind = ("word", "word", "bytes", "delete", "cut", "double", "swap")[pick(0, 6)]
    if kind == "word":
        return data[:start] + WORDS[pick(0, len(WORDS) - 1)] + data[end:]
    if kind == "bytes":
        return data[:start] + bytes(pick(0, 255) for _ in range(pick(1, 4))) + data[end:]
    if kind == "delete":
        return data[:low] + data[high:]
    if kind == "cut":
        return data[:start]
    if kind == "double":
        return data[:high] + data[low:high] + data[high:]
    return data[:start] + other.group() + data[end:]


def _in_a_value(pick: Pick, value) -> bytes:
    value = copy.deepcopy(value)
    for _ in range(pick(1, 2)):
        at = value
        while isinstance(at, dict | list) and at:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            key = keys[pick(0, len(keys) - 1)]
            if isinstance(at[key], dict | list) and at[key] and pick(0, 3):
                at = at[key]
                continue
            change = pick(0, 5)
            if change == 0:
                del at[key]
            elif change == 1 and isinstance(at, list):
                at.append(copy.deepcopy(at[key]))
            elif change == 1:
                at[["", "x", "../x", "a\0", "9" * 300][pick(0, 4)]] = at.pop(key)
            else:
                at[key] = copy.deepcopy(VALUES[pick(0, len(VALUES) - 1)])
            break
    return json.dumps(value).encode()
