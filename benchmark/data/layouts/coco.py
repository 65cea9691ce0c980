"""COCO's layout: images and one JSON of boxes for each split, as most annotation tools write it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from inkbench.benchmark.api import Config, setting
from inkbench.benchmark.contracts.dataset import SPLITS, Box, Item, Split
from inkbench.benchmark.data.annotations import ends_of, is_coco
from inkbench.benchmark.data.filenames import one_name, without_suffix
from inkbench.benchmark.data.files import folders, texts_in
from inkbench.benchmark.data.named import Finder, below
from inkbench.benchmark.data.reading.boxed_images import BoxedImages
from inkbench.benchmark.data.reading.coco_json import Listed, read_coco
from inkbench.benchmark.data.reading.guessing import GuessedSeries
from inkbench.benchmark.data.splits import SIDECAR, Series, assign, by_prefix, by_series, with_held_out
from inkbench.benchmark.data.units import Units, by_regex, in_folders, settle, split_folders
from inkbench.benchmark.errors import UsageError

_LIST = re.compile(
    r"(?:instances_)?(?P<word>train|valid|validation|val|minival|test|default|all)(?P<year>\d{4})?|instances"
)
_SPLIT: Mapping[str, Split] = {
    "train": "train", "val": "val", "valid": "val", "validation": "val", "minival": "val", "test": "test"
}  # fmt: skip
_WORD = re.compile(r"(?<![a-z])(train|valid|validation|val|minival|test)(?![a-z])")
LABELS = ("panel", "face", "body", "text", "balloon")


class CocoConfig(Config):
    """Choice of the categories that become boxes, and settings that the folder cannot say of itself."""

    panel: tuple[str, ...] = setting(("panel", "frame"), "categories that are panels")
    face: tuple[str, ...] = setting(("face",), "categories that are faces")
    body: tuple[str, ...] = setting(("body", "character"), "categories that are bodies (COCO itself: person)")
    text: tuple[str, ...] = setting(("text",), "categories that are text")
    balloon: tuple[str, ...] = setting(("balloon", "speech balloon"), "categories that are balloons")
    photographs: bool = setting(False, "whether the images are photographs, not comics")


class Coco(GuessedSeries, BoxedImages):
    """The layout of COCO (Lin et al. 2014): ``images``, ``categories`` and ``annotations`` with boxes x, y, w, h.

    Categories go by their names, whatever their numbers; names that are not known here are passed over, crowds are
    left out, and a class counts as annotated where any image has a box of it. The folder of an image's ``file_name`` is
    its series (folders called like splits are splits); without one it is what names share at their beginning, else
    each image (with ``series.json`` images belong to the series that their names begin with). What any list holds out
    is held out as a series where folders say which are; without ``test`` ``val`` is the test split and a tenth of
    ``train`` validation; lists that say no split are split by series. Where nothing else is recognised, or no JSON has
    a name of a list, any JSON that is COCO by its content is one (``result.json``, ``train/_annotations.coco.json``);
    a word for a split in its name or its folder's is its split.
    """

    name = "coco"
    version = 2
    Config = CocoConfig
    licence = "that of your images; COCO: annotations CC BY 4.0, photographs under flickr's terms"
    citation = (
        "Lin, Maire, Belongie, Hays, Perona, Ramanan, Dollár, Zitnick: Microsoft COCO: Common Objects in Context. "
        "ECCV 2014, arXiv 1405.0312"
    )
    homepage = "https://cocodataset.org/"
    layout = (
        "[annotations/]{instances_,}{train,val,test}[YEAR].json or [annotations/]instances.json; the images that they "
        "name, in images/, SPLIT[YEAR]/, images/SPLIT[YEAR]/ or the folder itself"
    )

    def __init__(self, root: Path, config: Any = None) -> None:
        super().__init__(root, config)
        self.photographs = self.config.photographs

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether a JSON with the name of a split speaks of images or annotations."""
        return any(mentions(path, b'"images"') or mentions(path, b'"annotations"') for path in lists_of(root))

    @classmethod
    def accepts(cls, root: Path) -> bool:
        """Return whether there is a JSON with the name of a split, or one that is COCO by its content."""
        return bool(_lists_in(root))

    @classmethod
    def may_be(cls, root: Path) -> bool:
        """Return whether a JSON of any name is COCO by its content."""
        return bool(by_content(root))

    @cached_property
    def _listed(self) -> dict[str, tuple[Path, Listed, Split | None]]:
        """File, entry and split of every image by its id, its file's name without suffix."""
        label_of = {name.lower(): label for label in LABELS for name in getattr(self.config, label)}
        found: dict[str, tuple[Path, Listed, Split | None]] = {}
        finder = Finder()
        for path in _lists_in(self.root):
            split, places = _split_of(path, self.root), _places(self.root, path)
            for image in read_coco(path, label_of, self.warn):
                file = _file(finder, places, image.name, f"{path}: file_name")
                name = without_suffix(one_name(PurePosixPath(image.name.replace("\\", "/")).as_posix()))
                if name in found:
                    raise UsageError(f"{path}: image {name} appears twice, or also in {found[name][2]}")
                found[name] = (file, image, split)
        return found

    @cached_property
    def labels(self) -> frozenset[str]:
        """The classes of which any image has a box."""
        return frozenset(label for _, image, _ in self._listed.values() for label, _, _ in image.boxes)

    @cached_property
    def units(self) -> Units:
        """The series of every image, and the split that its list, or else a folder in its name, gives it."""
        listed = {name: split for name, (_, _, split) in self._listed.items() if split is not None}
        folders, rest = split_folders(self._listed)
        # a tool that keeps all images in images/ names no series by it
        rest = {name: path.removeprefix("images/") for name, path in rest.items()}
        given = listed or ({name: folders.get(name, "train") for name in rest} if folders else {})
        if self.series_from is not None:
            return Units(by_regex(self._listed, self.series_from), "regex", given)
        if self.sidecar is not None:
            return Units(_series_in(self.sidecar, self._listed, self.root), "sidecar", given)
        if self.photographs and not any("/" in path for path in rest.values()):
            return Units({name: name for name in rest}, "image", given)
        series, by = in_folders(rest, bool(given), whole=True)
        return Units(series, by, given)

    @cached_property
    def placed(self) -> dict[str, tuple[str, Series]]:
        """The series of every image, with its split and style."""
        series, given, sidecar = self.units.series, self.units.given, self.sidecar
        if sidecar is not None:
            known = assign(series.values(), self.root)
            for name, split in given.items():
                if known[series[name]].split != split:
                    raise UsageError(
                        f"{self.root}: a list puts {name} into {split}, {SIDECAR} into {known[series[name]].split}"
                    )
            return {name: (of, known[of]) for name, of in series.items()}
        if len(given) < len(series):
            splits = by_series(series.values())
        elif self.units.by in ("name", "image"):
            return settle(self.units, self.root, None, self.warn)
        else:
            splits = with_held_out(self.whole_series(given, series))
        return {name: (of, Series(splits[of])) for name, of in series.items()}

    @cached_property
    def _boxed(self) -> list[Item]:
        items = []
        for name, (file, image, _) in self._listed.items():
            series, of = self.placed[name]
            fits = not image.boxes or self.fits(file, image.size)
            boxes = self.once(self._boxes_of(file, image), f"{file}") if fits else ()
            labels = self.labels if fits else frozenset[str]()
            items.append(Item(name, file, series, of.split, style=of.style, boxes=boxes, labels=labels))
        return items

    def _boxes_of(self, file: Path, image: Listed) -> Iterator[Box]:
        size = self.size_or(file, image.size) if image.boxes else None
        for label, written, where in image.boxes:
            source = where.rpartition(": ")[0]
            corners = self.rules.mended(written, size, f"{where}: box", "sides", source)
            if corners:
                yield Box(label, *corners)

    def boxed(self) -> list[Item]:
        """Return every image that a list names, also without boxes or without its file, in the order of the lists."""
        return self._boxed

    def files(self) -> list[Path]:
        """Return the lists and the images that are there."""
        return [*_lists_in(self.root), *(file for file, _, _ in self._listed.values() if file.is_file())]


def _series_in(sidecar: Mapping[str, Series], names: Iterable[str], root: Path) -> dict[str, str]:
    """Return the series of images in a folder of that name, else the one their names begin with. Raises UsageError."""
    folders = {name: name.partition("/")[0] for name in names if "/" in name and name.partition("/")[0] in sidecar}
    others = {name: PurePosixPath(name).name for name in names if name not in folders}
    begun = by_prefix(others.values(), sidecar, root)
    return {name: folders[name] if name in folders else begun[others[name]] for name in names}


def lists_of(root: Path) -> list[Path]:
    """Return the JSON files that are named like lists of COCO, by split and name."""
    found = [file for folder in (root, root / "annotations") for file in texts_in(folder, ".json")]
    return _ordered((file for file in found if _LIST.fullmatch(file.stem)), root)


def by_content(root: Path) -> list[Path]:
    """Return the JSON files of any name that are COCO by their content, in the folder or one of its folders."""
    found = [file for folder in (root, *folders(root)) for file in texts_in(folder, ".json")]
    return _ordered((file for file in found if is_coco(ends_of(file))), root)


def _lists_in(root: Path) -> list[Path]:
    """Return the lists by their names, or where none has one by their content."""
    return lists_of(root) or by_content(root)


def _ordered(files: Iterable[Path], root: Path) -> list[Path]:
    order = {split: place for place, split in enumerate((*SPLITS, None))}
    return sorted(files, key=lambda file: (order[_split_of(file, root)], file.name, file))


def mentions(path: Path, word: bytes) -> bool:
    """Return whether a file has a word in its first or last 64 KiB; False where it cannot be read (told later)."""
    return word in ends_of(path)


def _split_of(path: Path, root: Path) -> Split | None:
    """Return the split of a list: the word that is its name, or that stands in its name or in that of its folder."""
    match = _LIST.fullmatch(path.stem)
    if match:
        return _SPLIT.get(match["word"] or "")
    above = path.parent.name if path.parent != root else ""
    words = _WORD.findall(path.stem.lower()) or _WORD.findall(above.lower())
    return _SPLIT[words[-1]] if words else None


def _places(root: Path, path: Path) -> list[Path]:
    """Return the folders in which the images of a list may lie, the likeliest first."""
    match = _LIST.fullmatch(path.stem)
    word, year = (match["word"] or "", match["year"] or "") if match else ("", "")
    names = [f"{word}{year}", word] if word else []
    places = ["images", *names, *(f"images/{name}" for name in names), "."]
    found = [folder for place in places if (folder := root / place).is_dir()]
    return found if path.parent in (root, root / "annotations") else [path.parent, *found]


def _file(finder: Finder, places: list[Path], name: str, where: str) -> Path:
    """Return the image of that name in the first folder that has it; where none has, in the first.

    Raises UsageError.
    """
    for place, folder in enumerate(places):
        file = finder.find(folder, name, where)
        if file.is_file():
            places.insert(0, places.pop(place))  # its neighbours most likely lie there too
            return file
    return below(places[0], name, where)
