"""What is known of given weights besides their supervision: the images they saw, whether comics may be among them, the
licence. Facts of timm's tags and of cards alone; what nobody states is unknown."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.given.supervision import UNKNOWN, card_beside, card_of

SEEN = ("comics", "no", UNKNOWN)
LONGEST = 120
DATA = {
    "in1k": "ImageNet-1k",
    "in12k": "ImageNet-12k",
    "in21k": "ImageNet-21k",
    "in22k": "ImageNet-22k",
    "inw21k": "ImageNet-21k of winter 2021",
    "laion2b": "LAION-2B",
    "laion400m": "LAION-400M",
    "laiona": "LAION-Aesthetic",
    "datacompxl": "DataComp-XL",
    "datacomp1b": "DataComp-1B",
    "dfn2b": "DFN-2B",
    "dfn5b": "DFN-5B",
    "dfndr2b": "DFNDR-2B",
    "merged2b": "Merged-2B",
    "webli": "WebLI",
    "jft": "JFT",
    "ig1b": "IG-1B",
    "yfcc15m": "YFCC-15M",
    "yfcc100m": "YFCC-100M",
    "cc12m": "CC12M",
    "sa1b": "SA-1B",
    "lvd142m": "LVD-142M",
    "lvd1689m": "LVD-1689M",
    "sat493m": "SAT-493M",
}
"""Parts of timm's tags that name the images; the same weights may have seen several, one after the other."""


class Facts(TypedDict):
    """The fields of ``WeightsInfo`` and of a record's ``Origin`` that are told here."""

    data: str
    licence: str
    seen: str


def of_tag(tag: str, licence: str = "") -> Facts:
    """Return what timm's tag says, with its ``licence`` for these weights, if it states one.

    Several stand in the tag's order, which is that of the trainings (``clip_laion2b_ft_in12k_in1k``).
    """
    named = [DATA[part] for part in tag.split("_") if part in DATA]
    return {"data": " + ".join(dict.fromkeys(named)) or UNKNOWN, "licence": licence or UNKNOWN, "seen": UNKNOWN}


def of_file(weights: Path) -> Facts:
    """Return what the card beside a file says. Raises UsageError for one that says it in another form."""
    found: Facts = {"data": UNKNOWN, "licence": UNKNOWN, "seen": UNKNOWN}
    card = card_beside(weights)
    if card is None:
        return found
    said = card_of(card)
    for name in ("data", "licence", "seen"):
        text = said.get(name, UNKNOWN)
        if not isinstance(text, str) or not text.strip() or len(text) > LONGEST or not text.isprintable():
            raise UsageError(f"{card}: {name} must be a line of at most {LONGEST} characters")
        found[name] = text.strip()
    if found["seen"] not in SEEN:
        raise UsageError(f"{card}: seen must be one of {', '.join(SEEN)}, not '{found['seen']}'")
    return found
