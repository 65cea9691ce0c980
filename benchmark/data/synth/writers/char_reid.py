"""comic_char_reid: crops, boxes, lists of characters, sequences of four panels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inkbench.benchmark.data.synth.writers.files import SPLITS, Series, link, write_json, write_table

WINDOW = 4
REID_COLUMNS = ("series_id", "page_id", "type", "index", "char_index", "x_0", "y_0", "x1", "y_1")


def write_char_reid(root: Path, drawn: Path, series: list[Series]) -> None:
    """Write crops, ``merged_face_body.csv`` (with its odd column ``x1``), character lists and sequences of 4 panels."""
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
    write_table(root / "merged_face_body.csv", REID_COLUMNS, boxes)
    for kind, listed in paths.items():
        write_table(root / f"filtered_all_{kind}.csv", ["img_path"], ([path] for path in listed))
    for split in SPLITS:
        write_json(root / f"{split}_char_faces.json", known[split]["face"])
        write_json(root / f"{split}_char_bodies.json", known[split]["body"])
        long = "validation" if split == "val" else split
        kept = [sequence for sequence in sequences[split] if len(sequence["annotations"]) > 1]
        write_json(root / f"{long}_sequences.json", kept)


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
