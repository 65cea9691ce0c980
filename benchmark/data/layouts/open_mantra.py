"""Five manga (open-mantra-dataset): 214 pages with panel and text boxes; panels are cut from the pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from inkbench.benchmark.contracts.dataset import Box, Item, Kind, Split
from inkbench.benchmark.contracts.source import Source
from inkbench.benchmark.data.boxes import cut_panels
from inkbench.benchmark.data.files import FileDataset, stem_of
from inkbench.benchmark.data.jsonfile import field, json_of
from inkbench.benchmark.data.named import Finder
from inkbench.benchmark.data.splits import Series, assign

ANNOTATION = "annotation.json"
SPLIT: Mapping[str, Split] = MappingProxyType(
    {
        "balloon_dream": "train",
        "boureisougi": "test",
        "rasetugari": "train",
        "tencho_isoro": "train",
        "tojime_no_siora": "val",
    }
)
SPLIT_SHA256 = "8a2d1129ed364bf6a2fe31f77c294b92afb991a7ba0a4faea684ff0a45e736d7"
"""The sha256 of the lines ``BOOK SPLIT`` of ``SPLIT``, sorted: a split that changes is another split."""


class OpenMantra(FileDataset):
    """open-mantra: 214 pages of five manga with panel and text boxes.

    The data has no split of its own: ``SPLIT`` holds one book out for validation and one for test.
    """

    name = "open-mantra"
    sources = MappingProxyType({
        "open-mantra": Source(
            "https://github.com/mantra-inc/open-mantra-dataset/archive/59341ad9.tar.gz",
            "content:2dce3c9e5189056b61bebf112cbe6baca94c070e0b3b30e09e1aafb92ac7f646",
            most=500_000_000,
            strip=1,
        )
    })  # fmt: skip
    split_sha256 = SPLIT_SHA256
    whole = frozenset({"panels", "pages", "boxes:panel", "boxes:text"})
    licence = "CC BY-NC 4.0"
    citation = (
        "Hinami, Ishiwatari, Yasuda, Matsui: Towards Fully Automated Manga Translation. AAAI 2021, arXiv 2012.14271"
    )
    homepage = "https://github.com/mantra-inc/open-mantra-dataset"
    layout = f"{ANNOTATION} and the pages that it names: images/BOOK/ja/PAGE.jpg"

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether there is an annotation.json beside images."""
        return (root / ANNOTATION).is_file() and (root / "images").is_dir()

    def offers(self) -> frozenset[str]:
        """Return panels, pages, and the boxes of panels and text."""
        return frozenset({"panels", "pages", "boxes:panel", "boxes:text"})

    @cached_property
    def _books(self) -> dict[str, list[Any]]:
        """The pages of each book, by its title."""
        path = self.root / ANNOTATION
        return {
            field(book, "book_title", str, f"{path}: book {k}"): field(book, "pages", list, f"{path}: book {k}")
            for k, book in enumerate(json_of(path, list), start=1)
        }

    @cached_property
    def _series(self) -> dict[str, Series]:
        return assign(self._books, self.root, SPLIT if set(self._books) <= set(SPLIT) else None)

    @cached_property
    def _pages(self) -> list[Item]:
        items = []
        finder = Finder()
        for title, pages in self._books.items():
            of = self._series[title]
            for k, page in enumerate(pages, start=1):
                where = f"{self.root / ANNOTATION}: book {title[:80]}, page {k}"
                name = field(field(page, "image_paths", dict, where), "ja", str, where)
                path = finder.find(self.root, name, where)
                self.fits(path, None)
                items.append(
                    Item(
                        f"{title}/{stem_of(path)}",
                        path,
                        title,
                        of.split,
                        style=of.style,
                        boxes=self.once(self._boxes(page, path, where), where),
                        labels=frozenset({"panel", "text"}),
                    )
                )
        return items

    def _boxes(self, page: Any, path: Path, where: str) -> Iterator[Box]:
        size = self.size(path)
        for key, label in (("frame", "panel"), ("text", "text")):
            for k, entry in enumerate(field(page, key, list, where), start=1):
                at = f"{where}, {key} {k}"
                x, y, width, height = (field(entry, name, float, at) for name in "xywh")
                corners = self.rules.mended((x, y, width, height), size, f"{at}: box", "sides")
                if corners:
                    yield Box(label, *corners)

    def files(self) -> list[Path]:
        """Return the annotation and every page that it names."""
        return [self.root / ANNOTATION, *(item.path for item in self._pages if item.path.is_file())]

    def read(self, kind: Kind) -> list[Item]:
        """Return the pages, or the panels cut from them in the order of their boxes."""
        if kind == "pages":
            return self._pages
        return [panel for page in self._pages for panel in cut_panels(page, {"text"})]
