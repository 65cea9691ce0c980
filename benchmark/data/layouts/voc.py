"""PASCAL VOC's layout: images, label images of classes and instances, boxes in XML, lists of the splits."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar
from xml.etree.ElementTree import Element

from inkbench.benchmark.api import Config, setting
from inkbench.benchmark.contracts.dataset import SPLITS, Box, Item, Kind, Split
from inkbench.benchmark.data.files import by_stem, images_in, texts_in
from inkbench.benchmark.data.reading.boxed_images import BoxedImages
from inkbench.benchmark.data.reading.guessing import GuessedSeries
from inkbench.benchmark.data.splits import SIDECAR, Series, assign, few
from inkbench.benchmark.data.texts import lines_of, listed, raw_lines_of
from inkbench.benchmark.data.told import STRAY
from inkbench.benchmark.data.units import Units, settle
from inkbench.benchmark.data.xmlfile import finite, xml_of
from inkbench.benchmark.errors import UsageError, plural

IMAGES, MASKS, BOXES, LISTS = "JPEGImages", "SegmentationClass", "Annotations", "ImageSets"
CLASSES = "classes.txt"
VOC_CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
"""Label 0 to 20 of PASCAL VOC 2007 to 2012."""
_PHOTOGRAPH = re.compile(r"\d{4}_\d{6}|\d{6}")


class VocConfig(Config):
    """Choice of the XML's names that become boxes, and settings that the folder cannot say of itself."""

    panel: tuple[str, ...] = setting(("panel", "frame"), "names in the XML that are panels")
    face: tuple[str, ...] = setting(("face",), "names in the XML that are faces")
    body: tuple[str, ...] = setting(("body",), "names in the XML that are bodies (VOC, Comic2k: person)")
    text: tuple[str, ...] = setting(("text",), "names in the XML that are text")
    balloon: tuple[str, ...] = setting(("balloon",), "names in the XML that are balloons")
    photographs: bool | None = setting(
        None, "whether the images are photographs, not comics; none: they are where they bear VOC's numbers"
    )


class Voc(GuessedSeries, BoxedImages):
    """The layout of the PASCAL VOC challenges (Everingham et al. 2010), which many later sets share.

    The classes are VOC's 21, or those of ``classes.txt`` (a name a line, label 0 first). An image that any list holds
    out is held out for every task. Without a test list whose images (and masks) are here ``val`` is the test split and
    a tenth of ``train`` the validation split. With ``series.json`` images belong to the series that their names begin
    with; else, photographs apart, to what names share at their beginning, else each is a series of its own. Where the
    XML names panels the images are pages, and panels are cut out.
    """

    name = "voc"
    version = 2
    Config = VocConfig
    whole = frozenset({"panels", "segmented"})
    licence = "VOC: photographs from flickr, under its terms of use"
    citation = (
        "Everingham, Van Gool, Williams, Winn, Zisserman: The PASCAL Visual Object Classes (VOC) Challenge. "
        "IJCV 88(2), 2010"
    )
    homepage = "http://host.robots.ox.ac.uk/pascal/VOC/"
    layout = (
        f"{IMAGES}/NAME.jpg, {MASKS}/NAME.png (label images) or {BOXES}/NAME.xml [{LISTS}/Segmentation/ and "
        f"{LISTS}/Main/: train.txt val.txt test.txt, a NAME a line] [{CLASSES}: a name a line, label 0 first]"
    )
    least_area: ClassVar[float] = 0.0
    """Boxes of no more square pixels are left out."""

    def __init__(self, root: Path, config: Any = None) -> None:
        super().__init__(root, config)
        self._names: Counter[str] = Counter()
        told = self.config.photographs
        self.photographs = self._bears_voc_numbers() if told is None else told

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether there are images beside masks, boxes or lists."""
        return (root / IMAGES).is_dir() and any((root / name).is_dir() for name in (MASKS, BOXES, LISTS))

    def _bears_voc_numbers(self) -> bool:
        return bool(self._images) and all(_PHOTOGRAPH.fullmatch(stem) for stem in self._images)

    def offers(self) -> frozenset[str]:
        """Return pages or panels, segmented images where there are masks, boxes of the classes that the XML names."""
        return super().offers() | ({"segmented"} if self._masks else set())

    @cached_property
    def _images(self) -> dict[str, Path]:
        return by_stem(images_in(self.root / IMAGES))

    @cached_property
    def _masks(self) -> dict[str, Path]:
        """Label images by the name of their image; those without one are told and left out."""
        masks = by_stem(images_in(self.root / MASKS))
        if alone := [stem for stem in masks if stem not in self._images]:
            self.warn(f"{plural(len(alone), 'mask')} without an image in {IMAGES} left out: {few(alone)}")
            for stem in alone:
                self.absent(f"image {stem} in {IMAGES}", f"{MASKS}/{masks[stem].name}")
        return {stem: file for stem, file in masks.items() if stem in self._images}

    def _list_files(self) -> dict[tuple[str, Split], Path]:
        files = {
            (of, split): self.root / LISTS / of / f"{split}.txt" for of in ("Main", "Segmentation") for split in SPLITS
        }
        return {key: file for key, file in files.items() if file.is_file()}

    @cached_property
    def _given(self) -> dict[str, Split]:
        """The split that the lists give an image; of several the one that holds it out."""
        found: dict[str, Split] = {}
        for (of, split), file in self._list_files().items():
            here = self._masks if of == "Segmentation" else self._images
            names = [listed(line, here) for _, line in raw_lines_of(file)]
            if lacking := [name for name in names if name not in here]:
                what = "mask or image" if of == "Segmentation" else "image"
                self.warn(
                    f"{file}: {len(lacking)} of {plural(len(names), 'name')} left out, which have no {what}: "
                    f"{few(lacking)}"
                )
                for name in lacking:
                    self.absent(f"{what} {name}", f"{LISTS}/{of}/{file.name}")
            for name in names:
                if name in here and SPLITS.index(split) >= SPLITS.index(found.get(name, "train")):
                    found[name] = split
        return found

    @cached_property
    def units(self) -> Units:
        """The series of every image that is used, and the split that lists give it."""
        return self.units_by_name({stem: stem for stem in self._given or self._images}, self._given)

    @cached_property
    def placed(self) -> dict[str, tuple[str, Series]]:
        """The series of every image that is used, with its split and style."""
        given, series, sidecar = self._given, self.units.series, self.sidecar
        if sidecar is not None:
            known = assign(series.values(), self.root)
            for stem, split in given.items():
                if known[series[stem]].split != split:
                    raise UsageError(
                        f"{self.root}: {LISTS} put {stem} into {split}, {SIDECAR} into {known[series[stem]].split}"
                    )
            return {stem: (of, known[of]) for stem, of in series.items()}
        if given and "test" not in given.values() and "val" in given.values():
            self.warn(
                "no list of test images: using val as the test split and a tenth of train as the validation split"
            )
        return settle(self.units, self.root, None, self.warn)

    def classes(self, of: str = "labelled") -> tuple[str, ...]:
        """Return the names of labels 0, 1, ... of the masks. Raises UsageError for a bad ``classes.txt``."""
        if of != "segmented":
            return ()
        path = self.root / CLASSES
        if not path.is_file():
            return VOC_CLASSES
        names = tuple(text for _, text in lines_of(path))
        if len(names) < 2 or len(set(names)) < len(names) or len(names) > 255:
            raise UsageError(
                f"{path} has {plural(len(names), 'name')}; expected 2 to 255 distinct names, that of label 0 first"
            )
        return names

    @cached_property
    def _boxes(self) -> dict[str, tuple[Box, ...]]:
        """The boxes of every image that has an XML file, by its name."""
        read = [stem for stem in self.placed if stem in self._truths and stem not in self._bare]
        return {
            stem: boxes
            for stem in read
            if (boxes := self._boxes_of(self._truths[stem], self._images[stem])) is not None
        }

    @cached_property
    def _truths(self) -> dict[str, Path]:
        """The XML files by the name of their image."""
        return by_stem(texts_in(self.root / BOXES, ".xml")) if self.placed else {}

    @property
    def _bare(self) -> frozenset[str]:
        """Images whose XML says nothing and is not read."""
        return frozenset()

    @cached_property
    def labels(self) -> frozenset[str]:
        """The classes that any XML has a box of; that none is of a class which is known here is told."""
        found = frozenset(box.label for boxes in self._boxes.values() for box in boxes)
        if self._names and not self._names.keys() & self._label_of.keys():
            told = few(f"{name} ({count})" for name, count in self._names.most_common())
            self.warn(f"none of {plural(self._names.total(), 'box')} has a known class: {told}; map them, "
                      f"such as --set {self.name}.body=person")  # fmt: skip
        return found

    @cached_property
    def _label_of(self) -> dict[str, str]:
        """The label of each name that is known here, in small letters."""
        labels = ("panel", "face", "body", "text", "balloon")
        return {name.lower(): label for label in labels for name in getattr(self.config, label)}

    def _boxes_of(self, file: Path, image: Path) -> tuple[Box, ...] | None:
        """Return the boxes of an XML file; None where they are of an image of another size."""
        root = xml_of(file)
        every = [((one.findtext("name") or "").strip().lower(), one) for one in root.iter("object")]
        if nameless := sum(not name for name, _ in every):
            self.warn(f"{file}: {plural(nameless, 'object')} without a name {STRAY}")
        objects = [(self._label_of[name], one) for name, one in every if name in self._label_of]
        self._names.update(name for name, _ in every if name)
        if not objects or not self.fits(image, _stated(root, file)):
            return None if objects else ()
        return self.once(self._read_boxes(objects, file, self.size(image)), f"{file}")

    def _read_boxes(
        self, objects: list[tuple[str, Element]], file: Path, size: tuple[int, int] | None
    ) -> Iterator[Box]:
        for place, (label, one) in enumerate(objects):
            where = one.find("bndbox")
            if where is None:
                raise UsageError(f"{file}: object {place} (from 0) has no bndbox")
            x0, y0, x1, y1 = (
                finite(where.findtext(key), f"{file}: {key} of object {place} (from 0)")
                for key in ("xmin", "ymin", "xmax", "ymax")
            )
            if self.least_area and abs(x1 - x0 + 1) * abs(y1 - y0 + 1) <= self.least_area:
                self.warn(f"{file}: box {place} is no larger than {self.least_area:g} square pixels (left out)")
                continue
            corners = self.rules.mended((x0, y0, x1, y1), size, f"{file}: box {place}", "pixels from 1")
            if corners:
                yield Box(label, *corners)

    def files(self) -> list[Path]:
        """Return images, masks, boxes and lists of what is used."""
        used = [self._images[stem] for stem in self.placed]
        used += [file for stem, file in self._masks.items() if stem in self.placed]
        used += [self._truths[stem] for stem in self.placed if stem in self._truths]
        names = self.root / CLASSES
        return [*used, *self._list_files().values(), *([names] if names.is_file() else [])]

    def read(self, kind: Kind) -> list[Item]:
        """Return images with their masks, or pages, or panels with their boxes, by name."""
        return [item for item in self.boxed() if item.mask] if kind == "segmented" else super().read(kind)

    @cached_property
    def _boxed(self) -> list[Item]:
        items = []
        for stem, (series, of) in self.placed.items():
            boxes = self._boxes.get(stem)
            items.append(
                Item(
                    stem,
                    self._images[stem],
                    series,
                    of.split,
                    style=of.style,
                    boxes=boxes or (),
                    labels=self.labels if boxes is not None else frozenset(),
                    mask=self._masks.get(stem),
                )
            )
        return items

    def boxed(self) -> list[Item]:
        """Return all images that are used, by name, with what is known of them."""
        return self._boxed


def _stated(root: Element, file: Path) -> tuple[float, float] | None:
    """Return the width and height that an XML file says its image has; None where it says nothing."""
    size = root.find("size")
    sides = [None if size is None else size.findtext(side) for side in ("width", "height")]
    if not all(side and side.strip() for side in sides):
        return None
    wide, tall = (finite(side, f"{file}: a side of its size") for side in sides)
    return wide, tall
