"""iCartoonFace: panels with boxes of faces, and faces by character."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from inkbench.benchmark.data.synth.series import large_face
from inkbench.benchmark.data.synth.writers.files import Series, link, panels_of, write_lines

NOBODY = -1


def write_icartoonface(root: Path, drawn: Path, series: list[Series]) -> None:
    """Write detection and recognition in one folder; the validation series are among both's training images."""
    _write_detection(root, drawn, series)
    _write_recognition(root, drawn, series)


def _write_detection(root: Path, drawn: Path, series: list[Series]) -> None:
    """Write ``<part>/<series>_<page>_<panel>.jpg`` and ``<part>.csv``; a panel without faces has no line."""
    parts = {"icartoonface_dettrain": [], "personai_icartoonface_detval": []}  # type: ignore[var-annotated]
    for one, name, panel in panels_of(series):
        part = "personai_icartoonface_detval" if one["split"] == "test" else "icartoonface_dettrain"
        file = f"{one['series']}_{name}.jpg"
        link(drawn / str(one["series"]) / "panels" / f"{name}.jpg", root / part / file)
        faces = [who["face"] for who in panel["characters"] if who["face"]]
        last = ["face"] if one["split"] == "test" else []  # the authors' list for training has no class
        parts[part] += [",".join(map(str, [file, *face, *last])) for face in faces]
    for part, lines in parts.items():
        write_lines(root / f"{part}.csv", lines)


def _write_recognition(root: Path, drawn: Path, series: list[Series]) -> None:
    """Write faces with surroundings, for training a folder a character; who is shown once in test is nobody there."""
    people = sorted({who["id"] for one in series for who in one["cast"]})
    shown = Counter(who["id"] for _, _, panel in panels_of(series) for who in panel["characters"] if who["face"])
    train, test = [], []
    for one, name, panel in panels_of(series):
        for who in panel["characters"]:
            if not who["face"]:
                continue
            label, (width, height) = people.index(who["id"]), panel["size"]
            left, top, *_ = large_face(tuple(who["face"]), (width, height))
            x0, y0, x1, y1 = who["face"]
            box = f"{x0 - left} {y0 - top} {x1 - left} {y1 - top}"
            file = f"{one['series']}_{name}_{who['face_index']}.jpg"
            source = drawn / str(one["series"]) / "large" / name / f"{who['face_index']}.jpg"
            if one["split"] == "test":
                link(source, root / "icartoonface_rectest" / file)
                test.append(f"{file} {box} {label if shown[who['id']] > 1 else NOBODY}")
            else:
                link(source, root / "icartoonface_rectrain" / f"{label:05d}" / file)
                train.append(f"{label:05d}/{file} {box} {label}")
    write_lines(root / "icartoonface_rectrain_det.txt", train)
    write_lines(root / "icartoonface_rectest_info.txt", test)
