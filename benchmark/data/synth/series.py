"""A whole series drawn into one folder: images, crops, masks, maps and ``labels.json``; the unit of work."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from inkbench.benchmark.data.label_map import save_labels
from inkbench.benchmark.data.synth.cast import make_cast
from inkbench.benchmark.data.synth.config import SynthConfig
from inkbench.benchmark.data.synth.gaze import density
from inkbench.benchmark.data.synth.page import Page, draw_page
from inkbench.benchmark.data.synth.semantic import CLASS_OF_CODE
from inkbench.benchmark.data.synth.style import make_style
from inkbench.benchmark.store.files import temporary_folder

QUALITY = 90


def style_of(series: int) -> str:
    """Return ``realistic`` for even numbers, ``toon`` for odd ones."""
    return "toon" if series % 2 else "realistic"


def split_of(series: int, count: int) -> str:
    """Return the split of a series: the first 3/8 train, the next 1/8 (at least 2) validation, the rest test."""
    train, val = max(2, count * 3 // 8), max(2, count // 8)
    return "train" if series < train else "val" if series < train + val else "test"


def draw_series(config: SynthConfig, series: int, home: Path, done: Callable[[int], None]) -> None:
    """Draw a series into ``home/<series>``, whole or not at all; ``done`` hears the panels of each finished page."""
    folder = temporary_folder(home)
    style = make_style(config.seed, series)
    cast = make_cast(config.seed, series, style)
    pages = []
    for number in range(config.pages):
        page = draw_page(config, series, number, style, cast)
        pages.append(_write_page(folder, number, page))
        done(len(page.panels))
    known = [asdict(who) for who in cast]
    record = {
        "series": series,
        "style": style.kind,
        "split": split_of(series, config.series),
        "cast": known,
        "pages": pages,
    }
    (folder / "labels.json").write_text(json.dumps(record, separators=(",", ":")))
    target = home / str(series)
    try:
        os.rename(folder, target)  # noqa: PTH104  (Path.rename would do the same)
    except OSError:
        shutil.rmtree(folder)
        if not target.is_dir():
            raise


def _save(image: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=QUALITY)


def _write_page(folder: Path, number: int, page: Page) -> dict[str, Any]:
    _save(page.image, folder / "pages" / f"{number}.jpg")
    points = np.array([(x, y) for path in page.gaze for x, y, _ in path])
    (folder / "maps").mkdir(exist_ok=True)
    Image.fromarray(density(points, *page.image.size)).save(folder / "maps" / f"{number}.png")
    (folder / "masks").mkdir(exist_ok=True)
    for record, codes in zip(page.panels, page.codes):
        name = f"{number}_{record['panel']}"
        panel = page.image.crop(tuple(record["box"]))
        _save(panel, folder / "panels" / f"{name}.jpg")
        Image.fromarray(codes).save(folder / "masks" / f"{name}.png", compress_level=1)
        save_labels(CLASS_OF_CODE[codes], folder / "classes" / f"{name}.png")
        _crops(folder, name, panel, record)
    gaze = [[(round(x, 1), round(y, 1), duration) for x, y, duration in path] for path in page.gaze]
    return {"page": number, "size": list(page.image.size), "panels": page.panels, "gaze": gaze}


def _crops(folder: Path, name: str, panel: Image.Image, record: dict[str, Any]) -> None:
    """Write bodies and faces as comic_char_reid keeps them; ``record`` learns each one's index."""
    for kind, plural in (("body", "bodies"), ("face", "faces")):
        shown = [character for character in record["characters"] if character[kind]]
        for index, character in enumerate(shown):
            character[f"{kind}_index"] = index
            _save(panel.crop(tuple(character[kind])), folder / "crops" / name / plural / f"{index}.jpg")
            if kind == "face":
                large = large_face(tuple(character["face"]), panel.size)
                _save(panel.crop(large), folder / "large" / name / f"{index}.jpg")


def large_face(box: tuple[int, int, int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Enlarge a face's box 1.2 times about its middle, its shorter side grown to a square, clamped to the panel.

    Source: comic_char_reid's post-processing (truncation towards zero), which leaves the image; here it is clamped.
    """
    x0, y0, x1, y1 = box
    wide, tall = (x1 - x0) * 1.2, (y1 - y0) * 1.2
    mx, my = (x0 + x1) / 2, (y0 + y1) / 2
    side = max(wide, tall)
    grown = (mx - side / 2, my - side / 2, mx + side / 2, my + side / 2)
    a, b, c, d = (int(value) for value in grown)
    return max(a, 0), max(b, 0), min(c, size[0]), min(d, size[1])
