"""Comics drawn by the program, with exact labels; the embedded default, simulated."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from inkbench.benchmark.contracts.dataset import KINDS, Box, Dataset, Item, Kind, Split
from inkbench.benchmark.data.boxes import panelise
from inkbench.benchmark.data.layouts.ai4va import Ai4va
from inkbench.benchmark.data.layouts.char_reid import CharReid
from inkbench.benchmark.data.layouts.dcm772 import Dcm772
from inkbench.benchmark.data.layouts.imagefolder import Imagefolder
from inkbench.benchmark.data.layouts.voc import Voc
from inkbench.benchmark.data.synth import make
from inkbench.benchmark.data.synth.cast import make_cast
from inkbench.benchmark.data.synth.config import SynthConfig
from inkbench.benchmark.data.synth.head import EXPRESSIONS
from inkbench.benchmark.data.synth.page import frames_of
from inkbench.benchmark.data.synth.poses import POSES
from inkbench.benchmark.data.synth.semantic import MASK_CLASSES, SCENES
from inkbench.benchmark.data.synth.series import split_of
from inkbench.benchmark.data.synth.style import make_style
from inkbench.benchmark.data.synth.writers import LAYOUTS
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.progress import Progress

TEXTS = frozenset({"text", "balloon"})


class Synth(Dataset):
    """Series drawn by the program in several styles, each with a cast of its own; every label is exact.

    ``root`` is the folder of this drawn copy; it holds the layouts of COMICS, DCM772, AI4VA, comic_char_reid, PASCAL
    VOC (masks) and a folder per scene, and everything is read through the readers of those layouts. What the layouts
    cannot carry (lettering, identities of boxes, expressions, poses, depth order) comes from ``labels/``. The viewers
    are simulated.
    """

    name = "synth"
    version = make.GENERATOR
    Config = SynthConfig
    licence = "Apache-2.0, as the program that draws it"
    citation = "drawn by inkbench; cite inkbench"
    homepage = ""
    layout = f"{make.MARKER}, series.json, comics/, dcm772/, ai4va/, char_reid/, voc/, scenes/, labels/"
    simulated = True
    drawn = True
    specific = 3

    def __init__(self, root: Path, config: Any = None) -> None:
        """Open a copy; a finished one keeps the settings it was drawn with, unless others are asked for."""
        super().__init__(root, config)
        self._whole = False
        marker = make.read_marker(root)
        if marker and (config is None or _usual(self.config)):
            self.config = SynthConfig(**marker["settings"])

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether a finished copy lies here."""
        return (root / make.MARKER).is_file() and (root / "labels").is_dir()

    def offers(self) -> frozenset[str]:
        """Return all offers: every kind of item, box and label."""
        boxes = {f"boxes:{label}" for label in ("panel", "face", "body", "text", "balloon")}
        return frozenset(
            {*KINDS, "fixations", "styles", "identities", "expressions", "poses", "masks", "depth", *boxes}
        )

    def fingerprint(self) -> str:
        """Return a hash of the generator's version and its settings."""
        return make.fingerprint(self.config)

    def verify(self, progress: Progress) -> None:
        """Hold a finished copy against its checksums; drawn again or refused where it is another (see ``make``)."""
        if (self.root / make.MARKER).exists():
            self.prepare(progress)

    def prepare(self, progress: Progress) -> None:
        """Draw what is missing, with all cores. Raises UsageError where the folder holds other comics."""
        if not self._whole:
            make.make(self.root, self.config, progress, checksums=self.checksums)
            self._whole = True

    def items(self, kind: Kind, split: Split) -> list[Item]:
        """Return all items of a kind in a split, in a fixed order."""
        marker = make.read_marker(self.root)
        if marker is None or not set(LAYOUTS) <= set(marker["layouts"]):
            raise UsageError(
                f"{self.root} is not drawn yet; draw it with: run_benchmark.py data make synth --out {self.root}"
            )
        if kind == "saliency":
            return self._gaze.items(kind, split)
        if kind == "labelled":
            return self._scenes.items(kind, split)
        if kind == "segmented":
            return self._masks.items(kind, split)
        if kind not in ("panels", "pages"):
            known = (_exact(item) for item in self._characters.items(kind, split))
            return [replace(item, label=self._traits.get(item.id)) for item in known]
        items = self._boxes.items(kind, split)
        return [self._with_labels(item, kind) for item in items]

    def foretold(self, kind: Kind, split: Split) -> list[tuple[int, int]]:
        """Return panels known beforehand: those of all pages' layouts, which are known before anything is drawn."""
        if kind != "panels":
            return []
        sizes = []
        for series in range(self.config.series):
            if split_of(series, self.config.series) != split:
                continue
            style = make_style(self.config.seed, series)
            for page in range(self.config.pages):
                for frame in frames_of(self.config, series, page, style):
                    x0, y0, x1, y1 = frame.bounds()
                    sizes.append((x1 - x0, y1 - y0))
        return sizes

    def strips(self, split: Split) -> dict[str, tuple[str, ...]]:
        """Return sequences of four panels by name."""
        return self._characters.strips(split)

    @cached_property
    def _boxes(self) -> Dcm772:
        return Dcm772(self.root / "dcm772")

    @cached_property
    def _gaze(self) -> Ai4va:
        return Ai4va(self.root / "ai4va")

    @cached_property
    def _characters(self) -> CharReid:
        return CharReid(self.root / "char_reid")

    @cached_property
    def _scenes(self) -> Imagefolder:
        return Imagefolder(self.root / "scenes")

    @cached_property
    def _masks(self) -> Voc:
        return Voc(self.root / "voc")

    @cached_property
    def _traits(self) -> dict[str, str]:
        """The expression of every face and the pose of every body that is cut out, by its id."""
        found = {}
        for path in (self.root / "labels").glob("*.json"):
            record = json.loads(path.read_text())
            for page in record["pages"]:
                for panel in page["panels"]:
                    place = f"{path.stem}_{page['page']}_{panel['panel']}"
                    for who in panel["characters"]:
                        for part, trait in (("face", "expression"), ("body", "pose")):
                            if who[part]:
                                found[f"{place}_{part}_{who[f'{part}_index']}"] = who[trait]
        return found

    def classes(self, of: str = "labelled") -> tuple[str, ...]:
        """Return scenes of panels, content of pixels, expressions of faces, poses of bodies, casts of test series."""
        if of == "identities":
            test = [k for k in range(self.config.series) if split_of(k, self.config.series) == "test"]
            casts = [make_cast(self.config.seed, k, make_style(self.config.seed, k)) for k in test]
            return tuple(who.id for cast in casts for who in cast)
        known = {"labelled": SCENES, "segmented": MASK_CLASSES, "faces": EXPRESSIONS, "bodies": tuple(POSES)}
        return known.get(of, ())

    @cached_property
    def _labels(self) -> dict[str, tuple[Box, ...]]:
        """Lettering, and faces and bodies with their identities, of every page, in pixels of the page."""
        found = {}
        for path in (self.root / "labels").glob("*.json"):
            record = json.loads(path.read_text())
            for page in record["pages"]:
                found[f"{path.stem}/{page['page']}"] = tuple(_page_boxes(page))
        return found

    def _with_labels(self, item: Item, kind: Kind) -> Item:
        """Return an item as its layout gives it, with lettering and with identities of its boxes."""
        page = item.id if kind == "pages" else item.id.rpartition("_")[0]
        known = self._labels[page] if item.crop is None else panelise(self._labels[page], item.crop)
        names = {(box.label, box.x0, box.y0, box.x1, box.y1): box.identity for box in known}
        boxes = tuple(
            replace(box, identity=names.get((box.label, box.x0, box.y0, box.x1, box.y1))) for box in item.boxes
        )
        lettering = tuple(box for box in known if box.label in TEXTS)
        return replace(item, boxes=(*boxes, *lettering), labels=item.labels | TEXTS)

    def labels(self, series: str) -> dict[str, Any]:
        """Return everything known of a series (docs/synth.md): cast, panels, characters, texts, depth order, gaze."""
        return cast(dict[str, Any], json.loads((self.root / "labels" / f"{series}.json").read_text()))

    def mask(self, panel: str) -> Path:
        """Return the instance codes (grey PNG) of a panel item ``<series>/<page>_<panel>``; ``labels`` names them."""
        return self.root / "labels" / "masks" / f"{panel}.png"


def _exact(item: Item) -> Item:
    """Mark an item as a character of a cast: it differs from all others, whatever sequences name it."""
    return replace(item, apart=(), parts={name: _exact(part) for name, part in item.parts.items()})


def _usual(config: SynthConfig) -> bool:
    return any(not config.changed(preset) for preset in ("quick", *config.presets))


def _page_boxes(page: dict[str, Any]) -> list[Box]:
    boxes = []
    for panel in page["panels"]:
        x, y = panel["box"][:2]

        def add(label: str, box: list[int] | None, identity: str | None = None, x: int = x, y: int = y) -> None:
            if box:
                boxes.append(
                    Box(label, float(box[0] + x), float(box[1] + y), float(box[2] + x), float(box[3] + y), identity)
                )

        for character in panel["characters"]:
            add("body", character["body"], character["id"])
            add("face", character["face"], character["id"])
        for text in panel["texts"]:
            add("text", text["box"])
            add("balloon", text["balloon"])
    return boxes
