"""CIFAR-10 and CIFAR-100: photographs of 32 x 32 pixels in 10 or 100 classes, in the Python or the binary version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np

from inkbench.benchmark.api import Config, setting
from inkbench.benchmark.contracts.source import Source
from inkbench.benchmark.data.array_pickle import read_arrays
from inkbench.benchmark.data.records import RecordDataset
from inkbench.benchmark.data.splits import few
from inkbench.benchmark.data.texts import lines_of
from inkbench.benchmark.errors import UsageError, plural

SIDE = 32
PIXELS = 3 * SIDE * SIDE


@dataclass(frozen=True, slots=True)
class Version:
    """One of the four archives: its folder, its batches by part, the file of class names, how many classes."""

    folder: str
    batches: dict[str, tuple[str, ...]]
    names: str
    classes: int

    @property
    def binary(self) -> bool:
        """Return whether batches are plain records and not pickles."""
        return self.batches["test"][0].endswith(".bin")

    def home(self, root: Path) -> Path | None:
        """Return the folder of this version: ``root`` or the archive's folder in it; None where it is not there."""
        wanted = [file for batches in self.batches.values() for file in batches]
        for folder in (root, root / self.folder):
            if (folder / wanted[0]).is_file() and (folder / wanted[-1]).is_file():
                return folder
        return None


def _ten(suffix: str) -> dict[str, tuple[str, ...]]:
    return {"train": tuple(f"data_batch_{k}{suffix}" for k in range(1, 6)), "test": (f"test_batch{suffix}",)}


VERSIONS = (
    Version("cifar-10-batches-py", _ten(""), "batches.meta", 10),
    Version("cifar-10-batches-bin", _ten(".bin"), "batches.meta.txt", 10),
    Version("cifar-100-python", {"train": ("train",), "test": ("test",)}, "meta", 100),
    Version("cifar-100-binary", {"train": ("train.bin",), "test": ("test.bin",)}, "{of}_label_names.txt", 100),
)


class CifarConfig(Config):
    """Choice of the labels of CIFAR-100."""

    labels: Literal["fine", "coarse"] = setting("fine", "CIFAR-100: its 100 classes, or the 20 they belong to")


class Cifar(RecordDataset):
    """CIFAR-10 and CIFAR-100 (Krizhevsky 2009) as their author ships them.

    Pickles are read by an unpickler that builds arrays only. Images are unpacked once into the results folder. Their
    own test split is kept; a tenth of the training images is the validation split.
    """

    name = "cifar"
    Config = CifarConfig
    sources = MappingProxyType({
        "cifar-10": Source(
            "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
            "md5:c58f30108f718f92721af3b95e74349a", most=300_000_000
        ),
        "cifar-100": Source(
            "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
            "md5:eb9058c3a382ffc7106e4002c42a8d85", most=300_000_000
        ),
    })  # fmt: skip
    split_sha256 = "866ce58809ef20074bd597468f37925e0e93b49b6edb5b522cb3c9079065bbd1"
    whole = frozenset({"labelled", "panels"})
    licence = "not stated by the author; photographs found on the web (80 Million Tiny Images, withdrawn 2020)"
    citation = "Krizhevsky: Learning Multiple Layers of Features from Tiny Images. Technical report, 2009"
    homepage = "https://www.cs.toronto.edu/~kriz/cifar.html"
    layout = (
        "[cifar-10-batches-py/] data_batch_1 ... data_batch_5 test_batch batches.meta, the same as .bin with "
        "batches.meta.txt, or [cifar-100-python/] train test meta, the same as .bin with {fine,coarse}_label_names.txt"
    )

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether the first training batch and the test batch of any version are there."""
        return any(version.home(root) for version in VERSIONS)

    @cached_property
    def _found(self) -> tuple[Version, Path]:
        homes = [(version, home) for version in VERSIONS if (home := version.home(self.root))]
        if len(homes) > 1:
            several = " and ".join(str(home) for _, home in homes)
            raise UsageError(f"{self.root} holds {len(homes)} versions; give one of them: --data {several}")
        if not homes:
            raise UsageError(f"{self.root} is not laid out as cifar; expected: {self.layout}")
        return homes[0]

    @cached_property
    def _names(self) -> Path:
        version, home = self._found
        return home / version.names.format(of=self.config.labels)

    def _batches(self, part: str) -> list[Path]:
        version, home = self._found
        files = [home / file for file in version.batches[part]]
        missing = [file.name for file in files if not file.is_file()]
        if missing:
            raise UsageError(f"{home} lacks {', '.join(missing)}; get the archive anew from {self.homepage}")
        return files

    def files(self) -> list[Path]:
        """Return the batches and the file of class names."""
        if not self._names.is_file():
            raise UsageError(f"{self._names.parent} lacks {self._names.name}, which names the classes")
        return [*self._batches("train"), *self._batches("test"), self._names]

    def classes(self, of: str = "labelled") -> tuple[str, ...]:
        """Return the names that the archive gives its classes, in their order."""
        return self._class_names if of == "labelled" else ()

    @cached_property
    def _class_names(self) -> tuple[str, ...]:
        version, _ = self._found
        if version.binary:
            names = [line for _, line in lines_of(self._names)]
        else:
            key = b"label_names" if version.classes == 10 else f"{self.config.labels}_label_names".encode()
            read = read_arrays(self._names).get(key)
            if not isinstance(read, list):
                raise UsageError(f"{self._names} has no list {key.decode()}")
            names = [name.decode() if isinstance(name, bytes) else str(name) for name in read]
        if len(set(names)) < len(names) or not names:
            raise UsageError(f"{self._names} does not name each class once: {few(names)}")
        return tuple(names)

    def parts(self) -> dict[str, np.ndarray | None]:
        """Return the label codes of the training and test images."""
        return dict(self._labels)

    @cached_property
    def _labels(self) -> dict[str, np.ndarray]:
        return {
            part: np.concatenate([self._batch(file)[0] for file in self._batches(part)]) for part in ("train", "test")
        }

    def pixels(self, part: str) -> Sequence[np.ndarray]:
        """Return the images of a part, uint8 (32, 32, 3)."""
        return [image for file in self._batches(part) for image in self._batch(file)[1]]

    def _batch(self, file: Path) -> tuple[np.ndarray, np.ndarray]:
        """Read label codes (n,) and images (n, 32, 32, 3) of a batch. Raises UsageError where it is damaged."""
        version, _ = self._found
        coarse = self.config.labels == "coarse"
        if version.binary:
            codes, rows = _records(file, version.classes, coarse)
        else:
            key = b"labels" if version.classes == 10 else b"coarse_labels" if coarse else b"fine_labels"
            codes, rows = _pickled(file, key)
        known = len(self._class_names)
        if codes.min() < 0 or codes.max() >= known:
            raise UsageError(f"{file} has label {max(codes.max(), -codes.min())}, and {self._names.name} names {known}")
        return codes, rows.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)


def _records(file: Path, classes: int, coarse: bool) -> tuple[np.ndarray, np.ndarray]:
    """Split a binary batch into labels (of CIFAR-100 coarse, then fine) and pixels, by channel, then row."""
    head = 1 if classes == 10 else 2
    size = file.stat().st_size
    if size == 0 or size % (head + PIXELS):
        raise UsageError(
            f"{file} has {size} bytes, no multiple of {head + PIXELS}; it is damaged or of another dataset"
        )
    records = np.fromfile(file, dtype=np.uint8).reshape(-1, head + PIXELS)
    return records[:, 0 if coarse or head == 1 else 1].astype(np.int64), records[:, head:]


def _pickled(file: Path, key: bytes) -> tuple[np.ndarray, np.ndarray]:
    batch = read_arrays(file)
    labels, data = batch.get(key), batch.get(b"data")
    if not isinstance(labels, list) or not labels or not all(isinstance(label, int) for label in labels):
        raise UsageError(f"{file} has no list of whole numbers {key.decode()}; is it CIFAR?")
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.shape != (len(labels), PIXELS):
        shape = f"{data.dtype} {data.shape}" if isinstance(data, np.ndarray) else type(data).__name__
        raise UsageError(
            f"{file} has {plural(len(labels), 'label')} and data of {shape}, not uint8 ({len(labels)}, {PIXELS})"
        )
    return np.array(labels, dtype=np.int64), data
