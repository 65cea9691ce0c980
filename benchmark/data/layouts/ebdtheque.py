"""eBDtheque: 100 pages of comics and manga with outlines of panels, balloons, characters and lines of text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from xml.etree.ElementTree import Element

from inkbench.benchmark.contracts.dataset import Box, Item, SeriesBy
from inkbench.benchmark.data.boxes import Corners
from inkbench.benchmark.data.files import by_stem, images_in, texts_in
from inkbench.benchmark.data.reading.boxed_images import BoxedImages
from inkbench.benchmark.data.splits import Series, by_prefix, by_series, few, read_sidecar
from inkbench.benchmark.data.told import STRAY
from inkbench.benchmark.data.xmlfile import finite, xml_of
from inkbench.benchmark.errors import UsageError, plural

IMAGES, TRUTH = "Pages", "GT"
LABELS = {"Panel": "panel", "Balloon": "balloon", "Line": "text", "Character": "body"}
SHAPES = frozenset({"polygon", "polyline", "rect", "path", "circle", "ellipse"})
_NUMBERS = re.compile(r"(_[A-Za-z]{0,2}\d+)+$")


class Ebdtheque(BoxedImages):
    """eBDtheque (Guérin et al. 2013): a page and an SVG of its name with a polygon for each thing, grouped by class.

    A polygon becomes the rectangle around it. Groups go by their class, whatever their order. ``text`` boxes are single
    lines of text, not blocks; there are no faces. Pages belong to one series where their names differ only in the
    numbers at the end (``INOUE_KYOUMEN_003``), so volumes of an album are not torn apart.
    """

    name = "ebdtheque"
    licence = "by registration, for research, non-commercial"
    citation = (
        "Guérin, Rigaud, Mercier, Ammar-Boudjelal, Bertet, Bouju, Burie, Louis, Ogier, Revel: eBDtheque: A "
        "Representative Database of Comics. ICDAR 2013"
    )
    homepage = "https://ebdtheque.univ-lr.fr/"
    layout = f"{IMAGES}/NAME.jpg, {TRUTH}/NAME.svg (svg elements of class Panel, Balloon, Line, Character; polygons)"
    whole = frozenset({"pages", "panels", "boxes:panel", "boxes:body", "boxes:text", "boxes:balloon"})
    terms = "research, non-commercial, on registration"
    specific = 2
    labels = frozenset(LABELS.values())

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether there are pages beside SVG files."""
        return (root / IMAGES).is_dir() and bool(texts_in(root / TRUTH, ".svg"))

    @cached_property
    def _truths(self) -> dict[str, Path]:
        """The SVG of every page by its name; pages without one are told and left out."""
        truths = by_stem(texts_in(self.root / TRUTH, ".svg"))
        if bare := [stem for stem in self._images if stem not in truths]:
            self.warn(f"{plural(len(bare), 'page')} without a file in {TRUTH} left out: {few(bare)}")
        return truths

    @cached_property
    def _images(self) -> dict[str, Path]:
        return by_stem(images_in(self.root / IMAGES))

    @cached_property
    def _known(self) -> dict[str, tuple[str, Series]]:
        """The series of every page by its name, with its split and style."""
        sidecar = read_sidecar(self.root)
        if sidecar is not None:
            return {stem: (of, sidecar[of]) for stem, of in by_prefix(self._truths, sidecar, self.root).items()}
        series = {stem: _NUMBERS.sub("", stem) or stem for stem in self._truths}
        splits = by_series(series.values())
        return {stem: (of, Series(splits[of])) for stem, of in series.items()}

    @property
    def series_by(self) -> SeriesBy:
        """Names say which pages are of one album, unless ``series.json`` does."""
        return "name" if read_sidecar(self.root) is None else "sidecar"

    @cached_property
    def _pages(self) -> list[Item]:
        items = []
        for stem, truth in self._truths.items():
            series, of = self._known[stem]
            path = self._images.get(stem, self.root / IMAGES / f"{stem}.jpg")
            root = xml_of(truth)
            fits = self.fits(path, _stated(root, truth))
            boxes = self.once(self._boxes(root, truth, path), f"{truth}") if fits else ()
            labels = self.labels if fits else frozenset[str]()
            items.append(Item(stem, path, series, of.split, style=of.style, boxes=boxes, labels=labels))
        return items

    def _boxes(self, root: Element, truth: Path, path: Path) -> Iterator[Box]:
        size = self.size_or(path, _stated(root, truth))
        if lost := _strays(root):
            self.warn(f"{truth}: {plural(lost, 'outline')} not a polygon directly in a group of its class {STRAY}")
        for name, place, polygon in _polygons(root):
            at = f"{truth}: {name} {place}"
            box = self.mended(LABELS[name], _around(polygon, at), size, f"{at}: box")
            if box:
                yield box

    def boxed(self) -> list[Item]:
        """Return every page that has an SVG, also where the page itself is missing."""
        return self._pages

    def files(self) -> list[Path]:
        """Return the SVG files and the pages that are there."""
        return [*self._truths.values(), *(item.path for item in self._pages if item.path.is_file())]


def _polygons(root: Element) -> Iterator[tuple[str, int, Element]]:
    """Yield class, number from 1 and polygon of each thing that is known here, in the order of the file."""
    for group in root.iter("svg"):
        names = [name for name in group.get("class", "").split() if name in LABELS]
        if names:
            # polygons of nested groups belong to those groups
            for place, polygon in enumerate((one for one in group if one.tag == "polygon"), start=1):
                yield names[0], place, polygon


def _strays(root: Element) -> int:
    """Return outlines within a known group that are not read: deeper ones, and shapes other than a polygon."""
    lost = 0
    for group in root.iter("svg"):
        if any(name in LABELS for name in group.get("class", "").split()):
            below = (one for child in group if child.tag != "svg" for one in child.iter())
            lost += sum(one.tag in SHAPES and one not in group for one in below)
            lost += sum(one.tag in SHAPES - {"polygon"} for one in group)
    return lost


def _stated(root: Element, truth: Path) -> tuple[float, float] | None:
    """Return the size that an SVG gives its page: of the page's image, the view, or its own; None: not in pixels."""
    given: list[tuple[str, ...]] = [(one.get("width", ""), one.get("height", "")) for one in root.iter("image")]
    given += [tuple((root.get("viewBox") or " ").replace(",", " ").split()[2:4])]
    given += [(root.get("width", ""), root.get("height", ""))]
    for sides in ([side.strip().removesuffix("px") for side in one] for one in given):
        if len(sides) == 2 and all(side.replace(".", "", 1).isdecimal() for side in sides):
            wide, tall = (finite(side, f"{truth}: a side of its page") for side in sides)
            return wide, tall
    return None


def _around(polygon: Element, where: str) -> Corners:
    """Return the rectangle around ``points="x,y x,y ..."``; commas and blanks separate alike, as SVG has it."""
    numbers = [finite(text, f"{where}: a point") for text in re.split(r"[\s,]+", polygon.get("points", "").strip())]
    if len(numbers) < 4 or len(numbers) % 2:
        raise UsageError(f"{where}: {plural(len(numbers), 'number')} cannot be an outline")
    xs, ys = numbers[::2], numbers[1::2]
    return min(xs), min(ys), max(xs), max(ys)
