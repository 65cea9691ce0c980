"""The contract of a dataset: items with exact truth, one split by series, a fingerprint."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from inkbench.benchmark import config as settings
from inkbench.benchmark.config import Config
from inkbench.benchmark.contracts.source import Source

if TYPE_CHECKING:
    import numpy as np

    from inkbench.benchmark.progress import Progress

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
SeriesBy = Literal["sidecar", "regex", "layout", "folder", "name", "image"]
"""Way in which series, the unit of the statistics, were found; the last three are guesses (words: ``units.TOLD``)."""
Kind = Literal[
    "panels",
    "pages",
    "saliency",
    "faces",
    "bodies",
    "face_pairs",
    "body_pairs",
    "characters",
    "sequences",
    "labelled",
    "segmented",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""``faces`` and ``bodies`` are characters cut out, one item an appearance. ``face_pairs`` and ``body_pairs`` are those
of which both are there, in one order: item k of both is the same character in the same panel. ``characters`` are
appearances with a face, a body or both as ``parts``; ``sequences`` consecutive panels with a face to fill in the last;
``labelled`` images of one class each, ``segmented`` images with a class for each pixel."""


@dataclass(frozen=True, slots=True)
class Box:
    """A labelled rectangle in pixels of its item, ``x0 <= x1``, ``y0 <= y1``, right and bottom exclusive."""

    label: str
    x0: float
    y0: float
    x1: float
    y1: float
    identity: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One image as a task sees it: a file, or a rectangle of a file, with what is known about it.

    ``labels`` are the box classes annotated here, also those of which this image shows none; boxes are in
    pixels of the item (of the crop, where there is one). ``fixations`` is (k, 2), x and y in pixels, 0-based,
    a pixel's centre at its index. ``identity`` is the character that a face or body belongs to, ``panel`` the id of
    the panel that it was cut out of and ``place`` its box there. ``apart`` names what tells the character from others:
    two of one series are known to differ only where they share a name; without any it differs from the whole cast.
    ``strips`` are the sequences of panels (``Dataset.strips``) whose annotation names this appearance. ``label`` is the
    item's class, ``mask`` a file with a class for each pixel.

    ``parts`` are the images of an item that has several, by the name of the view that shows them; one that is not
    there is absent for this item. ``hole`` (x0, y0, x1, y1), in pixels of the item, is painted white before anything
    is resized or seen, so that nothing under it can leak. ``damage`` names what is done to the image after that, in
    order (``halftone@2``; ``data.damage.catalogue``).
    """

    id: str
    path: Path
    series: str
    split: Split
    crop: tuple[int, int, int, int] | None = None
    style: str | None = None
    boxes: tuple[Box, ...] = ()
    labels: frozenset[str] = frozenset()
    map: Path | None = None
    fixations: np.ndarray | None = field(default=None, compare=False)
    identity: str | None = None
    panel: str | None = None
    place: tuple[float, float, float, float] | None = None
    apart: tuple[str, ...] = ()
    strips: tuple[str, ...] = ()
    label: str | None = None
    mask: Path | None = None
    parts: Mapping[str, Item] = field(default_factory=dict, hash=False)
    hole: tuple[int, int, int, int] | None = None
    damage: tuple[str, ...] = ()


class Dataset(ABC):
    """A reader of one real on-disk layout. Imports no torch; opens nothing before it is asked.

    ``offers`` says what tasks may ask for: the kinds of items (see ``KINDS``), box
    classes (``boxes:face``), ``fixations``, ``identities``. ``warnings`` fills while a copy is read: what was
    repaired or left out, by name. ``checksums`` is a folder where fingerprints remember the checksums of files.
    ``specific`` decides between layouts that recognise the same folder: the larger wins. ``drawn`` says that a program
    makes the files; ``unpacked`` is a folder for images that lie in records of larger files.
    """

    name: str
    """The layout's name, of the class, by which settings go; of an object its data's name (``own``)."""
    version: ClassVar[int] = 1
    Config: ClassVar[type[Config]] = Config
    licence: ClassVar[str]
    citation: ClassVar[str]
    homepage: ClassVar[str]
    layout: ClassVar[str]
    simulated: ClassVar[bool] = False
    photographs: bool = False
    specific: ClassVar[int] = 1
    drawn: ClassVar[bool] = False
    numbering: ClassVar[str] = ""
    """Datasets that share this text name the same books alike; empty: only copies of one dataset do."""
    terms: ClassVar[str] = ""
    """Terms that a user must accept once (``data accept``) before real data are used by this name; empty: none."""
    whole: ClassVar[frozenset[str]] = frozenset()
    """The offers of a whole copy, for who has none yet; empty: it depends on the copy."""
    split_sha256: ClassVar[str] = ""
    """The hash of a whole copy's committed split (``splits.split_sha256``); empty: the split depends on the copy."""
    sources: ClassVar[Mapping[str, Source]] = MappingProxyType({})
    """Copies that ``data get`` may fetch, by name; empty: a person gets it."""
    guesses: ClassVar[bool] = False
    """True if the layout leaves open what a series is, so that ``series_from`` may say it."""
    checksums: Path | None = None
    unpacked: Path | None = None
    own: bool = False
    """True if the data are a person's own, by the name of their folder or another, not by a name known here."""
    series_from: str | None = None
    """A regular expression that finds the series in an image's path (``units.by_regex``)."""

    def __init__(self, root: Path, config: settings.Config | None = None) -> None:
        self.root = root
        self.config: Any = config or self.Config()
        self.warnings: list[str] = []

    @property
    def reader(self) -> str:
        """The name of the layout."""
        return type(self).name

    @property
    def series_by(self) -> SeriesBy:
        """The way in which the series of the items were found; by default the layout says them."""
        return "layout"

    @property
    def splits_cut_series(self) -> bool:
        """Return whether the copy's folders or lists, which are followed, put one series into several splits."""
        return False

    @classmethod
    @abstractmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether the folder ``root`` holds this layout, by a cheap look: no file is read whole."""

    @classmethod
    def accepts(cls, root: Path) -> bool:
        """Return whether ``root`` can be read as this layout where the user says that it is one."""
        return cls.recognises(root)

    @classmethod
    def may_be(cls, root: Path) -> bool:
        """Return whether ``root`` holds this layout by a file's content; asked where nothing else is recognised."""
        del root
        return False

    @abstractmethod
    def offers(self) -> frozenset[str]:
        """Return what this very copy offers (a saliency folder without fixations offers none)."""

    @abstractmethod
    def items(self, kind: Kind, split: Split) -> list[Item]:
        """Return all items of a kind in a split, in a fixed order."""

    def classes(self, of: str = "labelled") -> tuple[str, ...]:
        """Return the classes of ``label`` and ``mask`` of a kind, in order; known before anything is drawn.

        Of ``identities`` the characters of the test series. Empty where there are none.
        """
        del of
        return ()

    def counts(self) -> dict[str, int]:
        """Return the counts that only this reader can make, by the name that people use; ``data check`` shows them."""
        return {}

    def faults(self) -> list[str]:
        """Return the faults that only this reader can find, a line each; asked for after everything is read."""
        return []

    def strips(self, split: Split) -> dict[str, tuple[str, ...]]:
        """Return the annotated sequences of consecutive panels of a split: name -> panel ids in reading order."""
        del split
        return {}

    def require(self, kind: Kind, split: Split) -> None:
        """Raise UsageError where a split that is asked for has no items; what a program draws has all splits."""
        del kind, split

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a hash of what the numbers depend on: of files, or of a generator's version and parameters."""

    def changes(self) -> str:
        """Return which files changed since the last run, in a line; drawn data never change under their name."""
        return ""

    def foretold(self, kind: Kind, split: Split) -> list[tuple[int, int]]:
        """Return the width and height of the images that a program will draw; empty where no program draws any."""
        del kind, split
        return []

    def settle(self) -> None:  # noqa: B027 (nothing to do by default)
        """Record the data as they are at the start of a run: the next run is compared with them."""

    def verify(self, progress: Progress) -> None:
        """Check what a program has drawn here before, ahead of anything that is planned from it; nothing else to do."""
        del progress

    def prepare(self, progress: Progress) -> None:
        """Make what is missing: files that a program draws, images that lie in records of larger files."""
        del progress
