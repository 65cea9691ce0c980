"""COMICS: 1.2 million panels of 3,959 Golden Age books, cut out, without labels."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from inkbench.benchmark.api import Config, setting
from inkbench.benchmark.contracts.dataset import Box, Item, Kind, Split
from inkbench.benchmark.data.boxes import Corners
from inkbench.benchmark.data.csvfile import table_of
from inkbench.benchmark.data.filenames import one_name
from inkbench.benchmark.data.files import FileDataset, folders, images_in, name_of, natural, stem_of
from inkbench.benchmark.data.splits import Series, assign, few
from inkbench.benchmark.data.texts import lines_of, number
from inkbench.benchmark.errors import UsageError, brief

PANELS, PAGES, ADS = "raw_panel_images", "raw_page_images", "predadpages.txt"
OCR = "COMICS_ocr_file.csv"
OCR_COLUMNS = ("comic_no", "page_no", "panel_no", "x1", "y1", "x2", "y2")
HELD_OUT_BOOKS = 500
_PANEL = re.compile(r"(\d+)_(\d+)")


class ComicsConfig(Config):
    """Choice of what is read beside the images."""

    text: bool = setting(
        False, f"whether panels get the boxes of {OCR}: its 2.5 million lines and the size of every panel are read then"
    )


class Comics(FileDataset):
    """COMICS (Iyyer et al. 2017): panels ``<page>_<panel>.jpg`` in a folder per book, pages of advertisements skipped.

    The last 1,000 books are held out, 500 for validation, 500 for test, where there are more than that.
    """

    name = "comics"
    on_request: ClassVar[tuple[str, ...]] = (OCR,)
    Config = ComicsConfig
    whole = frozenset({"panels", "pages"})
    licence = "scans of books in the public domain (Digital Comic Museum)"
    numbering = "COMICS"
    citation = (
        "Iyyer, Manjunatha, Guha, Vyas, Boyd-Graber, Daumé III, Davis: The Amazing Mysteries of the Gutter: Drawing "
        "Inferences Between Panels in Comic Book Narratives. CVPR 2017, arXiv 1611.05118"
    )
    homepage = "https://github.com/miyyer/comics"
    layout = f"{PANELS}/BOOK/PAGE_PANEL.jpg [{PAGES}/BOOK/PAGE.jpg] [{ADS}: lines BOOK---PAGE] [{OCR}]"

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether there is a folder of panels."""
        return (root / PANELS).is_dir()

    def offers(self) -> frozenset[str]:
        """Return panels; pages where they are there, text where the OCR file is there and asked for."""
        here = {"pages": (self.root / PAGES).is_dir(), "boxes:text": self._has_text}
        return frozenset({"panels", *(name for name, there in here.items() if there)})

    @property
    def _has_text(self) -> bool:
        return bool(self.config.text) and (self.root / OCR).is_file()

    @cached_property
    def _panels(self) -> dict[str, list[Path]]:
        return {name_of(folder): images_in(folder) for folder in folders(self.root / PANELS)}

    @cached_property
    def _pages(self) -> dict[str, list[Path]]:
        return {name_of(folder): images_in(folder) for folder in folders(self.root / PAGES)}

    @cached_property
    def _series(self) -> dict[str, Series]:
        books = sorted({*self._panels, *self._pages}, key=natural)
        return assign(books, self.root, held_out(books))

    @cached_property
    def _ads(self) -> set[tuple[str, int]]:
        """Book and page of the advertisements."""
        path = self.root / ADS
        found = set()
        for place, line in lines_of(path) if path.is_file() else ():
            book, dashes, page = one_name(line).rpartition("---")
            if not dashes or not page.isdecimal():
                raise UsageError(f"{path}:{place}: {brief(line)} is not BOOK---PAGE")
            found.add((book, int(page)))
        return found

    def files(self) -> list[Path]:
        """Return all panels and pages, the list of advertisements, and the OCR file where it is read."""
        beside = [self.root / ADS, *([self.root / OCR] if self._has_text else [])]
        images = [file for part in (self._panels, self._pages) for book in part.values() for file in book]
        return [*images, *(file for file in beside if file.is_file())]

    def read(self, kind: Kind) -> list[Item]:
        """Return panels or pages, without those of advertisements."""
        items, skipped, strange = [], 0, []
        for book, files in (self._panels if kind == "panels" else self._pages).items():
            of = self._series[book]
            for file in files:
                stem = stem_of(file)
                match = _PANEL.fullmatch(stem)
                page = match[1] if match and kind == "panels" else stem
                if (kind == "panels" and not match) or not page.isdecimal():
                    strange.append(file.relative_to(self.root))
                elif (book, int(page)) in self._ads:
                    skipped += 1
                else:
                    item = Item(f"{book}/{stem}", file, book, of.split, style=of.style)
                    items.append(self._with_text(item) if kind == "panels" and self._has_text else item)
        if skipped:
            self.warn(f"{skipped} {kind} left out: pages of advertisements ({ADS})")
        if strange:
            self.warn(f"{len(strange)} {kind} left out, whose names do not give a page: {few(strange)}")
        return items

    def _with_text(self, panel: Item) -> Item:
        lines = self._text.get(panel.id, ())
        size = self.size(panel.path) if lines else None
        mended = (self.rules.mended(of, size, f"{self.root / OCR}:{line}: box") for line, of in lines)
        boxes = self.once((Box("text", *corners) for corners in mended if corners), f"{self.root / OCR}: {panel.id}")
        return replace(panel, boxes=boxes, labels=frozenset({"text"}))

    @cached_property
    def _text(self) -> dict[str, list[tuple[int, Corners]]]:
        """Line and corners of every box of text, by panel, in pixels of the panel. Raises UsageError."""
        path = self.root / OCR
        found: dict[str, list[tuple[int, Corners]]] = {}
        for line, row in table_of(path, OCR_COLUMNS):
            x0, y0, x1, y1 = (number(path, line, row[name], name) for name in ("x1", "y1", "x2", "y2"))
            found.setdefault(
                one_name(f"{row['comic_no'].strip()}/{row['page_no'].strip()}_{row['panel_no'].strip()}"), []
            ).append((line, (x0, y0, x1, y1)))
        return found


def held_out(books: list[str]) -> dict[str, Split] | None:
    """Return the split of the paper for books in their order, or None where there are too few books for it."""
    if len(books) <= 2 * HELD_OUT_BOOKS:
        return None
    parts: list[tuple[Split, list[str]]] = [
        ("train", books[: -2 * HELD_OUT_BOOKS]),
        ("val", books[-2 * HELD_OUT_BOOKS : -HELD_OUT_BOOKS]),
        ("test", books[-HELD_OUT_BOOKS:]),
    ]
    return {book: split for split, part in parts for book in part}
