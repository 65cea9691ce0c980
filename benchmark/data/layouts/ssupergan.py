"""SSuperGAN's faces of COMICS: the panels of COMICS with the boxes that a detector found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from inkbench.benchmark.api import setting
from inkbench.benchmark.contracts.dataset import Box, Item, Kind
from inkbench.benchmark.data.filenames import one_name, without_suffix
from inkbench.benchmark.data.files import by_stem, texts_in
from inkbench.benchmark.data.layouts.comics import OCR, PANELS, Comics, ComicsConfig
from inkbench.benchmark.data.reading.listed_windows import listed_panels, listed_windows
from inkbench.benchmark.data.reading.panel_windows import windows
from inkbench.benchmark.data.texts import before_numbers, lines_of, number
from inkbench.benchmark.errors import UsageError, brief

FACES = "golden_face_annot"
WINDOWS, LISTED = "seq_panels_faces_conf_90.json", "only_panel_data.json"


class SSuperGanConfig(ComicsConfig):
    """Settings of the reader."""

    confidence: float = setting(0.9, "the detector's confidence from which a box is a face", "SSuperGAN", ge=0, le=1)
    windows: Literal["rule", "list"] = setting(
        "rule", f"rule: windows of panels that show a face; list: those of {WINDOWS}, the authors' own"
    )
    panels: Literal["all", "list"] = setting("all", f"list: only the panels of {LISTED}")


class SSuperGan(Comics):
    """COMICS with ``golden_face_annot/BOOK.txt``: faces found by a detector, windows of panels that show some.

    Windows are made from the boxes by the rule of ``panel_windows``, or taken from the authors' list, which lacks the
    last one (their loop ends one too early). Nobody is named: faces have no identity.
    """

    name = "ssupergan"
    on_request = (OCR, WINDOWS, LISTED)
    Config = SSuperGanConfig
    whole = frozenset({"panels", "pages", "boxes:face", "sequences"})
    licence = "scans in the public domain (Digital Comic Museum); boxes: not stated by the authors"
    citation = "SSuperGAN, github.com/barisbatuhan/SSuperGAN; panels: Iyyer et al., CVPR 2017, arXiv 1611.05118"
    homepage = "https://github.com/barisbatuhan/SSuperGAN"
    layout = (
        f"{PANELS}/BOOK/PAGE_PANEL.jpg, {FACES}/BOOK.txt: lines BOOK/PAGE_PANEL.jpg X1 Y1 X2 Y2 CONFIDENCE [{WINDOWS}] "
        f"[{LISTED}]"
    )
    specific = 2

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether there are lists of faces beside a folder of panels."""
        return super().recognises(root) and (root / FACES).is_dir()

    def offers(self) -> frozenset[str]:
        """Return what COMICS offers, the boxes of faces, and windows of panels."""
        return super().offers() | {"boxes:face", "sequences"}

    def files(self) -> list[Path]:
        """Return panels, pages, the lists of advertisements and faces, and the authors' lists that are used."""
        used = {WINDOWS: self.config.windows, LISTED: self.config.panels}
        lists = [self._own(name) for name, how in used.items() if how == "list"]
        return [*super().files(), *self._lists.values(), *lists]

    def _own(self, name: str) -> Path:
        """Return a list of the authors' that the settings ask for. Raises UsageError."""
        path = self.root / name
        if not path.is_file():
            setting = "windows" if name == WINDOWS else "panels"
            raise UsageError(f"{self.root} has no {name}; leave out --set {self.name}.{setting}=list")
        return path

    @cached_property
    def _lists(self) -> dict[str, Path]:
        return by_stem(texts_in(self.root / FACES, ".txt"))

    def read(self, kind: Kind) -> list[Item]:
        """Return panels with their faces where their book has a list, pages, or windows."""
        if kind == "sequences" and self.config.windows == "list":
            panels = {panel.id: panel for panel in self.read("panels")}
            return listed_windows(self._own(WINDOWS), panels, lambda panel: self.size(panel.path), self.warn)
        if kind == "sequences":
            return windows(self.read("panels"), lambda panel: self.size(panel.path))
        items = super().read(kind)
        if kind == "pages":
            return items
        if self.config.panels == "list":
            wanted = listed_panels(self._own(LISTED))
            items = [item for item in items if item.id in wanted]
        return [self._with_faces(item) for item in items]

    def _with_faces(self, panel: Item) -> Item:
        if panel.series not in self._lists:
            return panel
        found = self._repaired(panel) if panel.id in self._boxes else ()
        boxes = self.once(found, f"{self._lists[panel.series]}: {panel.id}")
        return replace(panel, boxes=(*panel.boxes, *boxes), labels=panel.labels | {"face"})

    def _repaired(self, panel: Item) -> Iterator[Box]:
        size = self.size(panel.path)
        for line, corners in self._boxes[panel.id]:
            inside = self.rules.mended(corners, size, f"{self._lists[panel.series]}:{line}: box")
            if inside:
                yield Box("face", *inside)

    @cached_property
    def _boxes(self) -> dict[str, list[tuple[int, tuple[float, float, float, float]]]]:
        """Line and corners of every face that is sure enough, by panel. Raises UsageError with file and line."""
        found: dict[str, list[tuple[int, tuple[float, float, float, float]]]] = {}
        for book, path in self._lists.items():
            for line, text in lines_of(path):
                name, values = before_numbers(text)
                name = one_name(name.replace("\\", "/")).removeprefix("./")
                if len(values) != 5 or not name.startswith(f"{book}/"):
                    raise UsageError(
                        f"{path}:{line}: {brief(text)} is not {book}/PAGE_PANEL.jpg X1 Y1 X2 Y2 CONFIDENCE"
                    )
                x0, y0, x1, y1, sure = (number(path, line, value, "a number") for value in values)
                if sure >= self.config.confidence:
                    found.setdefault(without_suffix(name), []).append((line, (x0, y0, x1, y1)))
        return found
