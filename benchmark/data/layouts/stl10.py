"""STL-10: photographs of 96 x 96 pixels, 5,000 labelled for training, 8,000 for testing, 100,000 without label."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import numpy as np

from inkbench.benchmark.api import Config, setting
from inkbench.benchmark.contracts.source import Source
from inkbench.benchmark.data.records import RecordDataset
from inkbench.benchmark.data.texts import lines_of, whole
from inkbench.benchmark.errors import UsageError, plural

SIDE = 96
PIXELS = 3 * SIDE * SIDE
FILES = {"train": "train", "test": "test", "unlabelled": "unlabeled"}
NAMES, FOLDS = "class_names.txt", "fold_indices.txt"


class Stl10Config(Config):
    """Choice of the images that are used."""

    fold: int | None = setting(
        None, "train on one of the ten folds of 1,000 images that the protocol names; none: on all 5,000", ge=0, le=9
    )
    unlabelled: bool = setting(True, "whether the images without label are unpacked, as panels for pretraining")


class Stl10(RecordDataset):
    """STL-10 (Coates, Ng & Lee 2011), binary version.

    Images are unpacked once into the results folder. Their own test split is kept; a tenth of the training images (of
    the fold, where one is chosen) is the validation split.
    """

    name = "stl10"
    Config = Stl10Config
    sources = MappingProxyType({
        "stl10": Source(
            "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
            "md5:91f7769df0f17e558f3565bffb0c7dfb",
            most=4_000_000_000,
        )
    })  # fmt: skip
    split_sha256 = "0836050a6548bf52688bce8a8f1d9dfa5db2b3f218be76889abefc4f66cd64cc"
    whole = frozenset({"labelled", "panels"})
    licence = "not stated by the authors; images from ImageNet"
    citation = "Coates, Ng, Lee: An Analysis of Single-Layer Networks in Unsupervised Feature Learning. AISTATS 2011"
    homepage = "https://cs.stanford.edu/~acoates/stl10/"
    layout = (
        "[stl10_binary/] train_X.bin train_y.bin test_X.bin test_y.bin class_names.txt [unlabeled_X.bin] "
        "[fold_indices.txt]"
    )

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether training images and labels are there, or in the folder of the archive."""
        return _home(root) is not None

    @cached_property
    def _found(self) -> Path:
        home = _home(self.root)
        if home is None:
            raise UsageError(f"{self.root} is not laid out as stl10; expected: {self.layout}")
        return home

    def _parts(self) -> list[str]:
        there = self.config.unlabelled and (self._found / "unlabeled_X.bin").is_file()
        return ["train", "test", *(["unlabelled"] if there else [])]

    def files(self) -> list[Path]:
        """Return images, labels and class names, and the folds where they are there."""
        home = self._found
        wanted = [home / f"{FILES[part]}_X.bin" for part in self._parts()]
        wanted += [home / "train_y.bin", home / "test_y.bin", home / NAMES]
        missing = [file.name for file in wanted if not file.is_file()]
        if missing:
            raise UsageError(f"{home} lacks {', '.join(missing)}; download the archive again from {self.homepage}")
        return [*wanted, *([home / FOLDS] if (home / FOLDS).is_file() else [])]

    def classes(self, of: str = "labelled") -> tuple[str, ...]:
        """Return the ten names of ``class_names.txt``, in their order."""
        if of != "labelled":
            return ()
        names = tuple(line for _, line in lines_of(self._found / NAMES))
        if len(set(names)) < len(names) or not names:
            raise UsageError(f"{self._found / NAMES} does not name each class once")
        return names

    def parts(self) -> dict[str, np.ndarray | None]:
        """Return the label codes of training and test images, from 0 (in the files from 1)."""
        return {part: None if part == "unlabelled" else self._codes(part) for part in self._parts()}

    def size_of_part(self, part: str) -> int:
        """Return the number of images of a part, from the size of its file."""
        return (self._found / f"{FILES[part]}_X.bin").stat().st_size // PIXELS

    def _codes(self, part: str) -> np.ndarray:
        file, known = self._found / f"{FILES[part]}_y.bin", len(self.classes())
        codes = np.fromfile(file, dtype=np.uint8).astype(np.int64)
        images = self.size_of_part(part)
        if len(codes) != images:
            raise UsageError(f"{file} has {plural(len(codes), 'label')} for {plural(images, 'image')}")
        if images and (codes.min() < 1 or codes.max() > known):
            raise UsageError(f"{file} has label {codes.max() if codes.max() > known else 0}; labels are 1 to {known}")
        return codes - 1

    def pixels(self, part: str) -> Sequence[np.ndarray]:
        """Yield the images of a part, uint8 (96, 96, 3); the file stores each by channel, then by column."""
        file = self._found / f"{FILES[part]}_X.bin"
        size = file.stat().st_size
        if size == 0 or size % PIXELS:
            raise UsageError(
                f"{file} has {size} bytes, not a multiple of {PIXELS}; it is damaged or of another dataset"
            )
        return list(np.memmap(file, dtype=np.uint8, mode="r").reshape(-1, 3, SIDE, SIDE).transpose(0, 3, 2, 1))

    def used(self, part: str) -> Iterable[int]:
        """Return all images of a part; of the training images those of the fold, where one is chosen."""
        whole_part = super().used(part)
        return whole_part if part != "train" or self.config.fold is None else sorted(set(self._fold(self.config.fold)))

    def _fold(self, fold: int) -> list[int]:
        """Return the training images of a fold, from 0."""
        path = self._found / FOLDS
        if not path.is_file():
            raise UsageError(f"{self._found} lacks {FOLDS}; leave out --set stl10.fold={fold}")
        lines = list(lines_of(path))
        if fold >= len(lines):
            raise UsageError(f"{path} has {plural(len(lines), 'fold')}, from 0; there is no fold {fold}")
        line, text = lines[fold]
        indices = [whole(path, line, part, "an index") for part in text.split()]
        count = self.size_of_part("train")
        if not indices or min(indices) < 0 or max(indices) >= count:
            raise UsageError(f"{path}:{line}: an index is not one of 0 to {count - 1}")
        return indices


def _home(root: Path) -> Path | None:
    for folder in (root, root / "stl10_binary"):
        if (folder / "train_X.bin").is_file() and (folder / "train_y.bin").is_file():
            return folder
    return None
