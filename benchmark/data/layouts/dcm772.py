"""DCM772: 772 pages of 27 Golden Age books with boxes of panels, faces and bodies."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Literal

from inkbench.benchmark.api import Config, setting
from inkbench.benchmark.contracts.dataset import SPLITS, Box, Item, Kind, Split
from inkbench.benchmark.data.boxes import cut_panels
from inkbench.benchmark.data.files import FileDataset, by_stem, folders, images_in, name_of, texts_in
from inkbench.benchmark.data.splits import Series, assign, few
from inkbench.benchmark.data.texts import lines_of, listed, number, raw_lines_of, whole
from inkbench.benchmark.errors import UsageError, brief, plural

IMAGES, TRUTH = "images", "groundtruth"
CLASSES = range(1, 9)


class Dcm772Config(Config):
    """Choice of the eight classes for each label, and of the split."""

    body: tuple[int, ...] = setting(
        (1,),
        "classes that are bodies: 1 human, 2 to 4 other characters, 5 animal, 6 background (DASS: 1,5,6)",
        "DCM772",
    )
    face: tuple[int, ...] = setting((7,), "classes that are faces", "DCM772")
    panel: tuple[int, ...] = setting((8,), "classes that are panels", "DCM772")
    split: Literal["series", "lists"] = setting(
        "series", "series: no book in two splits; lists: train.txt, val.txt and test.txt even where they cut books"
    )


class Dcm772(FileDataset):
    """DCM772 (Nguyen et al. 2018): 772 pages of 27 Golden Age books with boxes of panels, faces and bodies.

    Pages carry all boxes; panels are cut from them and carry the boxes that belong to them.
    """

    name = "dcm772"
    Config = Dcm772Config
    whole = frozenset({"panels", "pages", "boxes:panel", "boxes:face", "boxes:body"})
    licence = "scans in the public domain (Digital Comic Museum); that of the annotations: see the homepage"
    citation = "Nguyen, Rigaud, Burie: Digital Comics Image Indexing Based on Deep Learning. J. Imaging 4(7), 2018"
    homepage = "https://gitlab.univ-lr.fr/crigau02/dcm_dataset"
    layout = (
        f"{IMAGES}/BOOK/PAGE.jpg, {TRUTH}/BOOK/PAGE.txt (lines: CLASS X1 Y1 X2 Y2) [train.txt val.txt test.txt: "
        "lines BOOK/PAGE]"
    )

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether there are images beside their ground truth."""
        return (root / IMAGES).is_dir() and (root / TRUTH).is_dir()

    def offers(self) -> frozenset[str]:
        """Return panels and pages, boxes of the labels that the settings give any class."""
        return frozenset({"panels", "pages", *(f"boxes:{label}" for label in self._labels)})

    @cached_property
    def _labels(self) -> dict[str, tuple[int, ...]]:
        labels = {"panel": self.config.panel, "face": self.config.face, "body": self.config.body}
        return {label: classes for label, classes in labels.items() if classes}

    @cached_property
    def _images(self) -> dict[str, Path]:
        """Pages by ``book/page``."""
        books = {name_of(book): by_stem(images_in(book)) for book in folders(self.root / IMAGES)}
        return {f"{book}/{stem}": file for book, pages in books.items() for stem, file in pages.items()}

    @cached_property
    def _truths(self) -> dict[str, Path]:
        """The boxes' files by ``book/page``."""
        books = folders(self.root / TRUTH)
        return {
            f"{name_of(book)}/{stem}": file for book in books for stem, file in by_stem(texts_in(book, ".txt")).items()
        }

    @cached_property
    def _lists(self) -> dict[str, Split]:
        """The splits of ``train.txt``, ``val.txt`` and ``test.txt`` by ``book/page``; empty where there are none."""
        found: dict[str, Split] = {}
        for split in SPLITS:
            path = self.root / f"{split}.txt"
            for line, text in raw_lines_of(path) if path.is_file() else ():
                page = listed(text, self._images)
                if page not in self._images:
                    self.warn(f"{path}:{line}: page {page} does not exist")
                    self.absent(f"page {page}", f"{path.name}:{line}")
                elif found.setdefault(page, split) != split:
                    raise UsageError(f"{path}:{line}: page {page} is also in {found[page]}.txt")
        return found

    @cached_property
    def _series(self) -> dict[str, Series]:
        books: dict[str, set[Split]] = {}
        for page, split in self._lists.items():
            books.setdefault(page.partition("/")[0], set()).add(split)
        cut = sorted(book for book, splits in books.items() if len(splits) > 1)
        names = {page.partition("/")[0] for page in self._images}
        if cut:
            self.warn(
                f"train.txt, val.txt and test.txt divide {plural(len(cut), 'book')} between splits: {few(cut)}; "
                "splitting by book instead"
            )
        whole_books = {book: next(iter(splits)) for book, splits in books.items()}
        usable = not cut and "test" in whole_books.values() and names <= set(whole_books)
        return assign(names, self.root, whole_books if usable else None)

    def _split(self, page: str, series: Series) -> Split | None:
        return self._lists.get(page) if self.config.split == "lists" else series.split

    @cached_property
    def _pages(self) -> list[Item]:
        items, unlisted, bare = [], [], []
        for page, path in self._images.items():
            book = page.partition("/")[0]
            of = self._series[book]
            split, truth = self._split(page, of), self._truths.get(page)
            if split is None:
                unlisted.append(page)
            elif truth is None:
                bare.append(page)
            else:
                self.fits(path, None)
                boxes = self.once(self._boxes(truth, path), f"{truth}")
                items.append(Item(page, path, book, split, style=of.style, boxes=boxes, labels=frozenset(self._labels)))
        if unlisted:
            self.warn(f"{plural(len(unlisted), 'page')} in no list left out: {few(unlisted)}")
        if bare:
            self.warn(f"{plural(len(bare), 'page')} without a file in {TRUTH} left out: {few(bare)}")
        return items

    def _boxes(self, truth: Path, image: Path) -> Iterator[Box]:
        size = self.size(image)
        label_of = {number: label for label, classes in self._labels.items() for number in classes}
        for line, text in lines_of(truth):
            parts = text.split()
            if len(parts) != 5:
                raise UsageError(f"{truth}:{line}: {brief(text)} is not CLASS X1 Y1 X2 Y2")
            kind = whole(truth, line, parts[0], "the class")
            if kind not in CLASSES:
                raise UsageError(f"{truth}:{line}: class {brief(kind)} is not one of 1 to 8")
            x0, y0, x1, y1 = (number(truth, line, part, "a corner") for part in parts[1:])
            corners = self.rules.mended((x0, y0, x1, y1), size, f"{truth}:{line}: box")
            if corners and kind in label_of:
                yield Box(label_of[kind], *corners)

    def files(self) -> list[Path]:
        """Return all pages, their ground truth and the lists."""
        truths = [self._truths[page] for page in self._images if page in self._truths]
        lists = [self.root / f"{split}.txt" for split in SPLITS]
        return [*self._images.values(), *truths, *(file for file in lists if file.is_file())]

    def read(self, kind: Kind) -> list[Item]:
        """Return the pages, or the panels cut from them in the order of their lines."""
        if kind == "pages":
            return self._pages
        labels = self._labels.keys() - {"panel"}
        return [panel for page in self._pages for panel in cut_panels(page, labels)]
