"""The folder of a report: pages from templates, pictures beside them, put in place as a whole."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.escaping import lines
from inkbench.benchmark.store.files import temporary_folder
from inkbench.leaderboards.report.words import slug

HERE = Path(__file__).resolve().parent
MARK = ".inkbench-report"
"""A file that says that a folder is a report, and may be replaced by the next."""
MOST_PICTURES = 4_000
CAPTIONS = {
    "first-layer": "Filters of the first layer; grey is zero, each in a scale of its own",
    "neighbours": "Held-out panels and the nearest others by the features (as Pathak et al., Figure 8)",
    "input-and-gradient": "Saliency on tiles: the gradient of the right answer",
    "average-gradient-over-a-tile": "The mean gradient over a tile",
}
"""What pictures that are drawn for every method are called; others go by their name."""


class Site:
    """A report while it is written, into ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pictures: dict[Path, str] = {}
        self.left_out = 0
        self.templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
            finalize=_harmless,
        )
        self.templates.globals["slug"] = slug
        for name in ("pictures", "data"):
            (folder / name).mkdir()
        for file in sorted((HERE / "static").iterdir()):
            shutil.copyfile(file, folder / file.name)
        (folder / MARK).write_text("A report of inkbench; the next one replaces this folder.\n")

    def page(self, name: str, template: str, /, **values: Any) -> None:
        """Write ``name`` from a template. Nothing is synced: a report is made anew from the records at any time."""
        text = self.templates.get_template(template).render(page=name, **values)
        (self.folder / name).write_text(text, encoding="utf-8", errors="replace")

    def data(self, name: str, call: str, value: Any) -> None:
        """Write ``data/NAME``, a script that hands ``value`` over by ``call``: a page may load no JSON from a file."""
        text = json.dumps(value, separators=(",", ":"), allow_nan=False).replace("</", "<\\/")
        (self.folder / "data" / name).write_text(f"{call}({text});\n", encoding="utf-8")

    def picture(self, source: Path) -> str | None:
        """Return the address of a picture of the results folder, linked into the report; None for one too many."""
        if source not in self.pictures:
            if len(self.pictures) == MOST_PICTURES:
                self.left_out += 1
                return None
            name = f"pictures/{slug(source.parent.name)}-{slug(source.stem)}.png"
            try:
                os.link(source, self.folder / name)
            except OSError:  # another file system, or one without hard links
                shutil.copyfile(source, self.folder / name)
            self.pictures[source] = name
        return self.pictures[source]

    def gallery(self, folder: Path) -> list[tuple[str, str]]:
        """Return caption and address of the pictures in a folder of results by name, a method's own before others."""
        files = sorted(folder.glob("*.png"), key=lambda file: (file.stem in CAPTIONS, file.name))
        found = ((CAPTIONS.get(file.stem, file.stem), self.picture(file)) for file in files)
        return [(name, address) for name, address in found if address]


def _harmless(value: Any) -> Any:
    """Return what a template shows: of text, what a browser or an eye would obey is written out."""
    return lines(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@contextmanager
def replacing(out: Path) -> Iterator[Site]:
    """Write a site that replaces the report at ``out`` once whole; the old one stays if the process dies before.

    Raises UsageError where ``out`` is something else than a report, or cannot be written.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; --out takes a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).is_file():
        raise UsageError(
            f"{out} contains files other than a report and was not changed; give another folder with --out DIR"
        )
    try:
        folder = temporary_folder(out.parent)
    except OSError as error:
        raise UsageError(f"{out} cannot be written ({error.strerror}); give another folder with --out DIR") from None
    try:
        yield Site(folder)
        _swap(folder, out)
    except OSError as error:
        raise UsageError(
            f"the report could not be written to {out} ({error.strerror or error}); nothing there changed"
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _swap(folder: Path, out: Path) -> None:
    """Put ``folder`` in the place of ``out``; the old one is set aside first, as no folder can be written over."""
    if not out.exists():
        folder.rename(out)
        return
    aside = temporary_folder(out.parent)
    out.rename(aside / "old")
    try:
        folder.rename(out)
    except OSError:
        (aside / "old").rename(out)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
