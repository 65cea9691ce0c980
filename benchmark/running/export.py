"""A pretrained backbone as a folder that timm loads, with a card of where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inkbench.benchmark import registry
from inkbench.benchmark.errors import UsageError, did_you_mean
from inkbench.benchmark.escaping import markdown_cell as markdown
from inkbench.benchmark.given.supervision import UNKNOWN, card_text
from inkbench.benchmark.networks.weights_files import parted
from inkbench.benchmark.progress import complain
from inkbench.benchmark.running.cards import read_card
from inkbench.benchmark.store.files import checksum, write_atomic, write_json
from inkbench.benchmark.store.identity import plugged_metrics
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store

LAYER = """`projection.safetensors` is a linear layer, a batch norm and a ReLU behind the pooled features: what the
tasks that read one vector were given.

"""
CARD = """---
library_name: timm
tags: [image-feature-extraction, comics]
---
# {architecture}, pretrained by {method}

```python
import timm
backbone = timm.create_model("local-dir:{folder}", pretrained=True)
features = backbone.forward_features(images)  # (B, 3, H, W), normalised by mean {mean} and std {std}
```

The folder may be moved; only the path after `local-dir:` changes.

| | |
|---|---|
{facts}

{pretext}

{scores}

{layer}The weights were trained by {method} on the data named above, whose licence also applies to them.
"""


def export(store: Store, what: str, out: Path) -> str:
    """Write the backbone of a method, or of a key's beginning, to ``out``; gives the lines that say so.

    Raises UsageError where there is none, several, a damaged one, or something else in ``out``.
    """
    card = _chosen(_cards(store), what, store)
    weights = store.root / "backbones" / card["key"] / "weights.safetensors"
    data = weights.read_bytes()
    if checksum(data) != card["sha256"]:
        raise UsageError(
            f"{weights} is damaged: its checksum differs from its card; remove {weights.parent} and run again"
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"--out {out} already exists; give a new folder")
    model, layer = parted(data)
    try:
        write_json(out / "config.json", _timm_config(card))
        write_atomic(out / "README.md", _readme(card, store, out, LAYER if layer else "").encode())
        write_json(out / "pretraining.json", card)
        write_atomic(out / "model.toml", _card(card, checksum(model)).encode())
        write_atomic(out / "model.safetensors", model)
        if layer:
            write_atomic(out / "projection.safetensors", layer)
    except OSError as error:
        raise UsageError(f"--out {out} cannot be written ({error.strerror})") from None
    return (
        f"{card['architecture']} pretrained by {card['method']} ({card['key']}) is in {out}\n"
        f'timm.create_model("local-dir:{out}", pretrained=True)'
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
            raise UsageError(f"no backbone of '{what}' in {store.root}{why or '; run it first'}")
        there = f"; there are {', '.join(made)}" if made else "; none has been pretrained yet"
        raise UsageError(f"no method or pretraining '{what}' in {store.root}{did_you_mean(what, made)}{there}")
    told = "; ".join(f"{card['key']} is {_line(card, matching)}" for card in matching)
    raise UsageError(f"{len(matching)} backbones match '{what}'; choose one by the start of its key: {told}")


def _line(card: Mapping[str, Any], others: list[dict[str, Any]]) -> str:
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


def _score(record: Record, name: str) -> str:
    figure = record.metrics.get(name)
    found = f"{figure.value:z.4f} | {figure.n:,}" if figure else "- | 0"
    told = map(markdown, (record.task, record.protocol, record.data.id, name))
    return f"| {' | '.join(told)} | {found} |"


def _timm_config(card: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "architecture": card["architecture"].split(".")[0],
        "num_classes": 0,
        "pretrained_cfg": {
            "num_classes": 0,
            "mean": list(card["mean"]),
            "std": list(card["std"]),
            "custom_load": False,
        },
    }


def _card(card: Mapping[str, Any], sha256: str) -> str:
    """Return the card that a later run with ``--weights`` reads beside the file."""
    data = card["identity"]["data"]["id"]
    source = f"inkbench, {card['method']} version {card['identity']['version']} on {data}, {card['images']:,} images"
    return card_text(card.get("supervision", UNKNOWN), sha256, source)


def _readme(card: Mapping[str, Any], store: Store, out: Path, layer: str) -> str:
    identity = card["identity"]
    data = card.get("data", identity["data"])
    facts = {
        "method": markdown(f"{card['method']} (version {identity['version']})"),
        "trained with": markdown(card.get("supervision", UNKNOWN)),
        "data": markdown(f"{data['id']} (fingerprint {str(data['fingerprint'])[:12]})"),
        "images seen": f"{card['images']:,}",
        "steps": f"{card['steps']:,}",
        "seed": identity["seed"],
        "settings": " ".join(markdown(f"{name}={value}") for name, value in identity["settings"].items()),
        "packages": ", ".join(f"{name} {version}" for name, version in identity["packages"].items()),
        "sha256": card["sha256"],
    }
    pretext = [
        f"Pretext task on held-out panels: {name} {figure['value']:.3f}"
        + (f", a trivial predictor {figure['trivial']:.3f}" if figure.get("trivial") is not None else "")
        + f" (n = {figure['n']:,})."
        for name, figure in card["pretext"].items()
    ]
    scores = []
    for record in store.records():
        if record.pretraining == card["key"] and record.status == "done":
            scores += [_score(record, name) for name in (record.primary, *plugged_metrics(record.identity))]
    scores = list(dict.fromkeys(scores))  # one set of predictions may be scored by several sets of metrics
    table = ["| task | protocol | data | metric | value | n |", "|---|---|---|---|---|---|", *scores] if scores else []
    return CARD.format(
        architecture=card["architecture"],
        method=card["method"],
        folder=out,
        layer=layer,
        mean=tuple(round(value, 4) for value in card["mean"]),
        std=tuple(round(value, 4) for value in card["std"]),
        facts="\n".join(f"| {name} | {value} |" for name, value in facts.items()),
        pretext="\n".join(pretext),
        scores="\n".join(table) or "No task has been scored with these weights.",
    )
