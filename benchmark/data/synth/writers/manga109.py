"""Manga109: an XML a book with frames, faces, bodies and text of every page."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from inkbench.benchmark.data.synth.writers.files import Series, drawn_page, link, things_on, write, write_lines

TAGS = {"panel": "frame", "face": "face", "body": "body", "text": "text"}


def write_manga109(root: Path, drawn: Path, series: list[Series]) -> None:
    """Write ``annotations/<series>.xml``, ``images/<series>/<page, three digits>.jpg``, ``books.txt``."""
    for one in series:
        book = ElementTree.Element("book", title=str(one["series"]))
        characters = ElementTree.SubElement(book, "characters")
        for who in one["cast"]:
            ElementTree.SubElement(characters, "character", id=who["id"], name=who["name"])
        pages, count = ElementTree.SubElement(book, "pages"), 0
        for page in one["pages"]:
            link(drawn_page(drawn, one, page), root / "images" / str(one["series"]) / f"{page['page']:03d}.jpg")
            wide, tall = (str(side) for side in page["size"])
            element = ElementTree.SubElement(pages, "page", index=str(page["page"]), width=wide, height=tall)
            for thing in things_on(page):
                if thing.label in TAGS:
                    said = {"id": f"{count:08x}"}
                    said |= dict(zip(("xmin", "ymin", "xmax", "ymax"), map(str, thing.box), strict=True))
                    if thing.who and thing.label != "text":
                        said["character"] = thing.who
                    entry = ElementTree.SubElement(element, TAGS[thing.label], said)
                    entry.text = thing.text
                    count += 1
        write(root / "annotations" / f"{one['series']}.xml", ElementTree.tostring(book, encoding="unicode"))
    write_lines(root / "books.txt", (str(one["series"]) for one in series))
