"""Layouts of images with boxes: where panels are annotated the images are pages, and panels are cut out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

from inkbench.benchmark.contracts.dataset import Box, Item, Kind, Split
from inkbench.benchmark.data.boxes import Corners, cut_panels
from inkbench.benchmark.data.files import FileDataset
from inkbench.benchmark.data.splits import few

STRICTER: tuple[Split, ...] = ("test", "val", "train")
"""The splits, the one that counts first: what anything holds out stays held out."""


class BoxedImages(FileDataset):
    """Images with boxes. An image that an annotation names and that is not there stays an item, without a file."""

    @property
    @abstractmethod
    def labels(self) -> frozenset[str]:
        """The classes of boxes that this copy annotates."""

    @abstractmethod
    def boxed(self) -> list[Item]:
        """Return all images with all their boxes; read once and kept."""

    def offers(self) -> frozenset[str]:
        """Return pages and the panels cut from them, or every image as a panel where none are annotated; boxes."""
        kinds = {"pages", "panels"} if "panel" in self.labels else {"panels"}
        return frozenset({*kinds, *(f"boxes:{label}" for label in self.labels)})

    def read(self, kind: Kind) -> list[Item]:
        """Return the images, or the panels cut from them in the order of their boxes."""
        if kind == "pages" or "panel" not in self.labels:
            return self.boxed()
        return [panel for page in self.boxed() for panel in cut_panels(page, page.labels - {"panel"})]

    def mended(
        self, label: str, corners: Corners, size: tuple[int, int] | None, where: str, identity: str | None = None
    ) -> Box | None:
        """Return a box in order, clamped to its image, None where nothing is left; the repair is told of ``where``."""
        inside = self.rules.mended(corners, size, where)
        return Box(label, *inside, identity=identity) if inside else None

    def whole_series(self, given: Mapping[str, Split], series_of: Mapping[str, str]) -> dict[str, Split]:
        """Return the split of every series from those that lists give its images; a cut series is held out."""
        found: dict[str, set[Split]] = {}
        for name, split in given.items():
            found.setdefault(series_of[name], set()).add(split)
        if cut := sorted(series for series, splits in found.items() if len(splits) > 1):
            self.warn(f"the lists put {len(cut)} series into several splits: {few(cut)}; each is held out completely")
        return {series: next(split for split in STRICTER if split in splits) for series, splits in found.items()}
