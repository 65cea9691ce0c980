"""Comic character re-identification: face and body crops with identities, sequences of four panels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Literal, cast

from inkbench.benchmark.contracts.dataset import SPLITS, Box, Item, Kind, Split
from inkbench.benchmark.data.boxes import panel_crop, repair
from inkbench.benchmark.data.filenames import one_name
from inkbench.benchmark.data.files import FileDataset, folders, images_in, name_of, stem_of, texts_in
from inkbench.benchmark.data.jsonfile import field
from inkbench.benchmark.data.named import Finder
from inkbench.benchmark.data.reading.appearances import Appearance, paired
from inkbench.benchmark.data.reading.character_lists import (
    Instance,
    PanelSequence,
    Row,
    by_panel,
    characters_of,
    face_square,
    named,
    read_boxes,
    read_listed,
    sequence_entries,
    sequence_series,
    strips_by_instance,
)
from inkbench.benchmark.data.reading.panel_windows import windows
from inkbench.benchmark.data.splits import Series, assign, few

BODIES, FACES, PANELS, BOXES = "comics_crops", "comics_crops_large_faces", "raw_panel_images", "merged_face_body.csv"
_LIST = re.compile(r"_char_|_sequences$")


class CharReid(FileDataset):
    """comic_char_reid (Soykan et al. 2023): face and body crops of COMICS with identities; sequences of four panels.

    Where the raw panels and ``merged_face_body.csv`` are there, panels are items with the boxes of faces and bodies.
    """

    name = "comic_char_reid"
    whole = frozenset(
        {
            "identities",
            "faces",
            "bodies",
            "characters",
            "face_pairs",
            "body_pairs",
            "panels",
            "boxes:face",
            "boxes:body",
            "sequences",
        }
    )
    licence = "not stated by the authors; scans in the public domain (Digital Comic Museum)"
    numbering = "COMICS"
    citation = (
        "Soykan, Yuret, Sezgin: Identity-Aware Semi-Supervised Learning for Comic Character Re-Identification. "
        "2023, arXiv 2308.09096"
    )
    homepage = "https://github.com/gsoykan/comic_char_reid"
    layout = (
        f"{BODIES}/SERIES/PAGE_PANEL/bodies/K.jpg, {FACES}/SERIES/PAGE_PANEL/K.jpg, "
        "{train,val,test}_char_{faces,bodies}.json, {train,validation,test}_sequences.json "
        f"[{PANELS}/SERIES/PAGE_PANEL.jpg with {BOXES}]"
    )
    specific = 2

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether there are crops beside lists of characters."""
        return (root / BODIES).is_dir() and any((root / f"{split}_char_faces.json").is_file() for split in SPLITS)

    def offers(self) -> frozenset[str]:
        """Return identities, faces, bodies, both; panels, their boxes and windows where the raw panels are there."""
        here = {"identities", "faces", "bodies", "characters", "face_pairs", "body_pairs"}
        if (self.root / PANELS).is_dir():
            here.add("panels")
            if (self.root / BOXES).is_file():
                here |= {"boxes:face", "boxes:body", "sequences"}
        return frozenset(here)

    def classes(self, of: str = "labelled") -> tuple[str, ...]:
        """Return the characters of the test series for ``identities``, by name."""
        if of != "identities":
            return ()
        return tuple(sorted({one.identity for one in self._instances.values() if one.split == "test"}))

    def instances(self, split: Split) -> list[Instance]:
        """Return a split's face and body crops with their identities, in the order of the lists. Raises UsageError."""
        return [instance for instance in self._instances.values() if instance.split == split]

    @cached_property
    def _listed(self) -> dict[str, tuple[Split, str]]:
        return read_listed(self.root)

    @cached_property
    def _boxes(self) -> dict[str, Row]:
        return read_boxes(self.root / BOXES, self._listed)

    @cached_property
    def _series(self) -> dict[str, Series]:
        splits: dict[str, set[Split]] = {}
        for name, (split, _) in self._listed.items():
            splits.setdefault(named(name)["series"], set()).add(split)
        for path, split, entry in sequence_entries(self.root):
            splits.setdefault(sequence_series(one_name(field(entry, "seq_id", str, str(path)))), set()).add(split)
        cut = sorted(series for series, of in splits.items() if len(of) > 1)
        if cut:
            self.warn(f"the lists put {len(cut)} series into several splits: {few(cut)}; each is held out completely")
        # what a list holds out stays held out: a series of test that train names too is test
        order: tuple[Split, ...] = ("test", "val", "train")
        listed: dict[str, Split] = {series: next(s for s in order if s in of) for series, of in splits.items()}
        others: dict[str, Split] = dict.fromkeys(self._folders, "train")
        return assign({*listed, *others}, self.root, {**others, **listed})

    @cached_property
    def _finder(self) -> Finder:
        return Finder()

    @cached_property
    def _folders(self) -> dict[str, Path]:
        """The folders of raw panels by the name of their series."""
        return {name_of(folder): folder for folder in folders(self.root / PANELS)}

    @cached_property
    def _instances(self) -> dict[str, Instance]:
        found, missing = {}, []
        for name, (_, identity) in self._listed.items():
            part = named(name)
            found_at = self._cut_out(part) or self._in_panel(name, part)
            if found_at is None:
                missing.append(name)
                self.absent(f"the crop of {name}", f"a list of {self._listed[name][0]} characters")
                continue
            path, crop = found_at
            series, kind = part["series"], cast(Literal["face", "body"], part["kind"])
            panel, of = f"{series}/{part['page']}_{part['panel']}", self._series[series]
            found[name] = Instance(name, path, kind, identity, series, panel, of.split, of.style, crop)
        if missing:
            self.warn(f"instances without a crop left out ({len(missing)}): {few(missing)}")
        return found

    def _cut_out(self, part: dict[str, str]) -> tuple[Path, None] | None:
        """Return the file that an instance was cut out into."""
        panel = f"{part['series']}/{part['page']}_{part['panel']}"
        folder, inner = (FACES, panel) if part["kind"] == "face" else (BODIES, f"{panel}/bodies")
        file = self._finder.find(self.root / folder, f"{inner}/{part['index']}.jpg", f"a list of {self.name}")
        return (file, None) if file.is_file() else None

    def _in_panel(self, name: str, part: dict[str, str]) -> tuple[Path, tuple[int, int, int, int]] | None:
        """Return the panel and the rectangle that an instance would be cut out by."""
        panel = f"{part['series']}/{part['page']}_{part['panel']}.jpg"
        file = self._finder.find(self.root / PANELS, panel, f"a list of {self.name}")
        size = self.size(file) if name in self._boxes else None
        if size is None:
            return None
        box = self._boxes[name].box
        corners, _ = repair((box.x0, box.y0, box.x1, box.y1), size)
        if corners is None:
            return None
        return file, face_square(corners, size) if part["kind"] == "face" else panel_crop(corners)

    def sequences(self, split: Split) -> list[PanelSequence]:
        """Return the sequences of panels of a split, with who appears in them. Raises UsageError."""
        return [sequence for sequence in self._sequences if sequence.split == split]

    def strips(self, split: Split) -> dict[str, tuple[str, ...]]:
        """Return the panels of every sequence of a split by its name."""
        return {sequence.id: sequence.panels for sequence in self.sequences(split)}

    @cached_property
    def _sequences(self) -> list[PanelSequence]:
        found = []
        for path, _, entry in sequence_entries(self.root):
            name = one_name(field(entry, "seq_id", str, str(path)))
            series, where = sequence_series(name), f"{path}: {name[:80]}"
            characters = characters_of(entry, where)
            panels = tuple("/".join((series, part.removeprefix(f"{series}_"))) for part in name.split("+"))
            found.append(PanelSequence(name, panels, series, self._series[series].split, characters))
        return found

    @cached_property
    def _strips_of(self) -> dict[str, list[str]]:
        """The sequences that name each instance."""
        return strips_by_instance(self._sequences)

    @cached_property
    def _apart(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """The sequences that name each (series, character); who is named nowhere is told apart from nobody."""
        if not self._sequences:
            self.warn("no sequences: all characters of a series are assumed to differ")
            return {}
        found: dict[tuple[str, str], set[str]] = {}
        for name, (_, identity) in self._listed.items():
            found.setdefault((named(name)["series"], identity), set()).update(self._strips_of.get(name, ()))
        return {who: tuple(sorted(of)) or (f"character {who[1]}",) for who, of in found.items()}

    @cached_property
    def _boxes_of(self) -> dict[str, list[Row]]:
        """The boxes of each panel item."""
        return by_panel(self._boxes)

    def files(self) -> list[Path]:
        """Return the lists, boxes, raw panels and the crops that the lists name."""
        every = [file for file in texts_in(self.root, ".json") if _LIST.search(file.stem)]
        lists = [*every, self.root / BOXES]
        panels = [file for folder in self._folders.values() for file in images_in(folder)]
        crops = [instance.path for instance in self._instances.values()]
        return [*(file for file in lists if file.is_file()), *panels, *crops]

    def read(self, kind: Kind) -> list[Item]:
        """Return the raw panels with the boxes that are known, windows of them, or characters cut out of them."""
        if kind == "sequences":
            return windows(self._panels(), lambda panel: self.size(panel.path))
        if kind == "characters":
            return [self._character(appearance) for appearance in self._appearances()]
        return self._panels() if kind == "panels" else self._cut_outs(kind)

    def _cut_outs(self, kind: Kind) -> list[Item]:
        """Return faces or bodies in the order of the lists; for pairs, characters with both in their panel, by name."""
        part = "face" if kind.startswith("face") else "body"
        wanted = [instance for instance in self._instances.values() if instance.kind == part]
        if kind.endswith("_pairs"):
            both = {instance.id for pair in self._pairs() for instance in pair}
            wanted = sorted((one for one in wanted if one.id in both), key=lambda one: (one.panel, one.identity))
        return [self._item(one) for one in wanted]

    def _item(self, one: Instance) -> Item:
        row = self._boxes.get(one.id)
        return Item(
            id=one.id,
            path=one.path,
            series=one.series,
            split=one.split,
            crop=one.crop,
            style=one.style,
            identity=one.identity,
            panel=one.panel,
            place=(row.box.x0, row.box.y0, row.box.x1, row.box.y1) if row else None,
            apart=self._apart.get((one.series, one.identity), ()),
            strips=tuple(self._strips_of.get(one.id, ())),
        )

    def _appearances(self) -> list[Appearance]:
        """Pair faces and bodies as appearances: by sequences, then the boxes' file, then panels with one each."""
        annotated = (pair for sequence in self._sequences for pairs in sequence.characters.values() for pair in pairs)
        drawn: dict[tuple[str, str], dict[str, list[str]]] = {}
        for name, row in self._boxes.items():
            if name in self._instances:
                place = self._instances[name].panel, row.character
                drawn.setdefault(place, {"face": [], "body": []})[row.box.label].append(name)
        boxed = ((of["face"][0], of["body"][0]) for of in drawn.values() if len(of["face"]) == len(of["body"]) == 1)
        alike = ((face.id, body.id) for face, body in self._pairs())
        return paired(self._instances, [*annotated, *boxed, *alike])

    def _character(self, appearance: Appearance) -> Item:
        """Return an appearance as an item whose parts are its face and its body, or the one of them that is there."""
        names = [name for name in appearance if name]
        parts: dict[str, Item] = {self._instances[name].kind: self._item(self._instances[name]) for name in names}
        first = next(iter(parts.values()))
        strips = tuple(sorted({strip for part in parts.values() for strip in part.strips}))
        return replace(first, id="+".join(names), parts=parts, place=None, strips=strips)

    def _pairs(self) -> Iterator[tuple[Instance, Instance]]:
        """Pair face and body of one character in one panel; a character that is there twice is left out."""
        found: dict[tuple[str, str], dict[str, list[Instance]]] = {}
        for one in self._instances.values():
            found.setdefault((one.panel, one.identity), {"face": [], "body": []})[one.kind].append(one)
        for parts in found.values():
            if len(parts["face"]) == len(parts["body"]) == 1:
                yield parts["face"][0], parts["body"][0]

    def _panels(self) -> list[Item]:
        """Return the raw panels, with boxes of faces and bodies where these are known."""
        labels = frozenset({"face", "body"}) if "boxes:face" in self.offers() else frozenset[str]()
        items = []
        for series, folder in self._folders.items():
            of = self._series[series]
            for file in images_in(folder):
                name = f"{series}/{stem_of(file)}"
                boxes = self.once(self._repaired(name, file), f"{self.root / BOXES}: {name}") if labels else ()
                items.append(Item(name, file, series, of.split, style=of.style, boxes=boxes, labels=labels))
        return items

    def _repaired(self, panel: str, file: Path) -> Iterator[Box]:
        boxes = self._boxes_of.get(panel, [])
        size = self.size(file) if boxes else None
        if boxes:
            self.fits(file, None)
        for line, box, _ in boxes:
            corners = self.rules.mended((box.x0, box.y0, box.x1, box.y1), size, f"{self.root / BOXES}:{line}: box")
            if corners:
                yield Box(box.label, *corners, identity=box.identity)
