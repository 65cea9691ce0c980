"""SSuperGAN's own list of windows: three panels, the part of each that is shown, and the square of a face in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from inkbench.benchmark.contracts.dataset import Box, Item
from inkbench.benchmark.data.boxes import Corners, panel_crop, repair
from inkbench.benchmark.data.filenames import one_name, without_suffix
from inkbench.benchmark.data.files import natural
from inkbench.benchmark.data.jsonfile import expect, json_of
from inkbench.benchmark.data.reading.panel_windows import WINDOW
from inkbench.benchmark.data.splits import few
from inkbench.benchmark.errors import UsageError, plural

Size = Callable[[Item], tuple[int, int] | None]


def listed_windows(path: Path, panels: Mapping[str, Item], size: Size, warn: Callable[[str], None]) -> list[Item]:
    """Return an item for each entry of the list, by number (the authors' file is shuffled). Raises UsageError.

    ``{"0": [[3 panels SERIES/PAGE_PANEL.jpg], [[panel's window, face], x 3]]}``, each of the last four corners in
    pixels of the panel's file, the window read as what is shown of it. ``panels`` by id; an entry that names one that
    is not there is left out and told. Items are like those of ``panel_windows``.
    """
    entries = json_of(path, dict)
    seen: Counter[str] = Counter()
    items, missing = [], []
    for number in sorted(entries, key=natural):
        where = f"{path}: entry {number[:20]}"
        names, boxes = _checked(entries[number], where)
        if any(name not in panels or size(panels[name]) is None for name in names):
            missing.append(number)
            continue
        shown = [_shown(panels[name], box, cast(tuple[int, int], size(panels[name])), where, warn)
                 for name, box in zip(names, boxes, strict=True)]  # fmt: skip
        if any(one is None for one in shown):
            continue
        (before, _), (previous, mate), (panel, face) = cast(list[tuple[Item, Corners]], shown)
        left, top, right, bottom = cast(tuple[int, int, int, int], panel.crop)
        hole = panel_crop(face)
        masked = replace(panel, hole=hole, boxes=(Box("panel", 0.0, 0.0, float(right - left), float(bottom - top)),))
        reference = _cut(previous, mate)
        parts = {"panel": masked, "previous": previous, "before": before, "reference": reference}
        name = f"{panel.id}_face_{seen[panel.id]}"
        seen[panel.id] += 1
        items.append(replace(masked, id=name, boxes=(), panel=panel.id, parts=parts))
    if missing:
        warn(f"{path}: {plural(len(missing), 'window')} with a missing panel left out: {few(missing)}")
    return items


def _checked(entry: Any, where: str) -> tuple[list[str], list[tuple[Corners, Corners]]]:
    """Return the ids of the panels, and window and face of each."""
    names, boxes = [expect(part, list, where) for part in _exactly(entry, 2, where)]
    panels = [_panel(expect(name, str, where)) for name in _exactly(names, WINDOW, where)]
    found = []
    for pair in _exactly(boxes, WINDOW, where):
        window, face = (
            cast(Corners, tuple(expect(value, float, where) for value in _exactly(corners, 4, where)))
            for corners in _exactly(pair, 2, where)
        )
        found.append((window, face))
    return panels, found


def _exactly(value: Any, count: int, where: str) -> list[Any]:
    parts = expect(value, list, where)
    if len(parts) != count:
        raise UsageError(f"{where}: {plural(len(parts), 'value')} instead of {count}")
    return parts


def _shown(
    panel: Item, boxes: tuple[Corners, Corners], size: tuple[int, int], where: str, warn: Callable[[str], None]
) -> tuple[Item, Corners] | None:
    """Return the shown part of a panel, without boxes, and the face in its pixels; None where either has no area."""
    window, said = repair(boxes[0], size)
    if said:
        warn(f"{where}: window of {panel.id} {said}")
    if window is None:
        return None
    crop = panel_crop(window)
    x0, y0, x1, y1 = boxes[1]
    inside = (crop[2] - crop[0], crop[3] - crop[1])
    face, said = repair((x0 - crop[0], y0 - crop[1], x1 - crop[0], y1 - crop[1]), inside)
    if said:
        warn(f"{where}: face of {panel.id} {said}")
    return (replace(panel, crop=crop, boxes=()), face) if face else None


def _cut(panel: Item, face: Corners) -> Item:
    """Cut the face of a panel as an image of its own."""
    left, top = (panel.crop or (0, 0))[:2]
    x0, y0, x1, y1 = panel_crop(face)
    return replace(panel, crop=(left + x0, top + y0, left + x1, top + y1), panel=panel.id)


def listed_panels(path: Path) -> frozenset[str]:
    """Read the panels SERIES/PAGE_PANEL of the authors' list, ``[{"path": ".../SERIES/PAGE_PANEL.jpg"}]``.

    Only the last two parts of a path count: the list holds those of the authors' machine. Raises UsageError.
    """
    found = set()
    for k, entry in enumerate(json_of(path, list)):
        where = f"{path}: entry {k} (from 0)"
        text = _panel(expect(expect(entry, dict, where).get("path"), str, f"{where}: 'path'"))
        found.add("/".join(text.split("/")[-2:]))
    return frozenset(found)


def _panel(name: str) -> str:
    """Return the id of a panel by the name of its file."""
    return without_suffix(one_name(name.replace("\\", "/")))
