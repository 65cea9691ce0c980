"""DASS's panels: DCM772 cut into panels, or Manga109 into frames, with boxes of faces and bodies in one JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from inkbench.benchmark.api import Config, setting
from inkbench.benchmark.contracts.dataset import SPLITS, Box, Item, Split
from inkbench.benchmark.data.filenames import one_name, without_suffix
from inkbench.benchmark.data.files import natural
from inkbench.benchmark.data.jsonfile import expect, field, json_of
from inkbench.benchmark.data.named import Finder
from inkbench.benchmark.data.reading.boxed_images import BoxedImages
from inkbench.benchmark.data.splits import Series, assign
from inkbench.benchmark.data.texts import lines_of
from inkbench.benchmark.errors import UsageError, plural

ANNOTATIONS = ("annots/annotations.json", "annotations.json", "annots/annots.json", "annots.json")
IMAGES = ("images", "panels", "frames", "annots", ".")
PARTS = ("face", "body")


class DassPanelsConfig(Config):
    """Choice of DCM772's classes, the fifth number of a box, for each label; a box without a class always counts."""

    body: tuple[int, ...] = setting(
        (1,), "classes that are bodies: 1 human, 5 animal, 6 background (DASS: 1,5,6)", "DCM772"
    )
    face: tuple[int, ...] = setting((7,), "classes that are faces", "DCM772")


class DassPanels(BoxedImages):
    """The panels that DASS (Topal et al. 2023) trained on, with boxes x1, y1, x2, y2 and the class that DCM772 gives.

    DASS kept only panels that show a face and a body, so a detector meets no empty panel here: figures are not those of
    ``dcm772``, whose every panel counts. The classes of bodies are kept apart. Series are books.
    """

    name = "dass-panels"
    Config = DassPanelsConfig
    licence = "that of DCM772 (scans in the public domain) or Manga109 (by application)"
    citation = (
        "Topal, Yuret, Sezgin: Domain-Adaptive Self-Supervised Pre-Training for Face & Body Detection in Drawings. "
        "IJCAI 2023, arXiv 2211.10641"
    )
    homepage = "https://github.com/barisbatuhan/DASS_Det_Inference"
    layout = (
        "annots/annotations.json or annots.json: {NAME: {face: [[x1, y1, x2, y2, class]], body: [...]}}; images/NAME, "
        "NAME being BOOK/PAGE_K.jpg or BOOK_PAGE_K.jpg [train.txt val.txt test.txt: lines BOOK/PAGE]"
    )
    whole = frozenset({"panels", "boxes:face", "boxes:body"})
    labels = frozenset(PARTS)

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether there is a JSON of DASS's name."""
        return any((root / name).is_file() for name in (ANNOTATIONS[0], ANNOTATIONS[2], ANNOTATIONS[3]))

    @classmethod
    def accepts(cls, root: Path) -> bool:
        """Return whether there is any JSON that may be one."""
        return any((root / name).is_file() for name in ANNOTATIONS)

    @property
    def _path(self) -> Path:
        return next(path for name in ANNOTATIONS if (path := self.root / name).is_file())

    @cached_property
    def _panels(self) -> dict[str, tuple[str, Path, Any]]:
        """Series, file and entry of every panel by its id, in natural order."""
        folders = [self.root / name for name in IMAGES if (self.root / name).is_dir()]
        found: dict[str, tuple[str, Path, Any]] = {}
        entries, finder = json_of(self._path, dict), Finder()
        for name in sorted(entries, key=natural):
            where = f"{self._path}: {name[:80]}"
            files = [finder.find(folder, name, where) for folder in folders]
            panel = without_suffix(one_name(PurePosixPath(name.replace("\\", "/")).as_posix()))
            if panel in found:
                raise UsageError(f"{where}: panel {panel} appears twice")
            series = panel.rpartition("/")[0] or panel.rsplit("_", 2)[0]
            file = next((file for file in files if file.is_file()), files[0])
            found[panel] = (series, file, expect(entries[name], dict, where))
        return found

    @cached_property
    def _series(self) -> dict[str, Series]:
        names = {series for series, _, _ in self._panels.values()}
        given: dict[str, Split] = {}
        for split in SPLITS:
            path = self.root / f"{split}.txt"
            for _, text in lines_of(path) if path.is_file() else ():
                given[without_suffix(one_name(PurePosixPath(text.replace("\\", "/")).as_posix()))] = split
        books = {page: page.rpartition("/")[0] or page for page in given}
        listed = {book: split for book, split in self.whole_series(given, books).items() if book in names}
        usable = names <= listed.keys() and "test" in listed.values()
        return assign(names, self.root, listed if usable else None)

    @cached_property
    def _boxed(self) -> list[Item]:
        items = []
        left: Counter[str] = Counter()
        for panel, (series, file, entry) in self._panels.items():
            of = self._series[series]
            self.fits(file, None)
            boxes = self.once(self._boxes(panel, file, entry, left), f"{self._path}: {panel}")
            items.append(Item(panel, file, series, of.split, style=of.style, boxes=boxes, labels=self.labels))
        for what, count in sorted(left.items()):
            self.warn(f"{count} {what} ignored; --set {self.name}.body and .face select the classes")
        return items

    def _boxes(self, panel: str, file: Path, entry: Any, left: Counter[str]) -> Iterator[Box]:
        size = self.size(file) if file.is_file() else None
        for part in PARTS:
            where = f"{self._path}: {panel}"
            for k, row in enumerate(field(entry, part, list, where) if part in entry else ()):
                at = f"{where}: {part} {k} (from 0)"
                numbers = [expect(value, float, at) for value in expect(row, list, at)]
                if len(numbers) not in (4, 5):
                    raise UsageError(f"{at} has {plural(len(numbers), 'number')}, not x1, y1, x2, y2 and a class")
                if len(numbers) == 5 and numbers[4] not in getattr(self.config, part):
                    left[f"{part} boxes of class {numbers[4]:g}"] += 1
                    continue
                x0, y0, x1, y1 = numbers[:4]
                box = self.mended(part, (x0, y0, x1, y1), size, f"{at}: box")
                if box:
                    yield box

    def boxed(self) -> list[Item]:
        """Return every panel that the JSON names, also where its image is missing."""
        return self._boxed

    def files(self) -> list[Path]:
        """Return the JSON, the lists, and the panels that are there."""
        lists = [self.root / f"{split}.txt" for split in SPLITS]
        images = [file for _, file, _ in self._panels.values()]
        return [self._path, *(file for file in [*lists, *images] if file.is_file())]
