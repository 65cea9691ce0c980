"""open-mantra: one JSON of all books, pages with boxes of frames and text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inkbench.benchmark.data.synth.writers.files import Series, Thing, drawn_page, link, things_on, write_json


def write_open_mantra(root: Path, drawn: Path, series: list[Series]) -> None:
    """Write ``annotation.json`` and ``images/<series>/ja/<page, three digits>.jpg``."""
    books = []
    for one in series:
        pages = []
        for page in one["pages"]:
            name = f"images/{one['series']}/ja/{page['page']:03d}.jpg"
            link(drawn_page(drawn, one, page), root / name)
            things = things_on(page)
            pages.append(
                {
                    "page_index": page["page"],
                    "image_paths": {"ja": name},
                    "frame": [_box(thing) for thing in things if thing.label == "panel"],
                    "text": [_box(thing) | {"text_en": thing.text} for thing in things if thing.label == "text"],
                }
            )
        books.append({"book_title": str(one["series"]), "pages": pages})
    write_json(root / "annotation.json", books)


def _box(thing: Thing) -> dict[str, Any]:
    x0, y0, x1, y1 = thing.box
    return {"x": x0, "y": y0, "w": x1 - x0, "h": y1 - y0}
