"""The unit of the statistics: which images are one series, as a person says it, or guessed from folders and names."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from inkbench.benchmark.contracts.dataset import SeriesBy, Split
from inkbench.benchmark.data.splits import SIDECAR, Series, assign, by_series, few, with_held_out_series
from inkbench.benchmark.errors import UsageError, plural

TOLD: Mapping[SeriesBy, str] = {
    "sidecar": "as series.json says",
    "regex": "as --series-from or dataset.toml says",
    "layout": "as the layout says",
    "folder": "guessed from folders",
    "name": "guessed from the images' names",
    "image": "every image counts as its own series",
}
"""The ways in which series are found, in words."""
GUESSED: tuple[SeriesBy, ...] = ("folder", "name", "image")
MEND = "define the series of images with --series-from REGEX or in series.json"

_SPLIT = re.compile(
    r"(?:(train|training)|(val|valid|validation|dev|minival)|(test|testing))(?:[_-]?set)?(?:[_-]?\d{4})?"
)
_GENERIC = frozenset({
    "data", "dsc", "dscn", "file", "frame", "im", "image", "images", "img", "imgs", "jpeg", "jpg", "no", "nr", "p",
    "page", "pages", "panel", "panels", "pg", "photo", "photos", "pic", "pics", "picture", "png", "pxl", "raw",
    "sample", "samples", "scan", "scans", "screenshot", "untitled", "x",
})  # fmt: skip
"""Words that names begin with whatever they show."""
_TOKEN = re.compile(r"[^\W_]+")
_TAIL = re.compile(r"\d+$")


@dataclass(frozen=True, slots=True)
class Units:
    """The series of every image by its name, how it was found, and the split of those whose folder says one."""

    series: Mapping[str, str]
    by: SeriesBy
    given: Mapping[str, Split]


def split_word(folder: str) -> Split | None:
    """Return the split that a folder's name says: ``train``, ``Valid``, ``test2017``; None where it says none."""
    match = _SPLIT.fullmatch(folder.lower())
    if match is None:
        return None
    return "train" if match[1] else "val" if match[2] else "test"


def split_folders(names: Collection[str]) -> tuple[dict[str, Split], dict[str, str]]:
    """Return the split of images whose folders say one, and every name without that folder.

    Names are paths with slashes. Folders say splits on the first level on which two or more splits are named, or on
    which all folders are called like splits; ``train/SERIES/...`` and ``SERIES/train/...`` alike.
    """
    parts = {name: name.split("/") for name in names}
    level = _split_level({tuple(of[:-1]) for of in parts.values()})
    if level is None:
        return {}, {name: name for name in names}
    given: dict[str, Split] = {}
    rest = {}
    for name, of in parts.items():
        split = split_word(of[level]) if len(of) > level + 1 else None
        if split is not None:
            given[name] = split
        rest[name] = name if split is None else "/".join((*of[:level], *of[level + 1 :]))
    return given, rest


def _split_level(folders: Collection[tuple[str, ...]]) -> int | None:
    for level in range(max(map(len, folders), default=0)):
        words = {split_word(of[level]) for of in folders if len(of) > level}
        told = words - {None}
        if len(told) > 1 or (told and None not in words):
            return level
    return None


def by_regex(names: Iterable[str], regex: str) -> dict[str, str]:
    """Find each name's series by a regular expression: its group ``series``, its first group, or all of it.

    Raises UsageError for an expression that is none, and for names in which it finds nothing.
    """
    try:
        pattern = re.compile(regex)
    except re.error as error:
        raise UsageError(f"--series-from {regex!r} is not a regular expression: {error}") from None
    found, without = {}, []
    for name in names:
        match = pattern.search(name)
        series = match and (match.groupdict().get("series") or (match[1] if pattern.groups else match[0]))
        if series:
            found[name] = series
        else:
            without.append(name)
    if without:
        raise UsageError(f"--series-from {regex!r} finds no series in {plural(len(without), 'name')}: {few(without)}")
    return found


def by_stem(texts: Mapping[str, str], generic: Collection[str] = (), given: bool = False) -> dict[str, str] | None:
    """Find series by a shared beginning of file names (``c00000_p000`` -> ``c00000``); None where there is none.

    ``texts`` has the text to look at for each name. The shortest beginning is taken that tells three series or more
    apart and has several images in some of them: pages and panels count at the end of a name. Words that say nothing
    (``page``, a split's name, those of ``generic``) tell no series apart. Without three, two or one beginning of all
    images are that many series; one is not where the splits of the images are ``given``.
    """
    beginnings = {name: [*_beginnings(text, generic), name] for name, text in texts.items()}
    levels = range(max(map(len, beginnings.values()), default=0))
    found = [{name: of[min(level, len(of) - 1)] for name, of in beginnings.items()} for level in levels]
    counts = [len(set(of.values())) for of in found]
    for least in (3, 2):
        for of, count in zip(found, counts, strict=True):
            if least <= count < len(of):
                return of
    one = [of for of, count in zip(found, counts, strict=True) if count == 1 < len(of)]
    return one[-1] if one and not given and _tells(next(iter(one[-1].values())), generic) else None


def _beginnings(text: str, generic: Collection[str]) -> list[str]:
    """Return the beginnings of a file's name that may be its series, from short to long; not the whole name."""
    tokens = list(_TOKEN.finditer(text))
    if not tokens:
        return []
    found = [text[: token.end()] for token in tokens[:-1] if _tells(text[: token.end()], generic, numbers=True)]
    last = tokens[-1]
    head = text[: last.start()] + _TAIL.sub("", last[0])
    word = _TAIL.sub("", last[0])
    if 1 < len(word) < len(last[0]) and _tells(word, generic):
        found.append(head)
    return found


def _tells(text: str, generic: Collection[str], numbers: bool = False) -> bool:
    """Return whether any word of a text says what it is of; with ``numbers`` also whether any word has a number."""
    words = [token[0].lower() for token in _TOKEN.finditer(text)]
    telling = [word for word in words if split_word(word) is None and word not in generic]
    return any(
        (numbers and _TAIL.search(word)) or (_TAIL.sub("", word) and _TAIL.sub("", word) not in _GENERIC)
        for word in telling
    )


def in_sidecar(names: Iterable[str], sidecar: Mapping[str, Series], root: Path) -> dict[str, str]:
    """Return the series of ``series.json`` that each name lies in a folder of, or that its file's name begins with.

    Raises UsageError where the sidecar names none.
    """
    found, missing = {}, []
    for name in names:
        *folders, stem = name.split("/")
        begun = [series for series in sidecar if stem == series or stem.startswith((f"{series}_", f"{series}-"))]
        choice = next((folder for folder in folders if folder in sidecar), max(begun, key=len, default=None))
        if choice is None:
            missing.append(folders[0] if folders else stem)
        else:
            found[name] = choice
    if missing:
        raise UsageError(
            f"{root / SIDECAR} does not name {few(sorted(set(missing)))}; add a split for each series of the folder"
        )
    return found


def in_folders(rest: Mapping[str, str], given: bool, whole: bool = False) -> tuple[dict[str, str], SeriesBy]:
    """Return the series of images by the first folder that they lie in, of those that lie in none by their names.

    ``rest`` is the path of each image without the folder of its split. Folders that hold all images and are called
    like ``images`` say nothing. With ``whole`` all folders of a path together are the series.
    """
    inner = _without_common_folders(rest)
    flat = {name: path for name, path in inner.items() if "/" not in path}
    folders = {name: path.rpartition("/")[0] for name, path in inner.items() if name not in flat}
    found = {name: of if whole else of.split("/")[0] for name, of in folders.items()}
    stems = by_stem(flat, given=given)
    by: SeriesBy = "folder" if found else "name" if stems else "image"
    return {**found, **(stems or {name: name for name in flat})}, by


def _without_common_folders(paths: Mapping[str, str]) -> dict[str, str]:
    """Return every path without the folders in which all lie and whose names say nothing."""
    parts = {name: path.split("/") for name, path in paths.items()}
    depth = 0
    while True:
        here = {of[depth] if len(of) > depth + 1 else "" for of in parts.values()}
        if len(here) != 1 or next(iter(here)).lower() not in _GENERIC:
            return {name: "/".join(of[depth:]) for name, of in parts.items()}
        depth += 1


def settle(
    units: Units, root: Path, sidecar: Mapping[str, Series] | None, warn: Callable[[str], None]
) -> dict[str, tuple[str, Series]]:
    """Settle series, split and style of every image: splits by the sidecar, else by folders and lists, else made.

    What folders say of single images is kept where it cuts series, and told through ``warn``.
    Raises UsageError where the
    sidecar leaves out a series.
    """
    series, given = units.series, units.given
    if sidecar is not None:
        known = assign(series.values(), root)
        if other := [name for name, split in given.items() if known[series[name]].split != split]:
            warn(f"{SIDECAR} contradicts the folders of {plural(len(other), 'image')}: {few(other)}; it is followed")
        return {name: (of, known[of]) for name, of in series.items()}
    if not given:
        made = by_series(series.values())
        return {name: (of, Series(made[of])) for name, of in series.items()}
    if beside := [name for name in series if name not in given]:
        warn(f"{plural(len(beside), 'image')} outside the split folders used for training: {few(beside)}")
    whole: dict[str, Split] = {name: given.get(name, "train") for name in series}
    splits = with_held_out_series(whole, series)
    if cut := cut_series((series[name], split) for name, split in splits.items()):
        warn(
            f"{len(cut)} series are in several splits, as the folders or lists say: {few(cut)}; test results include "
            "series seen in training"
        )
    return {name: (of, Series(splits[name])) for name, of in series.items()}


def cut_series(placed: Iterable[tuple[str, Split]]) -> list[str]:
    """Return the series that are in several splits, sorted, from the series and split of every image."""
    found: dict[str, set[Split]] = {}
    for series, split in placed:
        found.setdefault(series, set()).add(split)
    return sorted(series for series, splits in found.items() if len(splits) > 1)
