"""Pairs of a face and a body that are one appearance of a character, from several sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol


class Appearance(NamedTuple):
    """The ids of a face and a body; either may be missing."""

    face: str | None
    body: str | None


class Shown(Protocol):
    """Fields of a face or body that are needed to pair it."""

    @property
    def kind(self) -> str:
        """``face`` or ``body``."""

    @property
    def identity(self) -> str:
        """The character that it belongs to."""

    @property
    def panel(self) -> str:
        """The panel that it lies in."""


def paired(instances: Mapping[str, Shown], said: Iterable[tuple[str | None, str | None]]) -> list[Appearance]:
    """Return each instance in one appearance, in the order of ``instances``; a pair stands where its face does.

    ``said`` are pairs (face, body) from the surest source to the least; a pair counts where both halves are there, are
    a face and a body of one character in one panel, and neither was paired before.
    """
    partner: dict[str, str] = {}
    for face, body in said:
        if face is None or body is None or face in partner or body in partner:
            continue
        one, other = instances.get(face), instances.get(body)
        if one is None or other is None or (one.kind, other.kind) != ("face", "body"):
            continue
        if (one.identity, one.panel) == (other.identity, other.panel):
            partner |= {face: body, body: face}
    found = []
    for name, instance in instances.items():
        mate = partner.get(name)
        if instance.kind == "face":
            found.append(Appearance(name, mate))
        elif mate is None:
            found.append(Appearance(None, name))
    return found
