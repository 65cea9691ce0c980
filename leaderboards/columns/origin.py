"""Columns of what a row's weights are: the images they saw, their licence; and of the backbone's size and speed."""

from __future__ import annotations

from collections.abc import Callable

from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.record_parts import UNKNOWN, Network
from inkbench.leaderboards.columns.column import Column, Subject
from inkbench.leaderboards.table import Cell

SEEN = {"comics": "known", "no": "declared no", UNKNOWN: UNKNOWN}
"""Whether the images of given weights may hold the test images, as a table says it."""


def images_of(record: Record) -> list[str]:
    """Return the images that a row's weights saw, in the order in which they did."""
    given = [record.origin.data] if record.origin else [UNKNOWN] if record.given else []
    return [*given, record.pretrain_data.called] if record.pretrain_data else given


def _data(subject: Subject) -> Cell:
    text = ", then ".join(images_of(subject.row.any))
    return Cell(text, text) if text else Cell()


def _seen(subject: Subject) -> Cell:
    """Return whether the weights saw the test images: of a pretext task alone that is in the program's hands."""
    record = subject.row.any
    if record.transductive:
        text = "known"
    elif record.origin or record.given:
        text = SEEN[record.origin.seen if record.origin else UNKNOWN]
    elif record.pretrain_data:
        suspect = any(other.leaks and other.leaks.suspect for other in subject.row.done)
        text = "near-duplicates" if suspect else "no"
    else:
        return Cell()
    return Cell(text, text)


def _licence(subject: Subject) -> Cell:
    origin = subject.row.any.origin
    return Cell(origin.licence, origin.licence) if origin else Cell()


def _size(read: Callable[[Network], float | None], places: int, scale: float = 1) -> Callable[[Subject], Cell]:
    """Return the mean over seeds of what records say of their backbone, in the unit that ``scale`` makes of it."""

    def produce(subject: Subject) -> Cell:
        known = [record.network for record in subject.row.done if record.network]
        values = [value for network in known if (value := read(network)) is not None]
        if not values:
            return Cell()
        mean = sum(values) / len(values)
        return Cell(f"{mean / scale:,.{places}f}", int(mean) if mean == int(mean) else mean)

    return produce


def _backbone(subject: Subject) -> Cell:
    backbone = subject.row.any.backbone
    return Cell(backbone.name, backbone.name) if backbone else Cell()


def _side(subject: Subject) -> Cell:
    side = subject.row.any.backbone.side if subject.row.any.backbone else None
    return Cell(str(side), side) if side is not None else Cell()


BACKBONE_COLUMNS = (Column("backbone", "backbone", _backbone), Column("side", "px", _side))
ORIGIN_COLUMNS = (
    Column("data", "data", _data, requires="given"),
    Column("seen", "test images\namong them", _seen, requires="given"),
    Column("licence", "licence", _licence, requires="given"),
    Column("parameters", "parameters,\nmillions", _size(lambda of: of.parameters, 1, 1e6), requires="given"),
    Column("gflop", "GFLOP\nan image", _size(lambda of: of.gflop, 2), requires="given"),
    Column("speed", "images/s", _size(lambda of: of.images_per_s, 0), requires="given", volatile=True),
)
