"""A folder per class: train/CLASS/NAME.jpg beside val/ and test/, as torchvision's ImageFolder has it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark.api import Config, setting
from benchmark.data.dataset import SPLITS, Item, Kind, Split
from benchmark.data.filenames import one_name
from benchmark.data.files import FileDataset, folders, images_below, name_of, stem_of
from benchmark.data.splits import SIDECAR, Series, by_prefix, by_series, few, read_sidecar, with_held_out
from benchmark.errors import Refusal

FOLDERS: dict[Split, tuple[str, ...]] = {"train": ("train",), "val": ("val", "valid", "validation"), "test": ("test",)}


class ImagefolderConfig(Config):
    """What the folder cannot say of itself."""

    photographs: bool = setting(False, "whether the images are photographs, not comics")


class Imagefolder(FileDataset):
    """The layout that most labelled sets of images are kept in: a folder per split, in it a folder per class.

    Classes are the folders' names in alphabetical order. Without ``test`` the folder ``val`` is the test split; without
    ``val`` a tenth of ``train`` is the validation split. A folder of class folders without splits, which is not
    recognised by itself (its sub-folders could be series), is split 60 : 20 : 20 by the images' names. With
    ``series.json`` images belong to the series that their names begin with, else each is a series of its own.
    """

    name = "imagefolder"
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
        """Whether ``train`` holds class folders with images, beside another split."""
        others = [name for names in FOLDERS.values() for name in names if name != "train"]
        return any((root / name).is_dir() for name in others) and _class_folders(root / "train")

    @classmethod
    def accepts(cls, root: Path) -> bool:
        """Whether there are class folders with images, in ``train`` or at once."""
        return _class_folders(root / "train") or _class_folders(root)

    def offers(self) -> frozenset[str]:
        """Labelled images, and all of them as panels for pretraining."""
        return frozenset({"labelled", "panels"})

    @cached_property
    def _images(self) -> dict[str, tuple[Path, str, Split | None]]:
        """File, class and split of every image by its id, the path below the folder without suffix."""
        found: dict[str, tuple[Path, str, Split | None]] = {}
        if not _class_folders(self.root / "train"):
            for folder in folders(self.root):
                self._add(found, folder, None)
            return found
        for split in SPLITS:
            here = [self.root / name for name in FOLDERS[split] if (self.root / name).is_dir()]
            if len(here) > 1:
                raise Refusal(f"{self.root} has {' and '.join(path.name for path in here)}; keep one of them")
            for folder in folders(here[0]) if here else ():
                self._add(found, folder, split)
            if here and not any(of == split for _, _, of in found.values()):
                self.warn(f"{here[0]} left out: it has no class folders with images")
        return found

    def _add(self, found: dict[str, tuple[Path, str, Split | None]], folder: Path, split: Split | None) -> None:
        for file in images_below(folder):
            name = one_name(file.relative_to(self.root).with_suffix("").as_posix())
            if name in found:
                raise Refusal(f"{file.parent} holds both {found[name][0].name} and {file.name}; keep one of them")
            found[name] = (file, name_of(folder), split)

    @cached_property
    def _known(self) -> dict[str, tuple[str, Series]]:
        """The series of every image, with its split and style."""
        given = {name: split for name, (_, _, split) in self._images.items() if split is not None}
        sidecar = read_sidecar(self.root)
        if sidecar is not None:
            series = by_prefix({stem_of(file) for file, _, _ in self._images.values()}, sidecar, self.root)
            of = {name: series[stem_of(file)] for name, (file, _, _) in self._images.items()}
            for name, split in given.items():
                if sidecar[of[name]].split != split:
                    raise Refusal(f"{self.root}/{name} lies in {split}, {SIDECAR} says {sidecar[of[name]].split}")
            return {name: (of[name], sidecar[of[name]]) for name in self._images}
        splits = with_held_out(given) if given else by_series(self._images)
        return {name: (name, Series(split)) for name, split in splits.items()}

    def classes(self, of: str = "labelled") -> tuple[str, ...]:
        """The names of the class folders of all splits, in alphabetical order."""
        return self._class_names if of == "labelled" else ()

    @cached_property
    def _class_names(self) -> tuple[str, ...]:
        names = sorted({label for _, label, _ in self._images.values()})
        for split in SPLITS:
            here = {label for name, (_, label, _) in self._images.items() if self._known[name][1].split == split}
            if here and (lacking := [name for name in names if name not in here]):
                self.warn(f"{split} has no image of {len(lacking)} of {len(names)} classes: {few(lacking)}")
        return tuple(names)

    def faults(self) -> list[str]:
        """Those of any folder; a class whose folders hold no image in any split is a warning."""
        here = [self.root / name for names in FOLDERS.values() for name in names if (self.root / name).is_dir()]
        named = {name_of(folder) for split in here or [self.root] for folder in folders(split)}
        for name in sorted(named - set(self._class_names)):
            self.warn(f"class {name} has folders and no image in any")
        return super().faults()

    def files(self) -> list[Path]:
        """Every image in a class folder."""
        return [file for file, _, _ in self._images.values()]

    def read(self, kind: Kind) -> list[Item]:
        """Every image with its class, by split and class."""
        del kind
        return [
            Item(name, file, self._known[name][0], self._known[name][1].split, style=self._known[name][1].style,
                 label=label)
            for name, (file, label, _) in self._images.items()
        ]  # fmt: skip


def _class_folders(path: Path) -> bool:
    """Whether there is a sub-folder of ``path`` with an image in it or below."""
    return any(next(images_below(folder), None) is not None for folder in folders(path))
