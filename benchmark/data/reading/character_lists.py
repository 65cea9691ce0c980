"""The lists of comic_char_reid: instances by their names, sequences of panels, the boxes' file; how a face is cut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from inkbench.benchmark.contracts.dataset import SPLITS, Box, Split
from inkbench.benchmark.data.boxes import Corners
from inkbench.benchmark.data.csvfile import table_of
from inkbench.benchmark.data.filenames import one_name
from inkbench.benchmark.data.jsonfile import expect, field, json_of
from inkbench.benchmark.data.texts import number
from inkbench.benchmark.errors import UsageError, brief

SEQUENCE_PREFIX: dict[Split, str] = {"train": "train", "val": "validation", "test": "test"}
FACE_SCALE = 1.2
INSTANCE = re.compile(
    r"(?P<series>[^/\\\0]{1,200})_(?P<page>\d{1,9})_(?P<panel>\d{1,9})_(?P<kind>face|body)_(?P<index>\d{1,9})"
)
COLUMNS = ("series_id", "page_id", "type", "index", "char_index", "x_0", "y_0", "x1", "y_1")


@dataclass(frozen=True, slots=True)
class Instance:
    """One appearance of a character: its face or body as a file of its own, or as the rectangle ``crop`` of a panel.

    ``panel`` is the id of the panel item, ``<series>/<page>_<panel>``. Identities are relative: two characters are
    known to differ only where one sequence names both.
    """

    id: str
    path: Path
    kind: Literal["face", "body"]
    identity: str
    series: str
    panel: str
    split: Split
    style: str | None = None
    crop: tuple[int, int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class PanelSequence:
    """Consecutive panels and who appears in them: character -> its (face, body) instance ids, either may be missing."""

    id: str
    panels: tuple[str, ...]
    series: str
    split: Split
    characters: dict[str, tuple[tuple[str | None, str | None], ...]]


class Row(NamedTuple):
    """A line of ``merged_face_body.csv``: its number, the box, and which character of its panel it says this is."""

    line: int
    box: Box
    character: str


def read_listed(root: Path) -> dict[str, tuple[Split, str]]:
    """Read split and identity of every instance that the lists of characters name. Raises UsageError."""
    found: dict[str, tuple[Split, str]] = {}
    for split in SPLITS:
        for part in ("faces", "bodies"):
            path = root / f"{split}_char_{part}.json"
            for identity, ids in json_of(path, dict).items() if path.is_file() else ():
                where = f"{path}: character {identity[:80]}"
                for text in expect(ids, list, where):
                    name = one_name(expect(text, str, where))
                    if not INSTANCE.fullmatch(name):
                        raise UsageError(f"{where}: {brief(name)} is not SERIES_PAGE_PANEL_face|body_K")
                    if found.setdefault(name, (split, identity)) != (split, identity):
                        raise UsageError(f"{where}: {name} also belongs to {found[name][1][:80]} of {found[name][0]}")
    return found


def sequence_entries(root: Path) -> Iterator[tuple[Path, Split, Any]]:
    """Yield every entry of the lists of sequences with its file and split. Raises UsageError."""
    for split, prefix in SEQUENCE_PREFIX.items():
        path = root / f"{prefix}_sequences.json"
        for entry in json_of(path, list) if path.is_file() else ():
            yield path, split, entry


def read_boxes(path: Path, known: Mapping[str, tuple[Split, str]]) -> dict[str, Row]:
    """Read every face and body by its instance id; empty where there is no file. Raises UsageError.

    ``known`` is what ``read_listed`` gives.
    """
    if not path.is_file():
        return {}
    found = {}
    for line, row in table_of(path, COLUMNS, hint=" ('x1' has no underscore)"):
        name = one_name(f"{row['series_id']}_{row['page_id']}_{row['type']}_{row['index']}")
        if row["type"] not in ("face", "body"):
            raise UsageError(f"{path}:{line}: type {brief(row['type'])} is neither face nor body")
        if not INSTANCE.fullmatch(name):
            raise UsageError(f"{path}:{line}: series_id, page_id and index are not SERIES, PAGE_PANEL and K")
        x0, y0, x1, y1 = (number(path, line, row[column], column) for column in ("x_0", "y_0", "x1", "y_1"))
        identity = known[name][1] if name in known else None
        found[name] = Row(line, Box(row["type"], x0, y0, x1, y1, identity), row["char_index"])
    return found


def face_square(box: Corners, size: tuple[int, int] | None = None) -> tuple[int, int, int, int]:
    """Return a face's square: scaled by 1.2 about its centre, the shorter side grown, in whole pixels.

    Pixels are cut towards zero as the authors do; with the ``size`` (width, height) of the panel the square is
    clamped to it, which the authors do not.
    """
    x0, y0, x1, y1 = box
    half = FACE_SCALE * max(x1 - x0, y1 - y0) / 2
    middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2
    exact = (middle_x - half, middle_y - half, middle_x + half, middle_y + half)
    left, top, right, bottom = (int(value) for value in exact)
    if size is None:
        return left, top, right, bottom
    return max(left, 0), max(top, 0), min(right, size[0]), min(bottom, size[1])


def named(name: str) -> dict[str, str]:
    """Parse the name of an instance: series, page, panel, kind, index."""
    match = INSTANCE.fullmatch(name)
    assert match is not None, name
    return match.groupdict()


def _half(instance: Any, part: str, where: str) -> str | None:
    """Return the id of the face or body of an instance of a sequence, None where it has none. Raises UsageError."""
    name = instance.get(part)
    return None if name is None else one_name(expect(name, str, f"{where}: '{part}'"))


def sequence_series(name: str) -> str:
    """Return the series of ``<series>_<page>_<panel>+...``."""
    return name.partition("+")[0].rsplit("_", 2)[0]


def characters_of(entry: Any, where: str) -> dict[str, tuple[tuple[str | None, str | None], ...]]:
    """Return the characters of a list's sequence, each with the (face, body) ids it has. Raises UsageError."""
    characters: dict[str, tuple[tuple[str | None, str | None], ...]] = {}
    for annotation in field(entry, "annotations", list, where):
        seen = [expect(one, dict, where) for one in field(annotation, "charInstances", list, where)]
        pairs = tuple((_half(one, "face", where), _half(one, "body", where)) for one in seen)
        characters[str(annotation.get("charId"))] = pairs
    return characters


def by_panel(boxes: Mapping[str, Row]) -> dict[str, list[Row]]:
    """Group boxes, given by instance id, by panel item."""
    found: dict[str, list[Row]] = {}
    for name, entry in boxes.items():
        series, page, panel = name.rsplit("_", 4)[:3]
        found.setdefault(f"{series}/{page}_{panel}", []).append(entry)
    return found


def strips_by_instance(sequences: Iterable[PanelSequence]) -> dict[str, list[str]]:
    """Return the sequences that name each instance."""
    found: dict[str, list[str]] = {}
    for sequence in sequences:
        for pairs in sequence.characters.values():
            for name in sorted({name for pair in pairs for name in pair if name}):
                found.setdefault(name, []).append(sequence.id)
    return found
