"""The supervision of weights: said by a card beside their file or by timm's own tag, and unknown otherwise."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inkbench.benchmark.errors import UsageError

UNKNOWN = "unknown"
WORDS = {
    "labels": "names of classes, people or boxes that somebody gave the images",
    "self-supervised": "the images alone",
    "image-text": "texts found beside the images (CLIP and its kin)",
    "distilled": "the outputs of another network",
    "mixed": "several of these, one after the other or together",
    UNKNOWN: "not stated",
}
"""The vocabulary of cards and tables; a card may use other words of its own."""
LONGEST = 60

LABELLED_DATA = re.compile(r"inw?\d+ks?")
"""ImageNet in timm's tags: in1k, in12k, in21k, in22k, inw21k."""
RECIPE = re.compile(
    r"ft|\d{2,4}(ep)?|[ers]\d+|\d+e|patch\d+|a\d+h?|b\dk|c\d+(ns)?|d\d*h?|ra\d*|ah|am|aa|ap|agc|adv|ad|aug|augreg\d*|bd|bt|"
    r"ch|cvnets|deit|dm|ens|fb|gluon|goog|green|idstcv|ix|lamb|lion|miil|ms|msft|mx|nadamuon|nav|naver|nv|orig|paddle|"
    r"pd|pycls|racm|ram|rmsp|rsb|rvgg|sail|sam|sbb2?|sw|tf|timm|tv2?|apple"
)
"""Parts of timm's tags that name who trained with labels alone, how long, at what side and by which recipe."""
MARKS = {
    "self-supervised": re.compile(r"dino|dinov[23]|mae|fcmae|mim|ijepa|mocov[23]|msn|seer|ssl|lvd\d+m|sat\d+m"),
    "image-text": re.compile(
        r"clip|openai|laion\w+|datacomp\w*|dfn\w+|metaclip2?|webli|merged2b|cc12m|yfcc15m|tinyclip|mclip2?|siglip2?"
    ),
    "distilled": re.compile(r"dist|distilled|ssld|usi|eupe"),
    "mixed": re.compile(r"swsl|wsl|swag|ns|jft|radio|sa1b"),
}
"""Parts of timm's tags that say how weights were trained; two of them make a mixture."""
BUILT_FOR = {
    "self-supervised": re.compile(r"dinov[23]"),
    "image-text": re.compile(r"clip|siglip2?|aimv2|mci"),
    "distilled": re.compile(r"distilled|ssld|dist"),
}
"""The same of parts of timm's architectures."""
MASKED_FIRST = re.compile(r"(beit|beitv2|beit3|eva|eva02)(_|$)")
"""Architectures whose weights begin as masked image modelling, whatever their tags say."""
TAUGHT_BY_CLIP = re.compile(r"(eva|eva02)(_|$)")
"""Those of them that predict the features of a network trained on texts."""


def of_timm(architecture: str, tag: str) -> str:
    """Return the word for the weights that timm tags ``tag``; unknown where a part of the tag is."""
    parts = tag.split("_")
    words = {word for word, mark in MARKS.items() for part in parts if mark.fullmatch(part)}
    words |= {word for word, mark in BUILT_FOR.items() for part in architecture.split("_") if mark.fullmatch(part)}
    if MASKED_FIRST.match(architecture):
        words.add("self-supervised")
    if TAUGHT_BY_CLIP.match(architecture):
        words.add("image-text")
    if "dinov3" in f"{architecture}.{tag}" and "_7b_" not in architecture:
        words = words - {"self-supervised"} | {"distilled"}
    if words:
        return words.pop() if len(words) == 1 and not _tuned(parts) else "mixed"
    known = all(LABELLED_DATA.fullmatch(part) or RECIPE.fullmatch(part) for part in parts)
    return "labels" if known and any(LABELLED_DATA.fullmatch(part) for part in parts) else UNKNOWN


def _tuned(parts: list[str]) -> bool:
    """Return whether a tag says that labels of ImageNet came after something else."""
    after = parts[parts.index("ft") :] if "ft" in parts else []
    return any(LABELLED_DATA.fullmatch(part) for part in after)


def of_file(weights: Path) -> str:
    """Return the supervision of a weights file, as what lies beside it says; unknown where nothing does.

    Asked in turn: ``FILE.toml`` (``w.pth.toml`` or ``w.toml``), the ``card.json`` of a results folder, the
    ``config.json`` of a folder from timm's hub. Raises UsageError for a card that can't be read or is of another file.
    """
    if card := card_beside(weights):
        return _of_card(card, weights)
    own = weights.with_name("card.json")
    if weights.name == "weights.safetensors" and own.is_file():
        return str(_json(own).get("supervision", UNKNOWN))
    hub = weights.with_name("config.json")
    if weights.name in ("model.safetensors", "pytorch_model.bin") and hub.is_file():
        said = _json(hub)
        inner = said.get("pretrained_cfg")
        tag = inner.get("tag") if isinstance(inner, Mapping) else None
        return of_timm(str(said.get("architecture", "")), str(tag)) if tag else UNKNOWN
    return UNKNOWN


def card_text(supervision: str, sha256: str, source: str) -> str:
    """Return a card for weights that inkbench hands on, as TOML."""
    return "".join(
        f"{key} = {json.dumps(value, ensure_ascii=False)}\n"
        for key, value in (("supervision", supervision), ("source", source), ("sha256", sha256))
    )


def of_pretraining(supervision: str, first: str = "") -> str:
    """Return the word for a pretext task's weights: ``supervision`` of the method, ``first`` of its first weights."""
    own = "self-supervised" if supervision == "none" else supervision
    return own if first in ("", own) else f"{first}, then {own}"


def card_beside(weights: Path) -> Path | None:
    """Return the card of a file, ``FILE.toml`` (``w.pth.toml`` or ``w.toml``), where there is one."""
    places = (weights.with_name(weights.name + ".toml"), weights.with_suffix(".toml"))
    return next((card for card in places if card.is_file()), None)


def card_of(path: Path) -> dict[str, Any]:
    """Return what a card says. Raises UsageError where it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is not a readable card ({error})") from None


def _of_card(card: Path, weights: Path) -> str:
    said = card_of(card)
    word = said.get("supervision", UNKNOWN)
    if not isinstance(word, str) or not word.strip() or len(word) > LONGEST or not word.isprintable():
        raise UsageError(f"{card}: supervision must be one of {', '.join(WORDS)}, or a short line of your own")
    if "sha256" in said and said["sha256"] != hashlib.sha256(weights.read_bytes()).hexdigest():
        raise UsageError(
            f"{card} is the card of another file: its sha256 differs from that of {weights.name}; remove one of them"
        )
    return word.strip()


def _json(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}
