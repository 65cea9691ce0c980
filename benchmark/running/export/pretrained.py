"""Backbones that were pretrained here: found in a results folder by method or key, with the facts of their card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import timm
from pydantic import ValidationError

from inkbench.benchmark import registry
from inkbench.benchmark.config import BackboneSettings
from inkbench.benchmark.errors import UsageError, did_you_mean
from inkbench.benchmark.escaping import markdown, markdown_cell
from inkbench.benchmark.given import catalogue
from inkbench.benchmark.given.supervision import UNKNOWN
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.networks.weights_files import load_projection, load_weights
from inkbench.benchmark.planning.request import IMAGENET
from inkbench.benchmark.progress import complain
from inkbench.benchmark.running.cards import read_card
from inkbench.benchmark.running.export.exported import Exported, Terms
from inkbench.benchmark.running.export.given import terms_of
from inkbench.benchmark.running.export.scores import kind_of
from inkbench.benchmark.running.export.timm_config import nearest_side
from inkbench.benchmark.store.files import checksum, json_bytes
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store

Card = Mapping[str, Any]


def pretrained(store: Store, what: str) -> Exported:
    """Return the backbone of a method, or of a key's beginning. Raises UsageError where there is none or several,
    or a damaged one."""
    card = _chosen(_cards(store), what, store)
    path = store.root / "backbones" / card["key"] / "weights.safetensors"
    data = path.read_bytes()
    if checksum(data) != card["sha256"]:
        raise UsageError(f"{path} is damaged: its checksum differs from its card; remove {path.parent} and run again")
    backbone = Backbone(card["architecture"], _settings(card))
    try:
        load_weights(backbone, path)
        load_projection(backbone, path)
    except RuntimeError as error:
        raise UsageError(f"{path} cannot be read ({error}); remove {path.parent} and run again") from None
    records = tuple(
        record for record in store.records() if record.pretraining == card["key"] and record.status == "done"
    )
    sides = _sides(card) or (backbone.native_side,)
    side = nearest_side(backbone, max(sides))
    method, architecture = card["method"], card["architecture"]
    origin = {**card["identity"]["data"], **card.get("data", {})}
    source = (
        f"inkbench, {method} version {card['identity']['version']} on {card['identity']['data']['id']}, "
        f"{card['images']:,} images"
    )
    return Exported(
        backbone=backbone,
        data=data,
        name=f"{architecture} pretrained by {method} ({card['key']})",
        title=f"{architecture}, pretrained by {method}",
        supervision=card.get("supervision", UNKNOWN),
        source=source,
        preprocessing={
            "input_size": [3, side, side],
            "interpolation": "bilinear",
            "crop_pct": 1.0,
            "crop_mode": "center",
            "mean": list(card["mean"]),
            "std": list(card["std"]),
        },
        facts=_facts(card, origin, records, sides),
        terms=tuple(_terms(card, origin, records)),
        datasets=(str(origin["id"]),),
        records=records,
        remarks=tuple(_pretext(card)),
        files={"pretraining.json": json_bytes(_without_items(card))},
    )


def _cards(store: Store) -> list[dict[str, Any]]:
    """Return the cards of finished pretrainings; those without their weights, and what is no card, left out.

    A card is that of its folder, whose name is a hash of its identity: nothing that it says leads elsewhere.
    """
    found = []
    for path in sorted((store.root / "backbones").glob("*/card.json")):
        if not path.with_name("weights.safetensors").is_file():
            continue
        try:
            found.append(read_card(path))
        except (OSError, ValueError) as error:
            complain(f"skipped: {path} is damaged ({error}); remove {path.parent} and run again")
    return found


def _chosen(cards: list[dict[str, Any]], what: str, store: Store) -> dict[str, Any]:
    """Return the one card that ``what`` names: a method or the beginning of a key."""
    matching = [card for card in cards if card["method"] == what or card["key"].startswith(what)]
    if len(matching) == 1:
        return matching[0]
    if not matching:
        made = sorted({card["method"] for card in cards})
        known = registry.names("methods")
        if what in known and what not in made:
            loaded = registry.load("methods", what)
            why = "" if loaded.pretrains else ": it does not pretrain, so there is nothing to export"  # type: ignore[attr-defined]
            named = "; given weights go by their names (list weights)" if what == IMAGENET else ""
            raise UsageError(f"no backbone of '{what}' in {store.root}{why or '; run it first'}{named}")
        there = f"; there are {', '.join(made)}" if made else "; none has been pretrained yet"
        raise UsageError(f"no method or pretraining '{what}' in {store.root}{did_you_mean(what, made)}{there}")
    told = "; ".join(f"{card['key']} is {_line(card, matching)}" for card in matching)
    raise UsageError(f"{len(matching)} backbones match '{what}'; choose one by the start of its key: {told}")


def _line(card: Card, others: list[dict[str, Any]]) -> str:
    """Describe a card in one line: what sets it apart from the others that answer to the same name."""
    identity = card["identity"]
    apart = [
        f"{name}={value}"
        for name, value in identity["settings"].items()
        if any(
            other["identity"]["settings"].get(name) != value for other in others if other["method"] == card["method"]
        )
    ]
    return " ".join(
        [card["method"], card["architecture"], f"seed {identity['seed']},", f"{card['images']} images", *apart]
    )


def _settings(card: Card) -> BackboneSettings:
    """Return the settings that the backbone was made with; pixels are scaled as the card says."""
    told = {**card["identity"].get("backbone_settings", {}), "mean": card["mean"], "std": card["std"]}
    try:
        return BackboneSettings.model_validate(told)
    except ValidationError as error:
        what = error.errors()[0]["loc"]
        raise UsageError(f"the card of {card['key']} has backbone settings that are not known here ({what})") from None


def _sides(card: Card) -> tuple[int, ...]:
    """Return the sides of what the backbone was shown: as the card says, or an old one's method; none if unknown."""
    if card.get("sides"):
        return tuple(map(int, card["sides"]))
    try:
        method: Any = registry.load("methods", card["method"])
        sides: tuple[int, ...] = method(method.Config(**card["identity"]["settings"])).input_sides()
    except (UsageError, ValidationError):  # a plugin that is not here, settings of another version
        return ()
    return sides


def _facts(card: Card, origin: Card, records: tuple[Record, ...], sides: tuple[int, ...]) -> dict[str, str]:
    identity = card["identity"]
    return {
        "method": markdown_cell(f"{card['method']} (version {identity['version']})"),
        "trained with": markdown_cell(card.get("supervision", UNKNOWN)),
        "data": markdown_cell(f"{origin['id']} (fingerprint {str(origin['fingerprint'])[:12]})"),
        "comics": _comics(origin, records),
        "started from": markdown_cell(_init(card, records) or "no other weights"),
        "images seen": f"{card['images']:,}",
        "budget": _budget(identity),
        "steps": f"{card['steps']:,}",
        "seed": f"{identity['seed']} (one pretraining)",
        "sides": f"squares of {', '.join(map(str, sides))} px, resized by a triangle filter",
        "settings": " ".join(markdown_cell(f"{name}={value}") for name, value in identity["settings"].items()),
        "packages": ", ".join(f"{name} {version}" for name, version in identity["packages"].items()),
        "sha256": card["sha256"],
    }


def _budget(identity: Card) -> str:
    """Return what was allowed to be spent: the same for every method of a comparison."""
    images, batch = (identity.get("pretrain", {}).get(name) for name in ("images", "batch"))
    told = [f"{images:,} source images by all stages together, {batch} a step"] if images and batch else []
    if identity.get("budget") == "flops":
        told.append("equalised by operations")
    told.append("series of all splits" if identity.get("transductive") else "series of training only")
    return "; ".join(told)


def _comics(origin: Card, records: tuple[Record, ...]) -> str:
    """Return which pictures were pretrained on: the card says it, of older ones their runs."""
    used = [record.pretrain_data for record in records if record.pretrain_data]
    simulated = origin["simulated"] if "simulated" in origin else used[0].simulated if used else None
    photographs = origin["photographs"] if "photographs" in origin else bool(used) and used[0].photographs
    if simulated is None:
        return "not stated whether drawn by people or simulated"
    kind = kind_of(simulated, photographs).strip(" ()")
    return f"{kind}: drawn by the program, not by people" if simulated else kind or markdown_cell(str(origin["id"]))


def _init(card: Card, records: tuple[Record, ...]) -> str:
    """Return the name of the weights that the pretraining started from; empty for none."""
    told = card.get("init")
    return str(told) if told is not None else next((record.init for record in records if record.init), "")


def _terms(card: Card, origin: Card, records: tuple[Record, ...]) -> Iterator[Terms]:
    """Yield the terms of the data, and of the weights that a pretraining started from."""
    yield Terms(
        f"the images of {origin['id']}",
        str(origin.get("licence", "")),
        str(origin.get("citation", "")),
        str(origin.get("homepage", "")),
    )
    init = _init(card, records)
    if init == IMAGENET:
        config = timm.get_pretrained_cfg(card["architecture"])
        yield Terms(f"timm's weights of {card['architecture']}", (config.license or "") if config else "")
    elif init:
        yield terms_of(catalogue.find(init)) if catalogue.is_row(init) else Terms(f"the first weights {init}")


def _pretext(card: Card) -> Iterator[str]:
    for name, figure in card["pretext"].items():
        trivial = figure.get("trivial")
        yield (
            f"Pretext task on held-out panels: {markdown(name)} {figure['value']:.3f}"
            + (f", a trivial predictor {trivial:.3f}" if trivial is not None else "")
            + f" (n = {figure['n']:,})."
        )
    yield f"The weights were trained by {markdown(card['method'])} on the data named above, whose terms hold for them."


def _without_items(card: Card) -> dict[str, Any]:
    """Return the card without the names of single images: what is handed on names no file of anybody's."""
    counted = {
        name: len(value) if isinstance(value, list | tuple) else value
        for name, value in card.get("exclusions", {}).items()
    }
    return {**card, "exclusions": counted}
