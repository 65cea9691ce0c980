"""Comic2k, Watercolor2k and Clipart1k: drawn images with boxes of VOC's classes, in the layout of PASCAL VOC."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from inkbench.benchmark.api import setting
from inkbench.benchmark.contracts.dataset import Split
from inkbench.benchmark.data.layouts.voc import BOXES, IMAGES, LISTS, Voc, VocConfig
from inkbench.benchmark.data.splits import few
from inkbench.benchmark.data.texts import listed, raw_lines_of
from inkbench.benchmark.errors import plural

EXTRA = f"{LISTS}/Main/extra.txt"


class CrossDomainConfig(VocConfig):
    """VOC's settings; persons are bodies."""

    body: tuple[str, ...] = setting(("person",), "names in the XML that are bodies (the others are things and animals)")


class CrossDomain(Voc):
    """The shared layout of the three sets of Inoue et al. (2018): VOC's, with ``train.txt`` and ``test.txt``.

    Images of ``extra.txt`` have no boxes of their own, only a dummy at 1, 1, 1, 1: they are panels for pretraining and
    no task that needs boxes sees them. Boxes of 16 square pixels or less are left out, as DASS does. A tenth of train
    is validation. The three cannot be told apart by their files, so a folder is recognised by its name.
    """

    Config = CrossDomainConfig
    licence = "images from the web under their authors' terms, for research; see the homepage"
    citation = (
        "Inoue, Furuta, Yamasaki, Aizawa: Cross-Domain Weakly-Supervised Object Detection through Progressive Domain "
        "Adaptation. CVPR 2018, arXiv 1803.11365"
    )
    homepage = "https://naoto0804.github.io/cross_domain_detection/"
    layout = f"{IMAGES}/NAME.jpg, {BOXES}/NAME.xml, {LISTS}/Main/: train.txt test.txt [extra.txt], a NAME a line"
    whole = frozenset({"panels", "boxes:body"})
    specific = 2
    least_area = 16.0
    folders: ClassVar[frozenset[str]] = frozenset()
    """The names of the folder of this set, in small letters."""

    def __init__(self, root: Path, config: Any = None) -> None:
        super().__init__(root, config)
        self.photographs = bool(self.config.photographs)  # drawn, though the names are numbers like VOC's

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether boxes in VOC's layout lie in a folder of this set's name."""
        return cls.accepts(root) and root.resolve().name.lower() in cls.folders

    @classmethod
    def accepts(cls, root: Path) -> bool:
        """Return whether there are images and XML files."""
        return (root / IMAGES).is_dir() and (root / BOXES).is_dir()

    @cached_property
    def _bare(self) -> frozenset[str]:
        """The images that have no boxes; one that a list of a split names too is none of them."""
        path = self.root / EXTRA
        named = {listed(line, self._images) for _, line in raw_lines_of(path)} if path.is_file() else set()
        if lacking := sorted(named - self._images.keys()):
            self.warn(
                f"{path}: {len(lacking)} of {plural(len(named), 'name')} left out, which have no image: {few(lacking)}"
            )
        return frozenset((named & self._images.keys()) - super()._given.keys())

    @cached_property
    def _given(self) -> dict[str, Split]:
        return {**super()._given, **dict.fromkeys(sorted(self._bare), "train")}

    def files(self) -> list[Path]:
        """Return the files of VOC's layout, and the list of images without boxes."""
        extra = self.root / EXTRA
        return [*super().files(), *([extra] if extra.is_file() else [])]


class Comic2k(CrossDomain):
    """Comic2k: 2,000 images of comics from Behance with boxes of six classes, of which persons count."""

    name = "comic2k"
    folders = frozenset({"comic", "comic2k"})


class Watercolor2k(CrossDomain):
    """Watercolor2k: 2,000 watercolours with boxes of six classes, of which persons count."""

    name = "watercolor2k"
    folders = frozenset({"watercolor", "watercolor2k"})


class Clipart1k(CrossDomain):
    """Clipart1k: 1,000 cliparts with boxes of VOC's 20 classes, of which persons count."""

    name = "clipart1k"
    folders = frozenset({"clipart", "clipart1k"})
