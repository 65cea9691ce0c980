"""SSuperGAN: COMICS with lists of faces, windows of three panels, and the list of panels."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from inkbench.benchmark.contracts.dataset import Box
from inkbench.benchmark.data.reading.panel_windows import hole_of
from inkbench.benchmark.data.synth.writers.comics import write_comics
from inkbench.benchmark.data.synth.writers.files import Series, panels_of, write_json, write_lines

CONFIDENCE = "0.99"
Panel = tuple[str, dict[str, Any]]


def write_ssupergan(root: Path, drawn: Path, series: list[Series]) -> None:
    """Write COMICS's files, ``golden_face_annot/<series>.txt``, the JSON of windows and ``only_panel_data.json``."""
    write_comics(root, drawn, series)
    listed: list[dict[str, str]] = []
    windows: dict[str, Any] = {}
    for one in series:
        panels = [(f"{one['series']}/{name}.jpg", panel) for _, name, panel in panels_of([one])]
        lines = [" ".join(map(str, [name, *face, CONFIDENCE])) for name, panel in panels for face in _faces(panel)]
        write_lines(root / "golden_face_annot" / f"{one['series']}.txt", lines)
        listed += [{"path": f"raw_panel_images/{name}"} for name, _ in panels]
        for (first, second), (_, third) in pairwise(pairwise(panels)):
            if all(_faces(panel) for _, panel in (first, second, third)):
                for face in _faces(third[1]):
                    shown = [_squared(first, None), _squared(second, None), _squared(third, face)]
                    windows[str(len(windows))] = [[name for name, _ in (first, second, third)], shown]
    write_json(root / "seq_panels_faces_conf_90.json", windows)
    write_json(root / "only_panel_data.json", listed)


def _faces(panel: dict[str, Any]) -> list[list[int]]:
    return [who["face"] for who in panel["characters"] if who["face"]]


def _squared(panel: Panel, face: list[int] | None) -> list[list[int]]:
    """Return the whole panel as its window, and the square about a face, by default the largest."""
    size = panel[1]["size"]
    x0, y0, x1, y1 = face or max(_faces(panel[1]), key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
    return [[0, 0, *size], list(hole_of(Box("face", x0, y0, x1, y1), (size[0], size[1])))]
