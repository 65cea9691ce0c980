"""Datasets whose images are records of a few large files: unpacked once into PNG files that can be looked at."""

from __future__ import annotations

import os
import shutil
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from inkbench.benchmark.contracts.dataset import Item, Kind, SeriesBy, Split
from inkbench.benchmark.data.files import FileDataset
from inkbench.benchmark.data.splits import with_held_out
from inkbench.benchmark.errors import RunError, UsageError
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.store.files import temporary_folder
from inkbench.benchmark.store.locks import claim


class RecordDataset(FileDataset):
    """Labelled images in parts (``train``, ``test``, ``unlabelled``), each a sequence of records.

    Image k of a part is the item ``<part>/<k, five digits>`` and a series of its own. A tenth of ``train`` is the
    validation split (``splits.carved``); ``test`` is as the authors give it; unlabelled images are panels of train.
    """

    photographs = True

    @property
    def series_by(self) -> SeriesBy:
        """Photographs, each for itself."""
        return "image"

    @abstractmethod
    def parts(self) -> dict[str, np.ndarray | None]:
        """Return the label codes (n,) of each part, None for images without. Raises UsageError."""

    @abstractmethod
    def pixels(self, part: str) -> Sequence[np.ndarray]:
        """Return the images of a part, uint8 (h, w, 3) each, in the order of the labels. Raises UsageError."""

    def offers(self) -> frozenset[str]:
        """Return labelled images, and all images as panels for pretraining."""
        return frozenset({"labelled", "panels"})

    def used(self, part: str) -> Iterable[int]:
        """Return the numbers of the images of a part that are used, rising; by default all."""
        return range(self.size_of_part(part))

    def read(self, kind: Kind) -> list[Item]:
        """Return the images by part and number; of ``panels`` also those without a label."""
        names, home = self.classes(), self._home()
        labels: dict[str, tuple[str, str | None]] = {}
        for part, codes in self.parts().items():
            if codes is not None:
                labels |= {_name(part, k): (part, names[codes[k]]) for k in self.used(part)}
            elif kind == "panels":
                labels |= {_name(part, k): (part, None) for k in self.used(part)}
        given: dict[str, Split] = {
            name: "test" if part == "test" else "train" for name, (part, label) in labels.items() if label is not None
        }
        split_of = with_held_out(given)
        return [
            Item(name, home / f"{name}.png", name, split_of.get(name, "train"), label=label)
            for name, (_, label) in labels.items()
        ]

    def size_of_part(self, part: str) -> int:
        """Return the number of images of a part."""
        return len(self.pixels(part))

    def prepare(self, progress: Progress) -> None:
        """Unpack every part that is not unpacked yet, each whole or not at all. Raises RunError on a full disk."""
        home = self._home()
        for part in self.parts():
            if (home / part).is_dir():
                continue
            with claim(home.parent / f".{home.name}-{part}.lock", wait=True):
                if not (home / part).is_dir():
                    self._unpack(part, home, progress)

    def _home(self) -> Path:
        """Return the folder of this copy's unpacked images, named by the content of the packed files."""
        if self.unpacked is None:
            raise UsageError(
                f"{self.root} ({self.reader}) needs a folder to unpack its images into; open it with --data"
            )
        return self.unpacked / self.content()[:20]

    def _unpack(self, part: str, home: Path, progress: Progress) -> None:
        temporary = temporary_folder(home)
        images = self.pixels(part)
        try:
            with progress.bar(f"unpack {self.reader} {part}", len(images)) as bar:
                for k, image in enumerate(images):
                    Image.fromarray(image).save(temporary / f"{k:05d}.png", compress_level=1)
                    bar.advance()
            os.sync()  # once for all files: the folder's name must not outlive what is in it
            temporary.replace(home / part)
        except OSError as error:
            raise RunError(
                f"the images of {self.root} cannot be unpacked into {home} ({error.strerror}); make room or give "
                "another folder with --results DIR"
            ) from None
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _name(part: str, number: int) -> str:
    return f"{part}/{number:05d}"
