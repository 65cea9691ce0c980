"""Faces and bodies as images of their own, cut out of pages whose boxes say whose they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from inkbench.benchmark.contracts.dataset import Box, Item, Kind
from inkbench.benchmark.data.boxes import BELONGS, panel_crop

CUT: tuple[Kind, ...] = ("faces", "bodies", "face_pairs", "body_pairs", "characters")
"""The kinds of items that are made here."""


def cut_characters(pages: Iterable[Item], kind: Kind) -> list[Item]:
    """Cut the characters of pages as one of ``CUT``, page by page; a box without identity is left out.

    A face and a body are one appearance where their panel has one of each of that character. A panel is the first that
    more than half of the box lies in; what lies in none is taken to be alone on its page.
    """
    found: list[Item] = []
    for page in pages:
        parts = [part for label in ("face", "body") for part in _cut_outs(page, label)]
        whole = list(_appearances(parts))
        if kind == "characters":
            found += whole
        elif kind.endswith("_pairs"):
            found += [one.parts[kind.removesuffix("_pairs")] for one in whole if len(one.parts) == 2]
        else:
            found += [part for part in parts if part.id.rpartition("_")[0].endswith("face") == (kind == "faces")]
    return found


def _cut_outs(page: Item, label: str) -> Iterator[Item]:
    panels = [box for box in page.boxes if box.label == "panel"]
    for k, box in enumerate(box for box in page.boxes if box.label == label):
        if box.identity is not None:
            crop = panel_crop((box.x0, box.y0, box.x1, box.y1))
            panel = f"{page.id}_{_panel_of(box, panels)}"
            yield replace(
                page,
                id=f"{page.id}_{label}_{k}",
                crop=crop,
                boxes=(),
                labels=frozenset(),
                identity=box.identity,
                panel=panel,
            )


def _panel_of(box: Box, panels: Sequence[Box]) -> str:
    area = (box.x1 - box.x0) * (box.y1 - box.y0)
    for k, panel in enumerate(panels):
        wide = min(box.x1, panel.x1) - max(box.x0, panel.x0)
        tall = min(box.y1, panel.y1) - max(box.y0, panel.y0)
        if wide > 0 and tall > 0 and wide * tall > BELONGS * area:
            return str(k)
    return "none"


def _appearances(parts: Sequence[Item]) -> Iterator[Item]:
    """Yield every part in one appearance, a face with its body where it is known which that is."""
    groups: dict[tuple[str | None, str | None], list[Item]] = {}
    for part in parts:
        groups.setdefault((part.panel, part.identity), []).append(part)
    for group in groups.values():
        labels = [part.id.rsplit("_", 2)[1] for part in group]
        if labels == ["face", "body"] and not (group[0].panel or "").endswith("_none"):
            names = "+".join(part.id for part in group)
            yield replace(group[0], id=names, parts=dict(zip(labels, group, strict=True)))
        else:
            for label, part in zip(labels, group, strict=True):
                yield replace(part, parts={label: part})
