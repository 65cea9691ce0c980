"""COMICS: 1.2 million panels of 3,959 Golden Age books, cut out, without labels."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path

from benchmark.data.dataset import Item, Kind, Split
from benchmark.data.files import FileDataset, folders, images_in, lines_of, natural
from benchmark.data.splits import Series, assign, few
from benchmark.errors import Refusal

PANELS, PAGES, ADS = "raw_panel_images", "raw_page_images", "predadpages.txt"
HELD_OUT_BOOKS = 500
_PANEL = re.compile(r"(\d+)_(\d+)")


class Comics(FileDataset):
    """COMICS (Iyyer et al. 2017): panels ``<page>_<panel>.jpg`` in a folder per book, pages of advertisements skipped.

    The last 1,000 books are held out, 500 for validation, 500 for test, where there are more than that.
    """

    name = "comics"
    whole = frozenset({"panels", "pages"})
    licence = "scans of books in the public domain (Digital Comic Museum)"
    numbering = "COMICS"
    citation = (
        "Iyyer, Manjunatha, Guha, Vyas, Boyd-Graber, Daumé III, Davis: The Amazing Mysteries of the Gutter: Drawing "
        "Inferences Between Panels in Comic Book Narratives. CVPR 2017, arXiv 1611.05118"
    )
    homepage = "https://github.com/miyyer/comics"
    layout = f"{PANELS}/BOOK/PAGE_PANEL.jpg [{PAGES}/BOOK/PAGE.jpg] [{ADS}: lines BOOK---PAGE]"

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Whether there is a folder of panels."""
        return (root / PANELS).is_dir()

    def offers(self) -> frozenset[str]:
        """Panels, and pages where they are there."""
        return frozenset({"panels", "pages"} if (self.root / PAGES).is_dir() else {"panels"})

    @cached_property
    def _panels(self) -> dict[str, list[Path]]:
        return {folder.name: images_in(folder) for folder in folders(self.root / PANELS)}

    @cached_property
    def _pages(self) -> dict[str, list[Path]]:
        return {folder.name: images_in(folder) for folder in folders(self.root / PAGES)}

    @cached_property
    def _series(self) -> dict[str, Series]:
        books = sorted({*self._panels, *self._pages}, key=natural)
        return assign(books, self.root, held_out(books))

    @cached_property
    def _ads(self) -> set[tuple[str, int]]:
        """Book and page of the advertisements."""
        path = self.root / ADS
        found = set()
        for number, line in lines_of(path) if path.is_file() else ():
            book, dashes, page = line.partition("---")
            if not dashes or not page.isdecimal():
                raise Refusal(f"{path}:{number}: {line!r} is not BOOK---PAGE")
            found.add((book, int(page)))
        return found

    def files(self) -> list[Path]:
        """All panels and pages, and the list of advertisements."""
        ads = self.root / ADS
        images = [file for part in (self._panels, self._pages) for book in part.values() for file in book]
        return [*images, *([ads] if ads.is_file() else [])]

    def read(self, kind: Kind) -> list[Item]:
        """Panels or pages, without those of advertisements."""
        items, skipped, strange = [], 0, []
        for book, files in (self._panels if kind == "panels" else self._pages).items():
            of = self._series[book]
            for file in files:
                match = _PANEL.fullmatch(file.stem)
                page = match[1] if match and kind == "panels" else file.stem
                if (kind == "panels" and not match) or not page.isdecimal():
                    strange.append(file.relative_to(self.root))
                elif (book, int(page)) in self._ads:
                    skipped += 1
                else:
                    items.append(Item(f"{book}/{file.stem}", file, book, of.split, style=of.style))
        if skipped:
            self.warn(f"{skipped} {kind} left out: pages of advertisements ({ADS})")
        if strange:
            self.warn(f"{len(strange)} {kind} left out, their names give no page: {few(strange)}")
        return items


def held_out(books: list[str]) -> dict[str, Split] | None:
    """The split of the paper for books in their order, or None where there are too few books for it."""
    if len(books) <= 2 * HELD_OUT_BOOKS:
        return None
    parts: list[tuple[Split, list[str]]] = [
        ("train", books[: -2 * HELD_OUT_BOOKS]),
        ("val", books[-2 * HELD_OUT_BOOKS : -HELD_OUT_BOOKS]),
        ("test", books[-HELD_OUT_BOOKS:]),
    ]
    return {book: split for split, part in parts for book in part}
