"""Manga109: 109 manga with boxes of frames, faces, bodies and text, faces and bodies by character."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from xml.etree.ElementTree import Element

from inkbench.benchmark.contracts.dataset import Box, Item, Kind, Split
from inkbench.benchmark.data.files import by_stem, folders, images_in, name_of, texts_in
from inkbench.benchmark.data.named import below
from inkbench.benchmark.data.reading.boxed_images import BoxedImages
from inkbench.benchmark.data.reading.cut_characters import CUT, cut_characters
from inkbench.benchmark.data.splits import Series, assign, few
from inkbench.benchmark.data.texts import listed, raw_lines_of
from inkbench.benchmark.data.told import STRAY
from inkbench.benchmark.data.xmlfile import attribute, finite, xml_of
from inkbench.benchmark.errors import UsageError, brief, plural

IMAGES, TRUTH, BOOKS = "images", "annotations", "books.txt"
LABELS = {"frame": "panel", "face": "face", "body": "body", "text": "text"}
HELD_OUT_BOOKS = 10
NOBODY = frozenset({"other", "others"})
"""Names of the entry that gathers all minor characters of a book: many people, no identity."""
MOST_DIGITS = 6


class Manga109(BoxedImages):
    """Manga109 (Aizawa et al. 2020): an XML per book with frames, faces, bodies and text of every page.

    Pages are double pages as a rule. Tags beside these four (users may add their own) are passed over. Where there are
    more than 20 books the last ten by name are the test split, as DASS has them, and the ten before validation.
    """

    name = "manga109"
    licence = "academic use by application; Manga109-s (87 books) also for companies; no redistribution"
    citation = (
        'Aizawa, Fujimoto, Otsubo, Ogawa, Matsui, Tsubota, Ikuta: Building a Manga Dataset "Manga109" with '
        "Annotations for Multimedia Applications. IEEE MultiMedia 27(2), 2020, arXiv 2005.04425"
    )
    homepage = "http://www.manga109.org/en/"
    layout = f"{TRUTH}/BOOK.xml, {IMAGES}/BOOK/PAGE.jpg (three digits) [{BOOKS}: a BOOK a line]"
    whole = frozenset({"pages", "panels", "boxes:panel", "boxes:face", "boxes:body", "boxes:text", "identities", *CUT})
    terms = "academic research, on application; no redistribution"
    specific = 2
    labels = frozenset(LABELS.values())

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether there are XML files beside images or a list of books."""
        beside = (root / IMAGES).is_dir() or (root / BOOKS).is_file()
        return beside and bool(texts_in(root / TRUTH, ".xml"))

    @cached_property
    def _books(self) -> dict[str, Path]:
        """The XML of each book that ``books.txt`` names, or of all where there is none."""
        files = by_stem(texts_in(self.root / TRUTH, ".xml"))
        path = self.root / BOOKS
        if not path.is_file():
            return files
        wanted = list(dict.fromkeys(listed(line, files) for _, line in raw_lines_of(path)))
        if missing := [book for book in wanted if book not in files]:
            self.warn(f"{path}: {plural(len(missing), 'book')} without XML in {TRUTH}: {few(missing)}")
        if stray := [book for book in files if book not in wanted]:
            self.warn(f"{path}: {plural(len(stray), 'book')} of {TRUTH} not in the list left out: {few(stray)}")
        return {book: files[book] for book in wanted if book in files}

    @cached_property
    def _series(self) -> dict[str, Series]:
        return assign(self._books, self.root, held_out(sorted(self._books)))

    @cached_property
    def _pages(self) -> list[Item]:
        return [page for book, file in self._books.items() for page in self._pages_of(book, file)]

    def _pages_of(self, book: str, file: Path) -> Iterator[Item]:
        root, of = xml_of(file), self._series[book]
        known = {one.get("id", ""): one.get("name", "") for one in root.iterfind("characters/character")}
        _tell_strays(root, file, self.warn)
        images = by_stem(images_in(self._folders.get(book) or below(self.root / IMAGES, book, str(file))))
        seen: set[str] = set()
        for place, page in enumerate(root.iterfind("pages/page"), start=1):
            text = attribute(page, "index", f"{file}: page {place} of the file")
            if not text.isdecimal() or len(text) > MOST_DIGITS:
                raise UsageError(f"{file}: page {place} of the file has index {brief(text)}, not a small whole number")
            name = f"{int(text):03d}"
            if name in seen:
                raise UsageError(f"{file}: page {name} appears twice")
            seen.add(name)
            path = images.get(name, self.root / IMAGES / book / f"{name}.jpg")
            where = f"{file}: page {name}"
            wide, tall = (finite(page.get(side), f"{where}: its {side}") for side in ("width", "height"))
            fits = not len(page) or self.fits(path, (wide, tall))
            boxes = self.once(self._boxes(page, where, known, self.size_or(path, (wide, tall))), where) if fits else ()
            labels = self.labels if fits else frozenset[str]()
            yield Item(f"{book}/{name}", path, book, of.split, style=of.style, boxes=boxes, labels=labels)

    @cached_property
    def _folders(self) -> dict[str, Path]:
        return {name_of(folder): folder for folder in folders(self.root / IMAGES)}

    def _boxes(self, page: Element, where: str, known: dict[str, str], size: tuple[int, int] | None) -> Iterator[Box]:
        for place, one in enumerate(page, start=1):
            if one.tag not in LABELS:
                continue
            at = f"{where}, {one.tag} {one.get('id', place)}"
            x0, y0, x1, y1 = (finite(one.get(key), f"{at}: {key}") for key in ("xmin", "ymin", "xmax", "ymax"))
            who = one.get("character")
            if who is not None and who not in known:
                self.warn(f"{at}: character {who} is not among the book's characters")
            nobody = who is not None and known.get(who, "").lower() in NOBODY
            box = self.mended(LABELS[one.tag], (x0, y0, x1, y1), size, f"{at}: box", None if nobody else who)
            if box:
                yield box

    def offers(self) -> frozenset[str]:
        """Return pages, panels, boxes, and the characters that are named: faces, bodies, both."""
        return super().offers() | {"identities", *CUT}

    def classes(self, of: str = "labelled") -> tuple[str, ...]:
        """Return the characters of the test books for ``identities``, by their ids."""
        if of != "identities":
            return ()
        tested = (page for page in self._pages if page.split == "test")
        return tuple(sorted({box.identity for page in tested for box in page.boxes if box.identity}))

    def read(self, kind: Kind) -> list[Item]:
        """Return pages, panels, or characters cut out of the pages."""
        return cut_characters(self._pages, kind) if kind in CUT else super().read(kind)

    def boxed(self) -> list[Item]:
        """Return every page that the XML names, also those without boxes and those whose image is missing."""
        return self._pages

    def files(self) -> list[Path]:
        """Return the list of books, the XML, and the pages that are there."""
        books = self.root / BOOKS
        pages = [item.path for item in self._pages if item.path.is_file()]
        return [*([books] if books.is_file() else []), *self._books.values(), *pages]


def _tell_strays(root: Element, file: Path, warn: Callable[[str], None]) -> None:
    """Tell boxes that do not stand directly in a page: whose they are is not known."""
    every = Counter(one.tag for one in root.iter() if one.tag in LABELS)
    every.subtract(one.tag for page in root.iterfind("pages/page") for one in page)
    if lost := {tag: count for tag, count in every.items() if tag in LABELS and count > 0}:
        told = few(f"{tag} ({count})" for tag, count in lost.items())
        warn(f"{file}: {plural(sum(lost.values()), 'box')} outside any page {STRAY}: {told}; put each into its page")
    if astray := sum(1 for _ in root.iter("page")) - sum(1 for _ in root.iterfind("pages/page")):
        warn(f"{file}: {plural(astray, 'page')} outside <pages> {STRAY}")


def held_out(books: list[str]) -> dict[str, Split] | None:
    """Return DASS's split of sorted books, the ten before its test books as validation; None for few books.

    Source: barisbatuhan/DASS-Det-Inference, the last ten books of 109 (UltraEleven to YumeiroCooking).
    """
    if len(books) <= 2 * HELD_OUT_BOOKS:
        return None
    test, val = books[-HELD_OUT_BOOKS:], books[-2 * HELD_OUT_BOOKS : -HELD_OUT_BOOKS]
    return {book: "test" if book in test else "val" if book in val else "train" for book in books}
