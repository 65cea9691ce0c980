"""The catalogue of given weights: TOML files, one a family, of ours and of the user's folders; no weights are read.

Ours lie in ``methods/weights``; a user adds a file beside the weights in a folder that ``$INKBENCH_WEIGHTS`` names.
Keys that stand before the first ``[[weights]]`` hold for all of a file's weights. What is not known stays "unknown".
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from inkbench.benchmark.config import Readout
from inkbench.benchmark.errors import UsageError, did_you_mean
from inkbench.benchmark.given.supervision import UNKNOWN, WORDS, card_beside, card_of, of_file, of_timm

OURS = Path(__file__).resolve().parents[2] / "methods" / "weights"
FOLDERS = "INKBENCH_WEIGHTS"
"""Folders of weights files and of TOML files of one's own, with the system's separator of paths between them; or the
address of a mirror of the hub."""
NAME = r"^(\w+:)?[A-Za-z0-9][A-Za-z0-9 ._/+-]{0,119}$"
TAKES = {
    "timm": "a tag of timm's weights: timm:resnet50.a1_in1k",
    "hf": "a repository of Hugging Face's hub: hf:OWNER/NAME[@revision]",
    "weights": "a file: weights:path/to/model.safetensors",
}
"""Rows without a catalogue, and what stands behind their colon."""


class Weights(BaseModel):
    """Facts on one file of weights, as its authors or timm state them; what nobody states is "unknown"."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=NAME)
    """The word for it on the command line, and of its rows."""
    family: str = UNKNOWN
    architecture: str = ""
    """timm's name of the network; that in the tag where ``timm`` is given."""
    timm: str = ""
    """timm's tag, ``ARCHITECTURE.TAG``: timm's own loader finds it."""
    hf: str = ""
    """The repository on Hugging Face's hub, ``OWNER/NAME``."""
    revision: str = ""
    """The commit or tag of the repository; its newest where it is empty."""
    file: str = ""
    """The name of the file: in the repository, or in a folder of ``$INKBENCH_WEIGHTS``, or beside the TOML file."""
    sha256: str = UNKNOWN
    supervision: str = UNKNOWN
    data: str = UNKNOWN
    """The images that it saw, in its authors' words."""
    seen: Literal["comics", "no", "unknown"] = UNKNOWN  # type: ignore[assignment]
    """Whether its images may hold the comics of a test: it saw comics, its authors say no, or nobody says."""
    licence: str = UNKNOWN
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    pad_type: Literal["", "same"] = ""
    """Padding of the convolutions: "same" for weights converted from TensorFlow."""
    side: int | None = Field(default=None, ge=16)
    """The side in pixels that it was trained at; timm's where it is not given."""
    feature: Readout = "family"
    """The vector that its authors read: of a vision transformer ``cls``, ``mean`` or both."""
    citation: str = ""
    homepage: str = ""
    folder: Path = OURS
    """The folder of the TOML file."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if bool(self.timm) == bool(self.hf or self.file):
            raise ValueError("name one source: timm, or hf (with the file in it), or file")
        return self

    @property
    def backbone(self) -> str:
        """Return its network's name for timm, with the tag where timm has one, which says how pixels are scaled.

        Empty where nothing says which network it is of: that of the run is tried.
        """
        return self.timm or self.architecture

    @property
    def source(self) -> str:
        """Return where it comes from, in a few words."""
        return f"timm:{self.timm}" if self.timm else f"hf:{self.hf}" if self.hf else self.file


def scaling(weights: Weights) -> dict[str, Any]:
    """Return how weights are shown images, where their entry says so: mean and deviation of the pixels, padding."""
    told = {"mean": weights.mean, "std": weights.std, "pad_type": weights.pad_type}
    return {name: value for name, value in told.items() if value}


def mirror() -> str:
    """Return the address of a mirror of the hub, where ``$INKBENCH_WEIGHTS`` is one; empty where it names folders."""
    told = os.environ.get(FOLDERS, "")
    return told if told.startswith(("http://", "https://")) else ""


def folders() -> tuple[Path, ...]:
    """Return the folders that ``$INKBENCH_WEIGHTS`` names."""
    told = "" if mirror() else os.environ.get(FOLDERS, "")
    return tuple(Path(part) for part in told.split(os.pathsep) if part)


@cache
def _entries(theirs: tuple[Path, ...]) -> dict[str, Weights]:
    found: dict[str, Weights] = {}
    for folder in (OURS, *theirs):
        for file in sorted(folder.glob("*.toml")):
            for weights in read(file):
                if weights.name in found:
                    raise UsageError(
                        f"{file}: '{weights.name}' is a name in {found[weights.name].folder}; take another"
                    )
                found[weights.name] = weights
    return found


def entries() -> dict[str, Weights]:
    """Return all that is catalogued, by name. Raises UsageError for a file that is wrong."""
    return _entries(folders())


def read(file: Path) -> list[Weights]:
    """Return the weights that a TOML file describes; none of a card, without ``[[weights]]``. Raises UsageError."""
    try:
        value: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from None
    several = value.pop("weights", [])
    if not isinstance(several, list) or not all(isinstance(one, dict) for one in several):
        raise UsageError(f"{file}: weights must be tables: [[weights]]")
    found = [_checked({**value, **one, "folder": file.resolve().parent}, f"{file}") for one in several]
    for one in found:
        if one.supervision not in WORDS:
            raise UsageError(f"{file}, {one.name}: supervision '{one.supervision}' is none of {', '.join(WORDS)}")
        if not one.backbone:
            raise UsageError(f"{file}, {one.name}: architecture is missing: timm's name of the network")
    return found


def _checked(value: dict[str, Any], where: str) -> Weights:
    try:
        return Weights.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        key, said = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{where}, {value.get('name', 'nameless')}: {key + ': ' if key else ''}{said}") from None


def is_row(text: str) -> bool:
    """Return whether a word of ``--method`` names given weights."""
    scheme, colon, _ = text.partition(":")
    return scheme in TAKES if colon else text in entries()


def name_of(text: str) -> str:
    """Return the name of the row that a word of ``--method`` makes, without looking for its weights."""
    scheme, colon, rest = text.partition(":")
    if not colon:
        return text
    return {"weights": f"weights:{Path(rest).name}", "hf": f"hf:{rest.partition('@')[0]}"}.get(scheme, text)


def find(text: str) -> Weights:
    """Return the weights that a word of ``--method`` means. Raises UsageError."""
    scheme, colon, rest = text.partition(":")
    if not colon:
        known = entries()
        if text not in known:
            raise UsageError(f"no weights '{text}'{did_you_mean(text, known)}")
        return known[text]
    if not rest:
        raise UsageError(f"'{text}' names nothing; {scheme}: takes {TAKES[scheme]}")
    if scheme == "timm":
        architecture, _, tag = rest.partition(".")
        return _checked({"name": text, "timm": rest, "supervision": of_timm(architecture, tag)}, text)
    if scheme == "hf":
        repository, _, revision = rest.partition("@")
        return _checked({"name": f"hf:{repository}", "hf": repository, "revision": revision}, text)
    return _of_file(Path(rest))


def _of_file(path: Path) -> Weights:
    """Return what a card beside a file says of it, else the entry of this very file; all is unknown without either.

    Raises UsageError.
    """
    if not path.is_file():
        raise UsageError(f"weights:{path}: there is no file {path}")
    own = {"name": f"weights:{path.name}", "timm": "", "hf": "", "file": path.name, "folder": path.resolve().parent}
    card = card_beside(path)
    if card is None and (known := _catalogued(path)):
        return known.model_copy(update=own)
    said = {key: value for key, value in card_of(card).items() if key in Weights.model_fields} if card else {}
    return _checked({**said, **own, "supervision": of_file(path)}, str(path))


def _catalogued(path: Path) -> Weights | None:
    """Return the entry of a file by its name and stated checksum."""
    stated = [one for one in entries().values() if one.file == path.name and one.sha256 != UNKNOWN]
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest() if stated else ""
    return next((one for one in stated if one.sha256 == sha256), None)
