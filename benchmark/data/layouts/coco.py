"""COCO's layout: images and one JSON of boxes for each split, as most annotation tools write it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from benchmark.api import Config, setting
from benchmark.data.dataset import SPLITS, Item, Split
from benchmark.data.layouts.boxed_images import BoxedImages
from benchmark.data.layouts.coco_json import Listed, read_coco
from benchmark.data.layouts.guessing import GuessedSeries
from benchmark.data.named import below
from benchmark.data.splits import SIDECAR, Series, assign, by_prefix, by_series, with_held_out
from benchmark.data.units import Units, by_regex, in_folders, settle, split_folders
from benchmark.errors import Refusal

_LIST = re.compile(r"(?:instances_)?(?P<word>train|val|minival|test|default|all)(?P<year>\d{4})?|instances")
_SPLIT: Mapping[str, Split] = {"train": "train", "val": "val", "minival": "val", "test": "test"}
_LOOK = 65_536
LABELS = ("panel", "face", "body", "text", "balloon")


class CocoConfig(Config):
    """Which categories are boxes that this benchmark knows, and what the folder cannot say of itself."""

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
    ``train`` validation; lists that say no split are split by series.
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
        """Whether a JSON with the name of a split speaks of images or annotations."""
        return any(mentions(path, b'"images"') or mentions(path, b'"annotations"') for path in lists_of(root))

    @classmethod
    def accepts(cls, root: Path) -> bool:
        """Whether there is a JSON with the name of a split."""
        return bool(lists_of(root))

    @cached_property
    def _listed(self) -> dict[str, tuple[Path, Listed, Split | None]]:
        """File, entry and split of every image by its id, its file's name without suffix."""
        label_of = {name.lower(): label for label in LABELS for name in getattr(self.config, label)}
        found: dict[str, tuple[Path, Listed, Split | None]] = {}
        for path in lists_of(self.root):
            split, folders = _split_of(path), _folders(self.root, path)
            for image in read_coco(path, label_of, self.warn):
                file = _file(folders, image.name, f"{path}: file_name")
                name = PurePosixPath(image.name.replace("\\", "/")).with_suffix("").as_posix()
                if name in found:
                    raise Refusal(f"{path}: image {name} is there twice, or in {found[name][2]} too")
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
                    raise Refusal(f"{self.root}: a list says {split} for {name}, {SIDECAR} {known[series[name]].split}")
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
            size = self.size_or(file, image.size) if image.boxes else None
            mended = (self.mended(label, corners, size, f"{where}: box") for label, corners, where in image.boxes)
            boxes = tuple(box for box in mended if box)
            items.append(Item(name, file, series, of.split, style=of.style, boxes=boxes, labels=self.labels))
        return items

    def boxed(self) -> list[Item]:
        """Every image that a list names, also without boxes or without its file, in the order of the lists."""
        return self._boxed

    def files(self) -> list[Path]:
        """The lists and the images that are there."""
        return [*lists_of(self.root), *(file for file, _, _ in self._listed.values() if file.is_file())]


def _series_in(sidecar: Mapping[str, Series], names: Iterable[str], root: Path) -> dict[str, str]:
    """The series of images in a folder of that name, of others the one that their names begin with. Raises Refusal."""
    folders = {name: name.partition("/")[0] for name in names if "/" in name and name.partition("/")[0] in sidecar}
    others = {name: PurePosixPath(name).name for name in names if name not in folders}
    begun = by_prefix(others.values(), sidecar, root)
    return {name: folders[name] if name in folders else begun[others[name]] for name in names}


def lists_of(root: Path) -> list[Path]:
    """The JSON files that are named like lists of COCO, by split and name."""
    found = [file for folder in (root, root / "annotations") if folder.is_dir() for file in folder.glob("*.json")]
    order = {split: place for place, split in enumerate((*SPLITS, None))}
    named = [file for file in found if _LIST.fullmatch(file.stem) and file.is_file()]
    return sorted(named, key=lambda file: (order[_split_of(file)], file.name))


def mentions(path: Path, word: bytes) -> bool:
    """Whether a file has a word in its first or last 64 KiB; False for one that cannot be read, which is said later."""
    try:
        with path.open("rb") as file:
            head = file.read(_LOOK)
            file.seek(max(path.stat().st_size - _LOOK, 0))
            return word in head or word in file.read(_LOOK)
    except OSError:
        return False


def _split_of(path: Path) -> Split | None:
    match = _LIST.fullmatch(path.stem)
    return _SPLIT.get(match["word"] or "") if match else None


def _folders(root: Path, path: Path) -> list[Path]:
    """Where the images of a list may lie, the likeliest first."""
    match = _LIST.fullmatch(path.stem)
    word, year = (match["word"] or "", match["year"] or "") if match else ("", "")
    names = [f"{word}{year}", word] if word else []
    places = ["images", *names, *(f"images/{name}" for name in names), "."]
    return [folder for place in places if (folder := root / place).is_dir()]


def _file(folders: list[Path], name: str, where: str) -> Path:
    """The image of that name in the first folder that has it; where none has, in the first. Raises Refusal."""
    for place, folder in enumerate(folders):
        file = below(folder, name, where)
        if file.is_file():
            folders.insert(0, folders.pop(place))  # its neighbours most likely lie there too
            return file
    return below(folders[0], name, where)
