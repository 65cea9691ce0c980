"""Helpers that write the files of a layout: images linked, text as UTF-8, and what panels and pages hold."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

SPLITS = ("train", "val", "test")
Series = dict[str, Any]


def link(source: Path, target: Path) -> None:
    """Link ``target`` to the content of ``source``; nothing where it is there already."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # a disk without hard links
        part = target.with_name(f".{target.name}.part")
        shutil.copyfile(source, part)
        part.replace(target)


def write(path: Path, text: str) -> None:
    """Write a text file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON."""
    write(path, json.dumps(value, indent=1) + "\n")


def write_table(path: Path, header: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write a table of comma-separated values."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write(path, text.getvalue())


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines of text."""
    write(path, "".join(f"{line}\n" for line in lines))


def panels_of(series: list[Series]) -> Iterator[tuple[Series, str, dict[str, Any]]]:
    """Yield every panel with its series and its name within it, ``<page>_<panel>``."""
    for one in series:
        for page in one["pages"]:
            for panel in page["panels"]:
                yield one, f"{page['page']}_{panel['panel']}", panel


class Thing(NamedTuple):
    """Something on a page: its class, box (x0, y0, x1, y1) in pixels of the page, who it is, what is written there."""

    label: str
    box: tuple[int, int, int, int]
    who: str | None = None
    text: str | None = None


def things_on(page: dict[str, Any]) -> list[Thing]:
    """Return panels, bodies, faces, texts and balloons of a page, panel by panel."""
    found = []
    for panel in page["panels"]:
        x, y = panel["box"][:2]

        def placed(box: list[int], x: int = x, y: int = y) -> tuple[int, int, int, int]:
            return x + box[0], y + box[1], x + box[2], y + box[3]

        found.append(Thing("panel", tuple(panel["box"])))
        for character in panel["characters"]:
            found += [
                Thing(label, placed(character[label]), character["id"])
                for label in ("body", "face")
                if character[label]
            ]
        for text in panel["texts"]:
            found.append(Thing("text", placed(text["box"]), text["speaker"], text["text"]))
            if text["balloon"]:
                found.append(Thing("balloon", placed(text["balloon"]), text["speaker"]))
    return found


def pages_of(series: list[Series]) -> Iterator[tuple[Series, dict[str, Any]]]:
    """Yield every page with its series."""
    for one in series:
        for page in one["pages"]:
            yield one, page


def drawn_page(drawn: Path, one: Series, page: dict[str, Any]) -> Path:
    """Return the place of a page's image."""
    return drawn / str(one["series"]) / "pages" / f"{page['page']}.jpg"
