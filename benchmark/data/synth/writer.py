"""Drawn series as copies of real layouts: COMICS, DCM772, AI4VA, comic_char_reid, VOC, a folder per class.

Image files are hard links to the drawn ones (copies where the disk has no links). Writing again changes nothing.
Nothing is flushed file by file: a copy counts only from its marker on, and ``make`` flushes all before that.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmark.data.synth.semantic import MASK_CLASSES, SCENES, scene_of
from benchmark.data.synth.series import split_of, style_of

LAYOUTS = ("comics", "dcm772", "ai4va", "char_reid", "voc", "scenes")
SPLITS = ("train", "val", "test")
DIALOGUE, NARRATION = 1, 2
DCM_CODES = {"panel": 8, "body": 1, "face": 7}
WINDOW = 4
REID_COLUMNS = ("series_id", "page_id", "type", "index", "char_index", "x_0", "y_0", "x1", "y_1")
Series = dict[str, Any]


def link(source: Path, target: Path) -> None:
    """``target`` with the content of ``source``; nothing where it is there already."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # a disk without hard links
        part = target.with_name(f".{target.name}.part")
        shutil.copyfile(source, part)
        part.replace(target)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _json(path: Path, value: Any) -> None:
    _write(path, json.dumps(value, indent=1) + "\n")


def _table(path: Path, header: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    _write(path, text.getvalue())


def _lines(path: Path, lines: Iterable[str]) -> None:
    _write(path, "".join(f"{line}\n" for line in lines))


def sidecar(count: int) -> dict[str, dict[str, str]]:
    """``series.json``: split and style of every series."""
    return {str(k): {"split": split_of(k, count), "style": style_of(k)} for k in range(count)}


def write_comics(root: Path, drawn: Path, series: list[Series]) -> None:
    """``raw_panel_images/<series>/<page>_<panel>.jpg``, pages, OCR table, list of advertisements (there are none)."""
    rows = []
    for one in series:
        number = one["series"]
        for page in one["pages"]:
            p = page["page"]
            link(drawn / str(number) / "pages" / f"{p}.jpg", root / "raw_page_images" / str(number) / f"{p}.jpg")
            for panel in page["panels"]:
                name = f"{p}_{panel['panel']}.jpg"
                link(drawn / str(number) / "panels" / name, root / "raw_panel_images" / str(number) / name)
                said = [text for text in panel["texts"] if text["kind"] != "sound"]
                for box_number, text in enumerate(said):
                    kind = NARRATION if text["kind"] == "narration" else DIALOGUE
                    rows.append((number, p, panel["panel"], box_number, kind, text["text"].lower(), *text["box"]))
    header = ["comic_no", "page_no", "panel_no", "textbox_no", "dialog_or_narration", "text", "x1", "y1", "x2", "y2"]
    _table(root / "COMICS_ocr_file.csv", header, rows)
    _lines(root / "predadpages.txt", [])


def write_dcm772(root: Path, drawn: Path, series: list[Series]) -> None:
    """``images/<book>/<page>.jpg`` and ``groundtruth/<book>/<page>.txt`` with lines ``cls x1 y1 x2 y2``."""
    pages: dict[str, list[str]] = {split: [] for split in SPLITS}
    for one in series:
        number = one["series"]
        for page in one["pages"]:
            p = page["page"]
            link(drawn / str(number) / "pages" / f"{p}.jpg", root / "images" / str(number) / f"{p}.jpg")
            lines = []
            for panel in page["panels"]:
                x, y, x1, y1 = panel["box"]
                lines.append((DCM_CODES["panel"], x, y, x1, y1))
                for character in panel["characters"]:
                    for label in ("body", "face"):
                        if character[label]:
                            a, b, c, d = character[label]
                            lines.append((DCM_CODES[label], x + a, y + b, x + c, y + d))
            _lines(root / "groundtruth" / str(number) / f"{p}.txt", (" ".join(map(str, line)) for line in lines))
            pages[one["split"]].append(f"{number}/{p}")
    for split in SPLITS:
        _lines(root / f"{split}.txt", pages[split])


def write_ai4va(root: Path, drawn: Path, series: list[Series]) -> None:
    """``images/<split>/<series>_<page>.jpg``, square maps of the same stem, and all fixations (x, y 1-based)."""
    rows = []
    for one in series:
        number, split = one["series"], one["split"]
        for page in one["pages"]:
            stem = f"{number}_{page['page']}"
            link(drawn / str(number) / "pages" / f"{page['page']}.jpg", root / "images" / split / f"{stem}.jpg")
            link(drawn / str(number) / "maps" / f"{page['page']}.png", root / "maps" / split / f"{stem}.png")
            for viewer, path in enumerate(page["gaze"]):
                rows += [(f"{stem}.jpg", viewer, round(x + 1, 1), round(y + 1, 1), d) for x, y, d in path]
    _table(root / "fixations.csv", ("image", "subject", "x", "y", "duration_ms"), rows)


def write_char_reid(root: Path, drawn: Path, series: list[Series]) -> None:
    """Crops, ``merged_face_body.csv`` (with its odd column ``x1``), character lists and sequences of 4 panels."""
    boxes, paths = [], {"face": [], "body": []}  # type: ignore[var-annotated]
    known: dict[str, dict[str, dict[str, list[str]]]] = {s: {"face": {}, "body": {}} for s in SPLITS}
    sequences: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    for one in series:
        number = one["series"]
        window: list[tuple[str, dict[str, Any]]] = []
        for page in one["pages"]:
            for panel in page["panels"]:
                place = f"{page['page']}_{panel['panel']}"
                _link_crops(root, drawn / str(number), number, place, panel)
                raw = root / "raw_panel_images" / str(number) / f"{place}.jpg"
                link(drawn / str(number) / "panels" / raw.name, raw)
                for kind, plural in (("face", "faces"), ("body", "bodies")):
                    for character in panel["characters"]:
                        if character[kind]:
                            index = character[f"{kind}_index"]
                            boxes.append((number, place, kind, index, character["char_index"], *character[kind]))
                            paths[kind].append(f"comics_crops/{number}/{place}/{plural}/{index}.jpg")
                            name = f"{number}_{place}_{kind}_{index}"
                            known[one["split"]][kind].setdefault(character["id"], []).append(name)
                window.append((f"{number}_{place}", panel))
                if len(window) == WINDOW:
                    sequences[one["split"]].append(_sequence(window))
                    window = []
    _table(root / "merged_face_body.csv", REID_COLUMNS, boxes)
    for kind, listed in paths.items():
        _table(root / f"filtered_all_{kind}.csv", ["img_path"], ([path] for path in listed))
    for split in SPLITS:
        _json(root / f"{split}_char_faces.json", known[split]["face"])
        _json(root / f"{split}_char_bodies.json", known[split]["body"])
        long = "validation" if split == "val" else split
        kept = [sequence for sequence in sequences[split] if len(sequence["annotations"]) > 1]
        _json(root / f"{long}_sequences.json", kept)


def write_voc(root: Path, drawn: Path, series: list[Series]) -> None:
    """Panels ``JPEGImages/<series>_<page>_<panel>.jpg``, label images of classes and of instances, lists of splits."""
    listed: dict[str, list[str]] = {split: [] for split in SPLITS}
    for one, name, _ in _panels_of(series):
        home, stem = drawn / str(one["series"]), f"{one['series']}_{name}"
        link(home / "panels" / f"{name}.jpg", root / "JPEGImages" / f"{stem}.jpg")
        link(home / "classes" / f"{name}.png", root / "SegmentationClass" / f"{stem}.png")
        link(home / "masks" / f"{name}.png", root / "SegmentationObject" / f"{stem}.png")
        listed[one["split"]].append(stem)
    for split in SPLITS:
        _lines(root / "ImageSets" / "Segmentation" / f"{split}.txt", listed[split])
    _lines(root / "classes.txt", MASK_CLASSES)


def write_scenes(root: Path, drawn: Path, series: list[Series]) -> None:
    """Panels by where they play: ``<split>/<scene>/<series>_<page>_<panel>.jpg``."""
    for split in SPLITS:
        for scene in SCENES:
            (root / split / scene).mkdir(parents=True, exist_ok=True)
    for one, name, panel in _panels_of(series):
        target = root / one["split"] / scene_of(panel) / f"{one['series']}_{name}.jpg"
        link(drawn / str(one["series"]) / "panels" / f"{name}.jpg", target)


def _panels_of(series: list[Series]) -> Iterator[tuple[Series, str, dict[str, Any]]]:
    """Every panel with its series and its name within it, ``<page>_<panel>``."""
    for one in series:
        for page in one["pages"]:
            for panel in page["panels"]:
                yield one, f"{page['page']}_{panel['panel']}", panel


def _link_crops(root: Path, drawn: Path, number: int, place: str, panel: dict[str, Any]) -> None:
    for character in panel["characters"]:
        for kind, plural in (("face", "faces"), ("body", "bodies")):
            if character[kind]:
                name = f"{character[f'{kind}_index']}.jpg"
                target = root / "comics_crops" / str(number) / place / plural / name
                link(drawn / "crops" / place / plural / name, target)
        if character["face"]:
            name = f"{character['face_index']}.jpg"
            link(drawn / "large" / place / name, root / "comics_crops_large_faces" / str(number) / place / name)


def _sequence(window: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    instances: dict[str, list[dict[str, Any]]] = {}
    for name, panel in window:
        for character in panel["characters"]:
            seen = {kind: f"{name}_{kind}_{character[f'{kind}_index']}" for kind in ("face", "body") if character[kind]}
            if seen:
                bubbles = [text["box"] for text in panel["texts"] if text["speaker"] == character["id"]]
                instances.setdefault(character["id"], []).append({**seen, "speech_bubbles": bubbles})
    annotations = [{"charId": who, "charInstances": instances[who]} for who in sorted(instances)]
    return {"seq_id": "+".join(name for name, _ in window), "annotations": annotations}


WRITERS: dict[str, Callable[[Path, Path, list[Series]], None]] = {
    "comics": write_comics, "dcm772": write_dcm772, "ai4va": write_ai4va, "char_reid": write_char_reid,
    "voc": write_voc, "scenes": write_scenes,
}  # fmt: skip


def assemble(root: Path, drawn: Path, count: int, layouts: Iterable[str] = LAYOUTS) -> dict[str, int]:
    """Write the layouts and ``labels/`` from drawn series; returns how much there is of what."""
    series = [json.loads((drawn / str(k) / "labels.json").read_text()) for k in range(count)]
    for name in layouts:
        WRITERS[name](root / name, drawn, series)
        _json(root / name / "series.json", sidecar(count))
    for one in series:
        number = one["series"]
        for mask in sorted((drawn / str(number) / "masks").iterdir()):
            link(mask, root / "labels" / "masks" / str(number) / mask.name)
        link(drawn / str(number) / "labels.json", root / "labels" / f"{number}.json")
    _json(root / "series.json", sidecar(count))
    panels = [panel for one in series for page in one["pages"] for panel in page["panels"]]
    characters = [character for panel in panels for character in panel["characters"]]
    return {
        "series": len(series), "pages": sum(len(one["pages"]) for one in series), "panels": len(panels),
        "bodies": sum(one["body"] is not None for one in characters),
        "faces": sum(one["face"] is not None for one in characters),
        "texts": sum(len(panel["texts"]) for panel in panels), "identities": sum(len(one["cast"]) for one in series),
    }  # fmt: skip
