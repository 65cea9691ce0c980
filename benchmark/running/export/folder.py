"""The folder of an exported backbone: what timm loads, a card, and the same weights for other programs."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from inkbench.benchmark.errors import UsageError, did_you_mean
from inkbench.benchmark.given import catalogue
from inkbench.benchmark.given.supervision import card_text
from inkbench.benchmark.networks.weights_files import parted
from inkbench.benchmark.running.export import card, onnx_file, push, torchvision_names
from inkbench.benchmark.running.export.exported import Exported, own_version
from inkbench.benchmark.running.export.given import given
from inkbench.benchmark.running.export.pretrained import pretrained
from inkbench.benchmark.running.export.scores import scores
from inkbench.benchmark.running.export.timm_config import config_of, nearest_side
from inkbench.benchmark.store.files import checksum, json_bytes, write_atomic
from inkbench.benchmark.store.store import Store

FORMATS = ("timm", "torchvision", "onnx")
"""timm's folder is always written; the others are files in it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for beside the name of the weights."""

    out: Path | None = None
    formats: tuple[str, ...] = ("timm",)
    push: str = ""
    """A repository ``OWNER/NAME`` of the hub, or a folder that receives what would be pushed."""
    private: bool = False
    network: str | None = None

    def folders(self) -> list[Path]:
        """Return the folders of this machine that are to be written."""
        local = push.local_folder(self.push) if self.push else None
        return list(dict.fromkeys(folder for folder in (self.out, local) if folder is not None))

    def repository(self) -> str:
        """Return the repository of the hub; empty where none is to be pushed to."""
        return self.push if self.push and push.local_folder(self.push) is None else ""


def export(store: Store, what: str, wanted: Wanted) -> str:
    """Write the weights that ``what`` names; gives the lines that say so.

    ``what`` is a method, the beginning of a pretraining's key, or the word of given weights. Raises UsageError where
    there are none, several, damaged ones, where something cannot be written or has another form; RunError where it
    could not be pushed.
    """
    _require(wanted)
    if catalogue.is_row(what):
        exported = given(store, what, wanted.network)
    elif wanted.network:
        raise UsageError(f"--backbone is for given weights, and '{what}' is pretrained here; leave it out")
    else:
        exported = pretrained(store, what)
    if "torchvision" in wanted.formats:
        torchvision_names.name_of(exported.backbone)
    where = _where(wanted)
    files = _files(store, exported, wanted.formats, where)
    for folder in wanted.folders():
        _write(folder, files)
    lines = [f"{exported.name} is in {folder}" for folder in wanted.folders()]
    if wanted.repository():
        lines.append(f"{exported.name} is in {_pushed(files, wanted, exported)}")
    return "\n".join([*lines, f'timm.create_model("{where}", pretrained=True)'])


def _require(wanted: Wanted) -> None:
    """Refuse what can be known before any work. Raises UsageError."""
    if wanted.out is None and not wanted.push:
        raise UsageError("export needs --out DIR, or --push REPO")
    if wanted.private and not wanted.repository():
        raise UsageError("--private is for a repository of the hub: --push OWNER/NAME")
    if strange := [name for name in wanted.formats if name not in FORMATS]:
        raise UsageError(f"no format '{strange[0]}'{did_you_mean(strange[0], FORMATS)}")
    if "onnx" in wanted.formats:
        onnx_file.require_onnx()
    for folder in wanted.folders():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            flag = "--out" if folder == wanted.out else "--push"
            raise UsageError(f"{flag} {folder} already exists; give a new folder")
    if wanted.repository():
        push.require_hub(wanted.repository())


def _where(wanted: Wanted) -> str:
    """Return what timm is told to load."""
    repository = wanted.repository()
    return f"hf-hub:{repository}" if repository else f"local-dir:{wanted.folders()[0]}"


def _files(store: Store, exported: Exported, formats: tuple[str, ...], where: str) -> dict[str, bytes]:
    """Return the files of the folder by name, the weights last."""
    model, layer = parted(exported.data)
    extra, parts = {}, [card.LAYER] if layer else []
    if "torchvision" in formats:
        extra[torchvision_names.FILE] = torchvision_names.torchvision_bytes(exported.backbone)
        parts.append(card.torchvision_part(torchvision_names.name_of(exported.backbone)))
    if "onnx" in formats:
        side = nearest_side(exported.backbone, exported.scored_side or exported.preprocessing["input_size"][-1])
        extra[onnx_file.FILE] = onnx_file.onnx_bytes(exported.backbone, side)
        parts.append(card.onnx_part(side))
    return {
        "config.json": json_bytes(config_of(exported)),
        "README.md": card.readme(exported, scores(store, exported), where, parts).encode(),
        **exported.files,
        "model.toml": card_text(exported.supervision, checksum(model), exported.source).encode(),
        **extra,
        **({"projection.safetensors": layer} if layer else {}),
        "model.safetensors": model,
    }


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    try:
        for name, data in files.items():
            write_atomic(folder / name, data)
    except OSError as error:
        raise UsageError(f"--out {folder} cannot be written ({error.strerror})") from None


def _pushed(files: Mapping[str, bytes], wanted: Wanted, exported: Exported) -> str:
    with ExitStack() as stack:
        folder = wanted.out
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            _write(folder, files)
        return push.push(folder, wanted.repository(), wanted.private, f"{exported.title}, by inkbench {own_version()}")
