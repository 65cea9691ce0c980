"""A folder per class: train/CLASS/NAME.jpg beside val/ and test/, as torchvision's ImageFolder has it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from inkbench.benchmark.api import Config, setting
from inkbench.benchmark.contracts.dataset import SPLITS, Item, Kind, Split
from inkbench.benchmark.data.filenames import one_name
from inkbench.benchmark.data.files import folders, images_below, name_of, stem_of
from inkbench.benchmark.data.reading.guessing import GuessedSeries
from inkbench.benchmark.data.splits import SIDECAR, Series, assign, few
from inkbench.benchmark.data.units import Units, settle, split_word
from inkbench.benchmark.errors import UsageError, plural


class ImagefolderConfig(Config):
    """Settings that the folder cannot say of itself."""

    photographs: bool = setting(False, "whether the images are photographs, not comics")


class Imagefolder(GuessedSeries):
    """The layout that most labelled sets of images are kept in: a folder per split, in it a folder per class.

    Classes are the folders' names in alphabetical order. Without ``test`` the folder ``val`` is the test split; without
    ``val`` a tenth of ``train`` is the validation split. A folder of class folders without splits, which is not
    recognised by itself (its sub-folders could be series), is split 60 : 20 : 20 by the images' names. With
    ``series.json`` images belong to the series that their names begin with; else each is a series of its own, or, where
    no folder says a split, what names share at their beginning is one.
    """

    name = "imagefolder"
    version = 2
    Config = ImagefolderConfig
    whole = frozenset({"labelled", "panels"})
    licence = "that of your images"
    citation = ""
    homepage = "https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.ImageFolder.html"
    layout = "train/CLASS/NAME.jpg [val/CLASS/NAME.jpg] [test/CLASS/NAME.jpg], or as imagefolder:PATH: CLASS/NAME.jpg"
    specific = 1

    def __init__(self, root: Path, config: Any = None) -> None:
        super().__init__(root, config)
        self.photographs = self.config.photographs

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether ``train`` holds class folders with images, beside another split."""
        splits = _split_folders(root)
        return len(splits) > 1 and any(_class_folders(folder) for folder in splits.get("train", ()))

    @classmethod
    def accepts(cls, root: Path) -> bool:
        """Return whether there are class folders with images, in ``train`` or at once."""
        return _class_folders(root)

    def offers(self) -> frozenset[str]:
        """Return labelled images, and all of them as panels for pretraining."""
        return frozenset({"labelled", "panels"})

    @cached_property
    def _images(self) -> dict[str, tuple[Path, str, Split | None]]:
        """File, class and split of every image by its id, the path below the folder without suffix."""
        found: dict[str, tuple[Path, str, Split | None]] = {}
        splits = _split_folders(self.root)
        if not any(_class_folders(folder) for folder in splits.get("train", ())):
            for folder in folders(self.root):
                self._add(found, folder, None)
            return found
        for split in SPLITS:
            here = splits.get(split, [])
            if len(here) > 1:
                raise UsageError(f"{self.root} has {' and '.join(path.name for path in here)}; keep one of them")
            for folder in folders(here[0]) if here else ():
                self._add(found, folder, split)
            if here and not any(of == split for _, _, of in found.values()):
                self.warn(f"{here[0]} left out: it has no class folders with images")
        return found

    def _add(self, found: dict[str, tuple[Path, str, Split | None]], folder: Path, split: Split | None) -> None:
        for file in images_below(folder):
            name = one_name(file.relative_to(self.root).with_suffix("").as_posix())
            if name in found:
                raise UsageError(f"{file.parent} contains both {found[name][0].name} and {file.name}; keep one of them")
            found[name] = (file, name_of(folder), split)

    @cached_property
    def units(self) -> Units:
        """The series of every image, and the split whose folder it lies in.

        Names that share no more than their class tell no series.
        """
        given = {name: split for name, (_, _, split) in self._images.items() if split is not None}
        stems = {name: stem_of(file) for name, (file, _, _) in self._images.items()}
        class_of = {name: label for name, (_, label, _) in self._images.items()}
        found = self.units_by_name(stems, given, {word.lower() for word in class_of.values()})
        if found.by == "name" and (given or len(set(found.series.values())) <= len(set(class_of.values()))):
            return Units({name: name for name in stems}, "image", given)
        return found

    @cached_property
    def placed(self) -> dict[str, tuple[str, Series]]:
        """The series of every image, with its split and style."""
        series, given, sidecar = self.units.series, self.units.given, self.sidecar
        if sidecar is not None:
            known = assign(series.values(), self.root)
            for name, split in given.items():
                if known[series[name]].split != split:
                    raise UsageError(f"{self.root}/{name} is in {split}, {SIDECAR} says {known[series[name]].split}")
            return {name: (of, known[of]) for name, of in series.items()}
        return settle(self.units, self.root, None, self.warn)

    def classes(self, of: str = "labelled") -> tuple[str, ...]:
        """Return the names of the class folders of all splits, in alphabetical order."""
        return self._class_names if of == "labelled" else ()

    @cached_property
    def _class_names(self) -> tuple[str, ...]:
        names = sorted({label for _, label, _ in self._images.values()})
        for split in SPLITS:
            here = {label for name, (_, label, _) in self._images.items() if self.placed[name][1].split == split}
            if here and (lacking := [name for name in names if name not in here]):
                self.warn(f"{split} has no image of {len(lacking)} of {plural(len(names), 'class')}: {few(lacking)}")
        return tuple(names)

    def faults(self) -> list[str]:
        """Return those of any folder; a class whose folders hold no image in any split is a warning."""
        here = [folder for of in _split_folders(self.root).values() for folder in of]
        named = {name_of(folder) for split in here or [self.root] for folder in folders(split)}
        for name in sorted(named - set(self._class_names)):
            self.warn(f"class {name} has folders but no image")
        return super().faults()

    def files(self) -> list[Path]:
        """Return every image in a class folder."""
        return [file for file, _, _ in self._images.values()]

    def read(self, kind: Kind) -> list[Item]:
        """Return every image with its class, by split and class."""
        del kind
        return [
            Item(name, file, self.placed[name][0], self.placed[name][1].split, style=self.placed[name][1].style,
                 label=label)
            for name, (file, label, _) in self._images.items()
        ]  # fmt: skip


def _split_folders(root: Path) -> dict[Split, list[Path]]:
    """Return the folders whose names say a split (``train``, ``Valid``, ``test``, ...)."""
    found: dict[Split, list[Path]] = {}
    for folder in folders(root):
        if split := split_word(folder.name):
            found.setdefault(split, []).append(folder)
    return found


def _class_folders(path: Path) -> bool:
    """Return whether there is a sub-folder of ``path`` with an image in it or below."""
    return any(next(images_below(folder), None) is not None for folder in folders(path))
