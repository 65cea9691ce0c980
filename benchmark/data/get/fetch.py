"""``data get ID``: download, verify, unpack, and a folder that is whole or not there; or the steps for a person."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

from inkbench.benchmark import registry
from inkbench.benchmark.contracts.dataset import Dataset
from inkbench.benchmark.contracts.source import Source
from inkbench.benchmark.data.files import FileDataset
from inkbench.benchmark.data.get.download import download
from inkbench.benchmark.data.get.unpack import unpack
from inkbench.benchmark.data.locate import HOME
from inkbench.benchmark.data.terms import accepted_on
from inkbench.benchmark.errors import UsageError, did_you_mean
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.store.files import temporary_folder

SLACK = 2**20
"""Bytes that an archive may have beyond its files: packing adds a little to what cannot be packed."""


def get(name: str, out: Path | None, progress: Progress) -> str:
    """Fetch a dataset into ``out``/``name`` (by default ``$INKBENCH_DATA``); gives the line that says how to use it.

    Raises UsageError: for an unknown name, for one that may not be fetched (with the steps for a person), for what does
    not come as it should. Nothing that lies there already is touched.
    """
    cls, source = find(name)
    if source is None:
        raise UsageError(steps(cls))
    if cls.terms and accepted_on(cls) is None:
        raise UsageError(
            f"{cls.name} has terms ({cls.terms}); accept them with: run_benchmark.py data accept {cls.name}"
        )
    home = out or (Path(os.environ[HOME]).expanduser() if os.environ.get(HOME) else None)
    if home is None:
        raise UsageError(f"name a folder with --out DIR, or set {HOME} to the folder of your datasets")
    target = home / name
    use = f"--data {cls.name}:{target}" if name != cls.name or out else f"--data {name}"
    if target.exists():
        return f"{target} already exists; use it with {use}"
    progress.say(f"{name}: {cls.licence}; {cls.citation}")
    archive = home / f".{name}.tar.gz"
    if not archive.is_file():
        download(source.url, archive, progress, source.most + SLACK)
    kind, _, wanted = source.checksum.partition(":")
    if kind != "content":
        _verify(archive, source.url, kind, wanted)
    temporary = temporary_folder(home)
    try:
        unpack(archive, temporary, source.strip, source.most, progress)
        if kind == "content":
            _verify_content(cls, temporary, archive, source.url, wanted)
        temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    archive.unlink()
    return f"{target} is complete and verified; use it with {use}"


def find(name: str) -> tuple[type[Dataset], Source | None]:
    """Find the dataset of a name, or that one of its copies has, and its download source. Raises UsageError."""
    known: dict[str, tuple[type[Dataset], Source | None]] = {}
    readers: dict[str, Any] = registry.usable("datasets")
    for dataset, cls in readers.items():
        known |= {copy: (cls, source) for copy, source in cls.sources.items()}
        if dataset not in known and len(cls.sources) < 2:
            known[dataset] = (cls, None)
        elif name == dataset and name not in cls.sources:
            raise UsageError(f"{dataset} is the reader of {' and '.join(cls.sources)}; name one of them")
    if name not in known:
        raise UsageError(f"no dataset '{name}' to get{did_you_mean(name, known)}")
    return known[name]


def steps(cls: type[Dataset]) -> str:
    """Return the steps, in one line, to get a dataset that this program may not, or cannot, fetch."""
    if cls.drawn:
        return f"{cls.name} is drawn by the program: run_benchmark.py data make {cls.name} --out DIR"
    if not cls.homepage or not cls.citation:
        return f"{cls.name} is a layout for your own images; there is nothing to download; it expects {cls.layout}"
    todo = [f"get it from {cls.homepage} (licence: {cls.licence})"]
    if cls.terms:
        todo.append(f"accept its terms: run_benchmark.py data accept {cls.name}")
    todo += [
        f"lay it out in DIR/{cls.name} as {cls.layout}",
        f"check it: run_benchmark.py data check {cls.name}:DIR/{cls.name}",
        f"set {HOME}=DIR and use --data {cls.name}",
    ]
    numbered = "; ".join(f"({k}) {step}" for k, step in enumerate(todo, start=1))
    return f"{cls.name} is not downloaded by this program: {numbered}"


def _verify(archive: Path, url: str, kind: str, wanted: str) -> None:
    """Remove an archive with another checksum, so that the next call gets it anew. Raises UsageError."""
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, kind).hexdigest()
    if found != wanted:
        archive.unlink()
        raise UsageError(f"the download from {url} has {kind} {found}, not {wanted}; it was deleted and not unpacked")


def _verify_content(cls: type[Dataset], folder: Path, archive: Path, url: str, wanted: str) -> None:
    """Verify the unpacked files in the same way."""
    dataset = cls(folder)
    assert isinstance(dataset, FileDataset)
    found = dataset.content() if cls.recognises(folder) else "no such layout"
    if found != wanted:
        archive.unlink()
        raise UsageError(f"the download from {url} unpacks to other files ({found}, not {wanted}); it was deleted")
