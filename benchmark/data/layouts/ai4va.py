"""The AI4VA saliency challenge: pages with saliency maps, and fixations where somebody adds them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from inkbench.benchmark.api import Config, setting
from inkbench.benchmark.contracts.dataset import SPLITS, Item, Kind, Split
from inkbench.benchmark.data.csvfile import table_of
from inkbench.benchmark.data.files import by_stem, images_in, stem_of
from inkbench.benchmark.data.reading.guessing import GuessedSeries
from inkbench.benchmark.data.splits import Series, assign, by_series, few
from inkbench.benchmark.data.texts import listed, number
from inkbench.benchmark.data.units import Units
from inkbench.benchmark.errors import UsageError, plural

FIXATIONS = "fixations.csv"
OSIE_NAMES = range(1001, 1701)


class Ai4vaConfig(Config):
    """Settings that the folder cannot say of itself."""

    photographs: bool | None = setting(
        None, "whether the images are photographs, not comics; none: they are where they bear the numbers of OSIE"
    )


class Ai4va(GuessedSeries):
    """The layout of the AI4VA saliency challenge: a page and a grey map of the same name.

    A map may have another size and shape than its page (AI4VA's are square): it covers the page, stretched.
    Where no test maps are given (they are kept by the challenge) ``val`` is the test split and a fifth of
    ``train`` the validation split.
    """

    name = "ai4va"
    version = 2
    """2: a map's own values; 1 had cut them to 8 bits and colours to luma."""
    Config = Ai4vaConfig
    whole = frozenset({"saliency"})
    terms = "personal, non-commercial research only"
    licence = "free for personal, non-commercial research"
    citation = (
        "Grönquist, Bhattacharjee, Aydemir et al.: Unlocking Comics: The AI4VA Dataset for Visual Understanding. "
        "2024, arXiv 2410.20459"
    )
    homepage = "https://github.com/IVRL/AI4VA"
    layout = (
        "images/{train,val,test}/NAME.jpg, maps/{train,val,test}/NAME.png "
        f"[{FIXATIONS}: columns image, subject, x, y; pixels from 1]"
    )

    def __init__(self, root: Path, config: Any = None) -> None:
        super().__init__(root, config)
        told = self.config.photographs
        self.photographs = self._bears_osie_names() if told is None else told

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether there are folders of images and of maps for training."""
        return (root / "images" / "train").is_dir() and (root / "maps" / "train").is_dir()

    def offers(self) -> frozenset[str]:
        """Return saliency; also fixations where the file is there, styles where ``series.json`` names several."""
        styles = {series.style for series in (self.sidecar or {}).values()} - {None}
        here = {"fixations": (self.root / FIXATIONS).is_file(), "styles": len(styles) > 1}
        return frozenset({"saliency", *(name for name, there in here.items() if there)})

    def _bears_osie_names(self) -> bool:
        stems = [stem_of(file) for file in images_in(self.root / "images" / "train")]
        return bool(stems) and all(stem.isdecimal() and int(stem) in OSIE_NAMES for stem in stems)

    @cached_property
    def _pairs(self) -> dict[str, tuple[Split, Path, Path]]:
        """Split, image and map by stem. Raises UsageError where one lacks the other."""
        found: dict[str, tuple[Split, Path, Path]] = {}
        for split in SPLITS:
            images = by_stem(images_in(self.root / "images" / split))
            maps = by_stem(images_in(self.root / "maps" / split))
            if split == "test" and images and not maps:
                self.warn(f"{plural(len(images), 'test image')} without a map left out")
                continue
            for lacking, have, lack in (("map", images, maps), ("image", maps, images)):
                alone = sorted(have.keys() - lack.keys())
                if alone:
                    raise UsageError(f"{self.root}: no {lacking} in {lacking}s/{split} for {few(alone)}")
            for stem, image in images.items():
                if stem in found:
                    raise UsageError(f"{self.root}: image {stem} is in both {found[stem][0]} and {split}")
                found[stem] = (split, image, maps[stem])
        return found

    @cached_property
    def units(self) -> Units:
        """The series of every image by stem."""
        given = {stem: split for stem, (split, _, _) in self._pairs.items()}
        return self.units_by_name({stem: stem for stem in given}, given)

    @cached_property
    def placed(self) -> dict[str, tuple[str, Series]]:
        """The series of every image by stem, with its split and style."""
        series, sidecar = self.units.series, self.sidecar
        if sidecar is None:
            splits = self._with_test(dict(self.units.given))
            return {stem: (series[stem], Series(split)) for stem, split in splits.items()}
        known = assign(series.values(), self.root)
        for stem, (split, image, _) in self._pairs.items():
            if known[series[stem]].split != split:
                raise UsageError(
                    f"{image} is in {split}, series.json says {known[series[stem]].split} for {series[stem]}"
                )
        return {stem: (of, known[of]) for stem, of in series.items()}

    def _with_test(self, split_of: dict[str, Split]) -> dict[str, Split]:
        if "test" in split_of.values() or "val" not in split_of.values():
            return split_of
        self.warn("no maps of test: using val as the test split and a fifth of train as the validation split")
        inner = by_series(stem for stem, split in split_of.items() if split == "train")
        # by_series holds two fifths out; the fifth it calls "test" stays with the training images
        parts: dict[Split, Split] = {"train": "train", "val": "val", "test": "train"}
        return {stem: "test" if split == "val" else parts[inner[stem]] for stem, split in split_of.items()}

    @cached_property
    def _fixations(self) -> dict[str, np.ndarray]:
        """Fixations (k, 2) by stem, x and y in pixels from 0."""
        path = self.root / FIXATIONS
        found: dict[str, list[tuple[float, float]]] = {}
        strange: dict[str, int] = {}
        for line, row in table_of(path, ("image", "x", "y")):
            stem = listed(row["image"].replace("\\", "/").rpartition("/")[2], self._pairs)
            if stem not in self._pairs:
                strange.setdefault(stem, line)
                continue
            x, y = (number(path, line, row[name], name) for name in "xy")
            found.setdefault(stem, []).append((x - 1, y - 1))
        if strange:
            told = few(f"{stem} (line {line})" for stem, line in strange.items())
            if not found:
                raise UsageError(f"{path}: none of its images exists: {told}; name them as in images/")
            self.warn(f"{path}: fixations on {plural(len(strange), 'missing image')}: {told}")
        return {stem: self._inside(stem, np.array(points)) for stem, points in found.items()}

    def _inside(self, stem: str, points: np.ndarray) -> np.ndarray:
        self.fits(self._pairs[stem][1], None)
        size = self.size(self._pairs[stem][1])
        if size is None:
            return points
        seen = ((points >= -0.5) & (points < np.array(size) - 0.5)).all(axis=1)
        if not seen.all():
            self.warn(f"{plural(int((~seen).sum()), 'fixation')} outside image {stem} left out")
        return points[seen]

    def files(self) -> list[Path]:
        """Return all images, maps and fixations."""
        fixations = self.root / FIXATIONS
        pairs = [file for _, image, map_ in self._pairs.values() for file in (image, map_)]
        return [*pairs, *([fixations] if fixations.is_file() else [])]

    def read(self, kind: Kind) -> list[Item]:
        """Return every image with its map, by split and name."""
        del kind
        has = "fixations" in self.offers()
        items = []
        for stem, (_, image, map_) in self._pairs.items():
            series, of = self.placed[stem]
            seen = self._fixations.get(stem, np.zeros((0, 2))) if has else None
            items.append(Item(stem, image, series, of.split, style=of.style, map=map_, fixations=seen))
        return items
