"""A plain folder of images, each of them a panel; the first sub-folder names the series."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from pathlib import Path

from benchmark.data.dataset import Item, Kind
from benchmark.data.filenames import one_name, without_suffix
from benchmark.data.files import FileDataset, images_below
from benchmark.data.splits import assign


class Folder(FileDataset):
    """A plain folder of images, each of them a panel; the first sub-folder names the series.

    Where there are no sub-folders, each image is a series of its own.
    """

    name = "folder"
    whole = frozenset({"panels"})
    licence = "that of your images"
    citation = ""
    homepage = ""
    layout = "any folder of images: [SERIES/]...NAME.{jpg,png,webp,gif,bmp,tif}"
    specific = 0

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Whether there is any image below ``root``."""
        return next(images_below(root), None) is not None

    def offers(self) -> frozenset[str]:
        """Panels, without labels."""
        return frozenset({"panels"})

    @cached_property
    def _images(self) -> list[Path]:
        return list(images_below(self.root))

    def files(self) -> list[Path]:
        """Every image."""
        return self._images

    def counts(self) -> dict[str, int]:
        """Nothing says whether an image is a page or a panel: it is a panel to a method, a page to who counts."""
        return {"pages": len(self._images)}

    def read(self, kind: Kind) -> list[Item]:
        """Every image, by its path below the folder."""
        del kind
        paths = [file.relative_to(self.root) for file in self._images]
        names = [one_name(path.as_posix()) for path in paths]
        stems = Counter(map(without_suffix, names))
        series = {path: one_name(path.parts[0] if len(path.parts) > 1 else path.stem) for path in paths}
        known = assign(series.values(), self.root)
        items = []
        for file, path, name in zip(self._images, paths, names, strict=True):
            stem = without_suffix(name)
            item = stem if stems[stem] == 1 else name
            of = known[series[path]]
            items.append(Item(item, file, series[path], of.split, style=of.style))
        return items
