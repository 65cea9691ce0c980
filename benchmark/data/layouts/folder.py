"""A plain folder of images, each of them a panel; folders, names or a person say what a series is."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from pathlib import Path

from inkbench.benchmark.contracts.dataset import Item, Kind
from inkbench.benchmark.data.filenames import one_name, without_suffix
from inkbench.benchmark.data.files import images_below
from inkbench.benchmark.data.reading.guessing import GuessedSeries
from inkbench.benchmark.data.splits import Series
from inkbench.benchmark.data.units import Units, by_regex, in_folders, in_sidecar, settle, split_folders


class Folder(GuessedSeries):
    """A plain folder of images, each of them a panel; the first sub-folder names the series.

    Folders called train, valid, test and the like, above or below those of series, are splits and are kept. Where
    there are no sub-folders, images are of the series that their names begin with (``c00000_p000.jpg``), and where
    names share nothing each image is a series of its own. ``series.json`` and ``--series-from`` say it better.
    """

    name = "folder"
    version = 2
    whole = frozenset({"panels"})
    licence = "that of your images"
    citation = ""
    homepage = ""
    layout = "any folder of images: [train|val|test/][SERIES/]...NAME.{jpg,png,webp,gif,bmp,tif}"
    specific = 0

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether there is any image below ``root``."""
        return next(images_below(root), None) is not None

    def offers(self) -> frozenset[str]:
        """Return panels, without labels."""
        return frozenset({"panels"})

    @cached_property
    def _images(self) -> list[Path]:
        return list(images_below(self.root))

    def files(self) -> list[Path]:
        """Return every image."""
        return self._images

    def counts(self) -> dict[str, int]:
        """Return the images, counted as pages: to a method each is a panel, and no file says which of the two it is."""
        return {"pages": len(self._images)}

    @cached_property
    def _named(self) -> dict[str, Path]:
        """Every image by its path below the folder, without suffix where that tells it from others."""
        names = [one_name(file.relative_to(self.root).as_posix()) for file in self._images]
        stems = Counter(map(without_suffix, names))
        return {
            without_suffix(name) if stems[without_suffix(name)] == 1 else name: file
            for file, name in zip(self._images, names, strict=True)
        }

    @cached_property
    def units(self) -> Units:
        """The series of every image, and the splits that folders are called."""
        given, rest = split_folders(self._named)
        sidecar = self.sidecar
        if self.series_from is not None:
            return Units(by_regex(self._named, self.series_from), "regex", given)
        if sidecar is not None:
            return Units(in_sidecar(self._named, sidecar, self.root), "sidecar", given)
        series, by = in_folders(rest, bool(given))
        return Units(series, by, given)

    @cached_property
    def placed(self) -> dict[str, tuple[str, Series]]:
        """The series of every image, with its split and style."""
        return settle(self.units, self.root, self.sidecar, self.warn)

    def read(self, kind: Kind) -> list[Item]:
        """Return every image, by its path below the folder."""
        del kind
        return [
            Item(name, file, self.placed[name][0], self.placed[name][1].split, style=self.placed[name][1].style)
            for name, file in self._named.items()
        ]
