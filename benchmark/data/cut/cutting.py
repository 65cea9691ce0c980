"""``data cut PAGES --out DIR``: the panels of whole pages as files, series kept; what could not be cut is listed."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from inkbench.benchmark.contracts.dataset import SPLITS, Dataset, Item, Kind
from inkbench.benchmark.contracts.dataset import Box as Labelled
from inkbench.benchmark.data.check.preview import sheet
from inkbench.benchmark.data.cut.gutters import Box
from inkbench.benchmark.data.cut.panels import FEWEST, VERSION, panels_of
from inkbench.benchmark.data.images import BadImage, decode
from inkbench.benchmark.data.splits import SIDECAR, few
from inkbench.benchmark.data.units import cut_series
from inkbench.benchmark.errors import RunError, UsageError, plural
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.store.files import write_atomic, write_json
from inkbench.benchmark.store.locks import claim

DONE, UNCUT = "cut.jsonl", "uncut.txt"
QUALITY = 95
AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was cut into files, or why it was not."""

    name: str
    boxes: tuple[Box, ...]
    files: tuple[str, ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Cutting:
    """The result of a cutting in its folder."""

    out: Path
    pages: list[Page]

    def text(self) -> str:
        """Return a text for people: what was done, and what could not be cut."""
        left = [f"{page.name} ({page.why})" for page in self.pages if page.why]
        panels = sum(len(page.files) for page in self.pages)
        pages = plural(len(self.pages) - len(left), "page")
        lines = [f"{plural(panels, 'panel')} of {pages} in {self.out}; use it with --data {self.out}"]
        if left:
            lines.append(f"{plural(len(left), 'page')} could not be cut: {few(left)}; {self.out / UNCUT} lists all")
        return "\n".join(lines)


def pages_of(dataset: Dataset) -> list[Item]:
    """Return the pages of a dataset, or its whole images where it has no kind of that name. Raises UsageError."""
    kind: Kind = "pages" if "pages" in dataset.offers() else "panels"
    items = [item for split in SPLITS for item in dataset.items(kind, split) if item.crop is None]
    if not items:
        raise UsageError(f"{dataset.root} ({dataset.reader}) has no complete pages to cut")
    return items


def cut(dataset: Dataset, out: Path, progress: Progress) -> Cutting:
    """Cut every page of a dataset into ``out``; what an earlier call did of the same files is kept.

    Raises UsageError where ``out`` lies in the dataset, holds something else or cannot be written; RunError on a full
    disk.
    """
    pages = pages_of(dataset)
    _check_out(dataset, out)
    with claim(out / ".cut.lock", wait=True):
        done = _done(out)
        names = _names(pages)
        todo = [page for page in pages if names[page.id] not in done or done[names[page.id]][0] != _stamp(page)]
        try:
            _forget([done[names[page.id]][1] for page in todo if names[page.id] in done], out)
            with progress.bar("cut", len(todo)) as bar, ThreadPoolExecutor(os.cpu_count() or 1) as pool:
                for some in _batches(todo):
                    made = list(pool.map(lambda page: _cut_page(page, out, names[page.id]), some))
                    _note(out, [(page, _stamp(item)) for page, item in zip(made, some, strict=True)])
                    bar.advance(len(some))
        except OSError as error:
            raise RunError(
                f"{out} cannot be written ({error.strerror}); make room and run the same command again"
            ) from None
        known = {name: page for name, (_, page) in _done(out).items()}
        cutting = Cutting(out, [known[names[page.id]] for page in pages])
        _finish(dataset, pages, cutting)
    return cutting


def picture_of(cutting: Cutting, pages: Sequence[Item]) -> bytes | None:
    """Return a sheet of pages with what was found on them, and of the panels that were cut out."""
    names = _names(pages)
    found = {page.name: page for page in cutting.pages}
    drawn, panels = [], []
    for item in pages:
        page = found[names[item.id]]
        boxes = tuple(Labelled("panel", x0, y0, x1, y1) for x0, y0, x1, y1 in page.boxes)
        drawn.append(Item(item.id, item.path, item.series, item.split, boxes=boxes))
        panels += [Item(file, cutting.out / file, item.series, item.split) for file in page.files]
    return sheet({"pages": drawn, "panels": panels})


def _check_out(dataset: Dataset, out: Path) -> None:
    if out.resolve() == dataset.root.resolve() or out.resolve().is_relative_to(dataset.root.resolve()):
        raise UsageError(f"--out {out} is inside the folder of the pages; give another folder, for the panels alone")
    if out.is_dir() and any(out.iterdir()) and not (out / DONE).is_file():
        raise UsageError(f"--out {out} contains other files; give a new folder, or that of an earlier data cut")
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / DONE).touch()
    except OSError as error:
        raise UsageError(f"--out {out} cannot be written ({error.strerror}); give another folder") from None


def _names(pages: Sequence[Item]) -> dict[str, str]:
    """Return the path below ``out`` of every page's panels, without number: its series' folder, then its name."""
    return {page.id: _name(page) for page in pages}


def _name(page: Item) -> str:
    parts = [_plain(part) for part in page.id.split("/")]
    series = _plain(page.series.replace("/", "-"))
    whole = page.series == page.id or page.series in page.id.split("/")[:-1]
    return "/".join(parts if whole else [series, *parts])


def _plain(part: str) -> str:
    return re.sub(r"[^\w .+()\[\]-]", "-", part).strip(" .") or "-"


def _stamp(page: Item) -> list[int]:
    """Return the stamp of the file that was cut: size, time, and the version of the cutting."""
    try:
        stat = page.path.stat()
    except OSError:
        return [-1, -1, VERSION]
    return [stat.st_size, stat.st_mtime_ns, VERSION]


def _forget(pages: Sequence[Page], out: Path) -> None:
    """Remove the panels of pages that have changed: the new ones may be fewer."""
    for page in pages:
        for file in page.files:
            (out / file).unlink(missing_ok=True)


def _batches(items: Sequence[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    while some := list(islice(rest, AT_ONCE)):
        yield some


def _cut_page(page: Item, out: Path, name: str) -> Page:
    """Write the panels of a page, each whole or not at all."""
    try:
        decoded = decode(page.path).image
    except BadImage as error:
        return Page(name, (), (), error.reason)
    boxes = panels_of(np.asarray(decoded.convert("L")))
    if len(boxes) < FEWEST:
        return Page(name, (), (), "no gutter was found")
    jpeg = page.path.suffix.lower() in (".jpg", ".jpeg")
    files = []
    for number, box in enumerate(boxes, start=1):
        file = f"{name}_{number:02d}.{'jpg' if jpeg else 'png'}"
        write_atomic(out / file, _encoded(decoded.crop(box), jpeg))
        files.append(file)
    return Page(name, tuple(boxes), tuple(files))


def _encoded(panel: Image.Image, jpeg: bool) -> bytes:
    buffer = io.BytesIO()
    if jpeg:
        panel.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    else:
        panel.save(buffer, "PNG")
    return buffer.getvalue()


def _done(out: Path) -> dict[str, tuple[list[int], Page]]:
    """Return the pages that are cut already, a line each; one that a dead process left unfinished is none."""
    found: dict[str, tuple[list[int], Page]] = {}
    path = out / DONE
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            read: dict[str, Any] = json.loads(line)
            boxes = tuple((int(x0), int(y0), int(x1), int(y1)) for x0, y0, x1, y1 in read["boxes"])
            page = Page(str(read["page"]), boxes, tuple(map(str, read["files"])), str(read["why"]))
            stamp = list(map(int, read["stamp"]))
        except (ValueError, KeyError, TypeError):
            continue
        if all((out / file).is_file() for file in page.files):
            found[page.name] = (stamp, page)
    return found


def _note(out: Path, pages: Sequence[tuple[Page, list[int]]]) -> None:
    lines = [
        json.dumps({"page": page.name, "stamp": stamp, "boxes": page.boxes, "files": page.files, "why": page.why})
        for page, stamp in pages
    ]
    with (out / DONE).open("a", encoding="utf-8") as file:
        file.write("\n" + "\n".join(lines) + "\n")  # a line that was cut off must not swallow the next one
        file.flush()
        os.fsync(file.fileno())


def _finish(dataset: Dataset, pages: Sequence[Item], cutting: Cutting) -> None:
    """Write the list of what could not be cut, and ``series.json`` where the splits of series are known."""
    left = [f"{page.name}\t{page.why}" for page in cutting.pages if page.why]
    write_atomic(cutting.out / UNCUT, "".join(f"{line}\n" for line in left).encode())
    known = dataset.series_by in ("sidecar", "layout", "regex", "folder")
    if not known or cut_series((page.series, page.split) for page in pages):
        return
    told = {
        _plain(page.series.replace("/", "-")): {"split": page.split, **({"style": page.style} if page.style else {})}
        for page in pages
    }
    write_json(cutting.out / SIDECAR, told)
