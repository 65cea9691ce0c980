"""The cards of pretrained backbones, and what a record that used one says beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from inkbench.benchmark.errors import brief
from inkbench.benchmark.store.claims import claims_of_weights
from inkbench.benchmark.store.files import checksum, key_of
from inkbench.benchmark.store.record import Record, said
from inkbench.benchmark.store.record_parts import PretextFigure
from inkbench.benchmark.store.store import Store

SHARED = {
    "weights_sha256": "sha256",
    "pretext": "pretext",
    "images_seen": "images",
    "crops_seen": "crops",
    "pretrain_steps": "steps",
    "flops": "flops",
}
"""What a record says of its pretraining, and where the card says the same."""


class _Data(BaseModel):
    """What of the data is told to people."""

    model_config = ConfigDict(extra="allow")

    id: str
    fingerprint: str


class _Identity(BaseModel):
    """What of the value that the key is a hash of is told to people."""

    model_config = ConfigDict(extra="allow")

    version: int
    seed: int
    settings: dict[str, Any]
    packages: dict[str, str]
    data: _Data


class _Card(BaseModel):
    """What of a card is used; of old ones some is not there."""

    model_config = ConfigDict(extra="allow")

    key: str
    identity: _Identity
    data: _Data = _Data(id="", fingerprint="")
    method: str
    supervision: str = ""
    architecture: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    steps: int
    images: int
    pretext: dict[str, PretextFigure]
    sha256: str


def read_card(path: Path) -> dict[str, Any]:
    """Read the card in a folder that is named by the hash of its identity. Raises OSError, and ValueError in words."""
    try:
        card: dict[str, Any] = json.loads(path.read_bytes())
        _Card.model_validate(card)
        if not card["key"] == path.parent.name == key_of(card["identity"]):
            raise ValueError("has another key than its identity gives")
    except ValidationError as error:
        raise ValueError(said(error)) from None
    except RecursionError:
        raise ValueError("is nested too deep") from None
    return card


class Cards:
    """The cards of a results folder, each read once with its weights."""

    def __init__(self, store: Store) -> None:
        self.folder = store.root / "backbones"
        self._known: dict[str, tuple[dict[str, Any], str]] = {}

    def has(self, key: str) -> bool:
        """Return whether there is a card of this pretraining."""
        return (self.folder / key / "card.json").exists()

    def findings(self, record: Record) -> Iterator[str]:
        """Yield what is wrong with the card of a record's pretraining, and what the record says otherwise."""
        key = str(record.pretraining)
        if key not in self._known:
            self._known[key] = self._read(self.folder / key)
        card, wrong = self._known[key]
        if wrong:
            yield wrong
        if not card:
            return
        for what, told, proven in claims_of_weights(record, card["identity"]):
            if told != proven:
                yield f"says {what} {brief(told)}, the card of its pretraining {brief(proven)}"
        keys = record.to_json()
        for name, of_card in SHARED.items():
            if name in keys and keys[name] != card.get(of_card):
                yield f"has another {name} than the card of its pretraining"

    def _read(self, folder: Path) -> tuple[dict[str, Any], str]:
        """Return a card and what is wrong with it or with the weights; no card where it cannot be believed."""
        try:
            card = read_card(folder / "card.json")
        except (OSError, ValueError) as error:
            return {}, f"the card of its pretraining is damaged ({error})"
        try:
            weights = folder / "weights.safetensors"
            if weights.exists() and checksum(weights.read_bytes()) != card["sha256"]:
                return card, "the weights of its pretraining do not match their card"
        except OSError as error:
            return card, f"the weights of its pretraining cannot be read ({error})"
        return card, ""
