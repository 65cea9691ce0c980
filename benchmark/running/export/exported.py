"""What is exported: a backbone, and what its card says of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from inkbench.benchmark.given.supervision import UNKNOWN
from inkbench.benchmark.networks.backbones import Backbone
from inkbench.benchmark.store.record import Record

OF_THE_HUB = frozenset(
    {
        *("apache-2.0", "mit", "bsd", "bsd-2-clause", "bsd-3-clause", "isc", "unlicense", "wtfpl", "zlib", "mpl-2.0"),
        *("cc", "cc0-1.0", "cc-by-2.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nd-4.0"),
        *("cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0"),
        *(
            "cc-by-nc-sa-3.0",
            "cc-by-nc-sa-4.0",
            "gpl",
            "gpl-2.0",
            "gpl-3.0",
            "lgpl",
            "lgpl-2.1",
            "lgpl-3.0",
            "agpl-3.0",
        ),
        *("openrail", "openrail++", "creativeml-openrail-m", "pddl", "odc-by", "odbl", UNKNOWN, "other"),
    }
)
"""Licences by the identifiers that the hub knows (its page "Licenses")."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Licence and citation of something that the weights come from; empty where nobody states them."""

    what: str
    licence: str = ""
    citation: str = ""
    homepage: str = ""

    @property
    def identifier(self) -> str:
        """The hub's word for the licence; ``other`` where it has none, ``unknown`` where nobody states one."""
        word = self.licence.partition(",")[0].strip().lower().replace(" ", "-")
        return UNKNOWN if word in ("", UNKNOWN) else word if word in OF_THE_HUB else "other"


@dataclass(frozen=True, slots=True)
class Exported:
    """A backbone with its weights, and the facts of its card."""

    backbone: Backbone
    data: bytes
    """The weights as ``weights_bytes`` gives them."""
    name: str
    """The word for it in one line: ``test_resnet pretrained by jigsaw (KEY)``."""
    title: str
    supervision: str
    source: str
    """Where it comes from, for the card that inkbench itself reads (``model.toml``)."""
    preprocessing: Mapping[str, Any]
    """timm's keys of how images are shown to it: input_size, interpolation, mean, std, crop_pct, crop_mode."""
    facts: Mapping[str, str]
    terms: tuple[Terms, ...]
    datasets: tuple[str, ...]
    """What it was trained on, as words for the hub."""
    records: tuple[Record, ...]
    """The finished runs that used these very weights."""
    remarks: tuple[str, ...] = ()
    base_model: str = ""
    """The repository of the hub that the weights come from."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """What else is put into the folder."""

    @property
    def architecture(self) -> str:
        """timm's name of the network without the tag of its weights."""
        return self.backbone.name.partition(".")[0]

    @property
    def scored_side(self) -> int | None:
        """The largest side in pixels at which tasks showed it images; None without runs."""
        sides = [record.backbone.side for record in self.records if record.backbone and record.backbone.side]
        return max(sides, default=None)


def slug(text: str) -> str:
    """Return a word that the hub takes as the name of a dataset, a licence or a tag."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.") or UNKNOWN


def own_version() -> str:
    """Return inkbench's version; ``unknown`` in a clone that was never installed."""
    try:
        return version("inkbench")
    except PackageNotFoundError:
        return UNKNOWN
