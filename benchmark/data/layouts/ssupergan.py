"""SSuperGAN's faces of COMICS: the panels of COMICS with the boxes that a detector found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from benchmark.config import Config, setting
from benchmark.data.boxes import repair
from benchmark.data.dataset import Box, Item, Kind
from benchmark.data.files import lines_of, number
from benchmark.data.layouts.comics import PANELS, Comics
from benchmark.data.layouts.panel_windows import windows
from benchmark.errors import Refusal

FACES = "golden_face_annot"


class SSuperGanConfig(Config):
    """Settings of the reader."""

    confidence: float = setting(0.9, "the detector's confidence from which a box is a face", "SSuperGAN", ge=0, le=1)


class SSuperGan(Comics):
    """COMICS with ``golden_face_annot/BOOK.txt``: faces found by a detector, windows of panels that show some.

    Windows are made from the boxes by the rule of ``panel_windows``; the authors' list of windows is not read. Nobody
    is named: faces have no identity.
    """

    name = "ssupergan"
    Config = SSuperGanConfig
    whole = frozenset({"panels", "pages", "boxes:face", "sequences"})
    licence = "scans in the public domain (Digital Comic Museum); boxes: not stated by the authors"
    citation = "SSuperGAN, github.com/barisbatuhan/SSuperGAN; panels: Iyyer et al., CVPR 2017, arXiv 1611.05118"
    homepage = "https://github.com/barisbatuhan/SSuperGAN"
    layout = f"{PANELS}/BOOK/PAGE_PANEL.jpg, {FACES}/BOOK.txt: lines BOOK/PAGE_PANEL.jpg X1 Y1 X2 Y2 CONFIDENCE"
    specific = 2

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Whether there are lists of faces beside a folder of panels."""
        return super().recognises(root) and (root / FACES).is_dir()

    def offers(self) -> frozenset[str]:
        """What COMICS offers, the boxes of faces, and windows of panels."""
        return super().offers() | {"boxes:face", "sequences"}

    def files(self) -> list[Path]:
        """Panels, pages, the list of advertisements, and the lists of faces."""
        return [*super().files(), *self._lists.values()]

    @cached_property
    def _lists(self) -> dict[str, Path]:
        return {path.stem: path for path in sorted((self.root / FACES).glob("*.txt"))}

    def read(self, kind: Kind) -> list[Item]:
        """Panels with their faces where their book has a list, pages, or windows."""
        if kind == "sequences":
            return windows(self.read("panels"), lambda panel: self.size(panel.path))
        items = super().read(kind)
        return items if kind == "pages" else [self._with_faces(item) for item in items]

    def _with_faces(self, panel: Item) -> Item:
        if panel.series not in self._lists:
            return panel
        found = tuple(self._repaired(panel)) if panel.id in self._boxes else ()
        return replace(panel, boxes=found, labels=frozenset({"face"}))

    def _repaired(self, panel: Item) -> Iterator[Box]:
        size = self.size(panel.path)
        for line, corners in self._boxes[panel.id]:
            inside, said = repair(corners, size)
            if said:
                self.warn(f"{self._lists[panel.series]}:{line}: box {said}")
            if inside:
                yield Box("face", *inside)

    @cached_property
    def _boxes(self) -> dict[str, list[tuple[int, tuple[float, float, float, float]]]]:
        """Line and corners of every face that is sure enough, by panel. Raises Refusal with file and line."""
        found: dict[str, list[tuple[int, tuple[float, float, float, float]]]] = {}
        for path in self._lists.values():
            for line, text in lines_of(path):
                name, *values = text.split()
                if len(values) != 5 or not name.startswith(f"{path.stem}/"):
                    raise Refusal(f"{path}:{line}: {text!r} is not {path.stem}/PAGE_PANEL.jpg X1 Y1 X2 Y2 CONFIDENCE")
                x0, y0, x1, y1, sure = (number(path, line, value, "a number") for value in values)
                if sure >= self.config.confidence:
                    found.setdefault(name.rpartition(".")[0], []).append((line, (x0, y0, x1, y1)))
        return found
