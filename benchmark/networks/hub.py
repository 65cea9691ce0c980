"""Weights from timm's and Hugging Face's hub, by their own loaders; or from the hub's cache, a mirror or a folder."""

from __future__ import annotations

import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any

import timm

from inkbench.benchmark.errors import NotApplicable, UsageError
from inkbench.benchmark.given import facts
from inkbench.benchmark.given.catalogue import FOLDERS, Weights, folders
from inkbench.benchmark.given.supervision import UNKNOWN
from inkbench.benchmark.networks.timm_models import create
from inkbench.benchmark.store.files import checksum, write_atomic

if TYPE_CHECKING:
    from inkbench.benchmark.networks.backbones import Backbone

PATIENCE_S = 5.0
"""How long a hub may take to answer at all; its own client tries six times, a minute each."""
SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".pth.tar")
FILE = "model.safetensors"


def of_timm(backbone: Backbone) -> tuple[dict[str, Any], Path | None]:
    """Return the state that timm publishes for this architecture (its default tag, or that named), by timm's loader.

    And the file that it came from, where the hub has one. Files that the hub's cache already holds are read without a
    network. Raises NotApplicable.
    """
    source: Any = backbone.model.pretrained_cfg
    name = tag_of(backbone)
    if not (source.get("hf_hub_id") or source.get("url")):
        raise NotApplicable(f"timm publishes no weights of {backbone.name}; give a file with --weights FILE")
    cached = _in_cache(source)
    if cached is None:
        _knock(source, name)
    overlay = {} if cached is None else {"file": str(cached), "custom_load": False}
    try:
        loaded = create(backbone.name, backbone.settings, pretrained=True, pretrained_cfg_overlay=overlay)
    except Exception as error:  # the hub's client, its HTTP library and safetensors each have their own
        raise NotApplicable(_mend(source, name, f"did not load ({type(error).__name__})")) from error
    return loaded.state_dict(), _in_cache(source)


def tag_of(backbone: Backbone) -> str:
    """Return ``ARCHITECTURE.TAG`` of what timm publishes for a network."""
    source: Any = backbone.model.pretrained_cfg
    return f"{source['architecture']}.{source['tag']}" if source.get("tag") else backbone.name


def licence_of(tag: str) -> str:
    """Return the licence that timm states for weights, ``ARCHITECTURE.TAG``; empty where it states none."""
    config = timm.get_pretrained_cfg(tag)
    told = (config.license or "") if config else ""
    return "" if told == UNKNOWN else told


def facts_of(weights: Weights) -> facts.Facts:
    """Return what the catalogue says of weights, and timm's tag and licence where it leaves that open."""
    tag = weights.timm.partition(".")[2]
    of_timm = facts.of_tag(tag, licence_of(weights.timm) if weights.timm else "")
    return {
        "data": of_timm["data"] if weights.data == UNKNOWN else weights.data,
        "licence": of_timm["licence"] if weights.licence == UNKNOWN else weights.licence,
        "seen": weights.seen,
    }


def in_folders(weights: Weights) -> Path | None:
    """Return the file of catalogued weights in a folder of one's own, under its own or their name there."""
    names = [name for name in (weights.file, weights.timm, weights.name) if name]
    for folder in (weights.folder, *folders()):
        for name in names:
            for suffix in ("", *SUFFIXES):
                if (path := folder / f"{name}{suffix}").is_file():
                    return path
    return None


def of_repository(weights: Weights) -> Path:
    """Return the file of a repository of Hugging Face's hub, fetched by its own client. Raises NotApplicable."""
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    file, revision = weights.file or FILE, weights.revision or None
    cached = try_to_load_from_cache(weights.hf, file, revision=revision)
    if isinstance(cached, str):
        return Path(cached)
    source = {"hf_hub_id": weights.hf}
    named = f"{weights.hf}{'@' + weights.revision if weights.revision else ''}"
    _knock(source, named)
    try:
        return Path(hf_hub_download(weights.hf, file, revision=revision))
    except Exception as error:  # the hub's client and its HTTP library each have their own
        raise NotApplicable(_mend(source, named, f"did not load ({type(error).__name__})")) from error


def held(path: Path, stated: str) -> None:
    """Hold a file against the checksum that its source states, or that it had at first. Raises UsageError.

    Where none is stated, that of the first time is written beside the file, as far as the folder takes it.
    """
    found, beside = checksum(path.read_bytes()), path.with_name(f"{path.name}.sha256")
    if stated == UNKNOWN and beside.is_file():
        stated = beside.read_text().partition(" ")[0]
    if stated == UNKNOWN:
        try:
            write_atomic(beside, f"{found}  {path.name}\n".encode())
        except OSError:
            return
    elif stated != found:
        raise UsageError(
            f"{path} is not the file that it was: its sha256 is {found[:12]} and not {stated[:12]}; fetch it anew, or "
            f"remove {beside} if it was meant to change"
        )


def _in_cache(source: Any) -> Path | None:
    """Return the file that an earlier download, or a copy, left on this machine."""
    import torch
    from huggingface_hub import try_to_load_from_cache

    if source.get("hf_hub_id"):
        for file in (source.get("hf_hub_filename") or FILE, "pytorch_model.bin"):
            found = try_to_load_from_cache(source["hf_hub_id"], file)
            if isinstance(found, str):
                return Path(found)
        return None
    file = Path(torch.hub.get_dir()) / "checkpoints" / source["url"].rsplit("/", 1)[-1]
    return file if file.is_file() else None


def _knock(source: Any, name: str) -> None:
    """Request a sign of life from the hub, so that a machine without network is reported in seconds."""
    from huggingface_hub import constants

    address = constants.ENDPOINT if source.get("hf_hub_id") else source["url"]
    if source.get("hf_hub_id") and constants.HF_HUB_OFFLINE:
        raise NotApplicable(_mend(source, name, "are not in the hub's cache and HF_HUB_OFFLINE is set"))
    if not answers(address):
        raise NotApplicable(_mend(source, name, f"cannot be downloaded: {without_password(address)} does not answer"))


def answers(address: str) -> bool:
    """Return whether a hub gives a sign of life, whatever it says, within ``PATIENCE_S``."""
    try:
        request = urllib.request.Request(without_password(address), method="HEAD")
        with urllib.request.urlopen(request, timeout=PATIENCE_S):
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError, HTTPException):
        return False


def without_password(address: str) -> str:
    """Return an address without the name and password that may stand in it: what is shown to people."""
    scheme, mark, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}"


def _mend(source: Any, name: str, what: str) -> str:
    from huggingface_hub import constants

    whose = "timm's weights " if source.get("architecture") else ""
    said = f"{whose}{name} {what}; give a file with --weights FILE, or put it into a folder and set {FOLDERS} to it"
    if not source.get("hf_hub_id"):
        return said
    folder = "models--" + source["hf_hub_id"].replace("/", "--")
    return f"{said}; or copy the folder {folder} from a machine that has it into {constants.HF_HUB_CACHE}"
