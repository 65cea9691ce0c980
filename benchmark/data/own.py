"""Names and descriptions of a person's own data, and the ``dataset.toml`` beside them."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from inkbench.benchmark import registry
from inkbench.benchmark.contracts.dataset import Dataset
from inkbench.benchmark.data.files import FileDataset
from inkbench.benchmark.data.texts import text_of
from inkbench.benchmark.errors import UsageError, brief, did_you_mean

SAYS = "dataset.toml"
FIELDS = ("name", "licence", "citation", "homepage", "series")
UNKNOWN = f"unknown; can be stated in {SAYS} beside the data"
DRAWN_COPY = "complete.json"
"""The marker of a copy of synth, whose layouts lie in folders beside it (``synth.make.MARKER``)."""
LONGEST = 60
_NAME = re.compile(rf"[^\W_][\w .+-]{{0,{LONGEST - 1}}}")
_CONTENT = "content:"


@dataclass(frozen=True, slots=True)
class About:
    """Licence, citation and homepage of a copy of data, and how they are known; empty where they are not."""

    licence: str = ""
    citation: str = ""
    homepage: str = ""
    known_by: str = ""

    def words(self) -> str:
        """Return the licence and citation in a sentence each."""
        cite = f" Cite: {self.citation}" if self.citation else ""
        page = f" {self.homepage}" if self.homepage else ""
        return f"Licence: {self.licence or UNKNOWN}.{cite}{page}"


def read_own(root: Path) -> dict[str, str]:
    """Read ``root/dataset.toml``: texts by the names of ``FIELDS``; nothing where there is no such file.

    Raises UsageError for what is not TOML, for other fields and for what is no text.
    """
    path = root / SAYS
    if not path.is_file():
        return {}
    try:
        read = tomllib.loads(text_of(path))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not TOML: {error}") from None
    for field, value in read.items():
        if field not in FIELDS:
            raise UsageError(f"{path}: no field '{field}'{did_you_mean(field, FIELDS)}")
        if not isinstance(value, str) or not value.strip():
            raise UsageError(f"{path}: {field} is {brief(value)}, not a string")
    if "name" in read:
        check_name(read["name"], f"{path}: name")
    return {field: value.strip() for field, value in read.items()}


def check_name(name: str, where: str) -> str:
    """Return the name if own data may have it. Raises UsageError for one that is taken, or that no table can carry."""
    if name in registry.names("datasets"):
        raise UsageError(f"{where}: '{name}' is the name of a built-in dataset; choose another")
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{where}: {brief(name)} is not a valid name; use up to {LONGEST} letters, digits, blanks and any of _.+-, "
            "a letter or digit first"
        )
    return name


def folder_name(root: Path, otherwise: str) -> str:
    """Return the name of data that nobody has named: their folder's, without characters that names do not have."""
    name = re.sub(r"[^\w .+-]", "-", root.resolve().name).lstrip("-_ .+")[:LONGEST].strip()
    return name or otherwise


def about(dataset: Dataset) -> About:
    """Return what is known of this very copy: from ``dataset.toml``, or by a known fingerprint; else nothing.

    A layout is none: whoever has images of their own in AI4VA's folders has not AI4VA's licence.
    """
    said = read_own(dataset.root) if dataset.root.is_dir() else {}
    if said.keys() & {"licence", "citation", "homepage"}:
        return About(said.get("licence", ""), said.get("citation", ""), said.get("homepage", ""), SAYS)
    known = _known(dataset)
    if known is None:
        return About()
    cls, how = known
    return About(cls.licence, cls.citation, cls.homepage, how)


def _known(dataset: Dataset) -> tuple[type[Dataset], str] | None:
    cls = type(dataset)
    if cls.drawn:
        return cls, "drawn by the program"
    if is_drawn(dataset.root):
        return registry.load("datasets", "synth"), "a copy of what the program draws"
    prints = {source.checksum.removeprefix(_CONTENT) for source in cls.sources.values()}
    if isinstance(dataset, FileDataset) and dataset.content() in prints:
        return cls, "its fingerprint"
    return None


def is_drawn(root: Path) -> bool:
    """Return whether a folder is a copy of synth, or one of its layouts."""
    return any((folder / DRAWN_COPY).is_file() for folder in (root, root.absolute().parent))
