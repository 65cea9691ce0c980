"""The columns that a table can have: one entry each, which says how a row's records become a cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leaderboards.rows import CONTROL, Group, plain
from leaderboards.table import Cell
from leaderboards.verdicts import Limits, Verdict, star

YES, NO = "✓", "✗"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a column may look at to make the cell of one row."""

    row: Group
    verdict: Verdict
    primary: str
    limits: tuple[Limits, Limits]
    control: Group | None
    best_trivial: Group | None
    audits: Sequence[Mapping[str, Any]] = ()
    """What ``audit`` found of the row's pretrainings, where it was run (results/audit/KEY/audit.json)."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: ``produce`` makes its cell for a row that is done; ``requires`` names the row it compares with.

    ``metric`` is the metric that it shows, if any: its heading says which way is better.
    """

    key: str
    label: str
    produce: Callable[[Subject], Cell]
    requires: str = ""
    metric: str = ""
    direction: str = ""

    @property
    def primary(self) -> bool:
        """Whether it shows the task's primary metric."""
        return self.produce is _primary


def figure(value: float, signed: bool = False) -> str:
    """A figure for people: three decimals, fewer where it is large."""
    places = 3 if abs(value) < 10 else 2 if abs(value) < 100 else 1
    return f"{value:{'+' if signed else ''}.{places}f}"


def p_text(p: float) -> str:
    """A p-value for people."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def metric_column(name: str, label: str = "") -> Column:
    """The column of a metric: its mean over seeds."""

    def produce(subject: Subject) -> Cell:
        value = subject.row.value(name)
        return Cell() if value is None else Cell(figure(value), value)

    return Column(name, label or name, produce, metric=name)


def setting_column(key: str, label: str = "") -> Column:
    """The column of a setting NAME.FIELD of method, task, pretrain, backbone or data; a check mark for what is on."""
    owner, _, name = key.partition(".")

    def produce(subject: Subject) -> Cell:
        record = subject.row.any
        rooms = {
            record["method"]: record["settings"].get("method"),
            record["task"]: record["settings"].get("task"),
            "pretrain": record["settings"].get("pretrain"),
            "backbone": record["settings"].get("backbone"),
            record["data"]["id"]: record["data"].get("settings"),
        }
        value = (rooms.get(owner) or {}).get(name)
        if value is None:
            return Cell()
        if isinstance(value, bool):
            return Cell(YES if value else NO, value)
        return Cell(plain(value), value if isinstance(value, int | float | str) else plain(value))

    return Column(key, label or name.replace("_", " "), produce)


def _primary(subject: Subject) -> Cell:
    value = subject.row.value(subject.primary)
    if value is None:
        return Cell()
    best, interval, p = subject.verdict.best, subject.verdict.interval, subject.verdict.control_p
    extra = {"differs": True} if star(p, subject.limits[0]) else {}
    if interval is None:
        return Cell(figure(value), value, best=best, extra=extra)
    text = f"{figure(value)} [{figure(interval[0])}, {figure(interval[1])}]"
    return Cell(text, value, *interval, best=best, extra=extra)


def _difference(subject: Subject) -> Cell:
    pair = subject.verdict.control
    if subject.row is subject.control:
        return Cell("control")
    if pair is None:
        return Cell()
    text = f"{figure(pair.difference, True)} [{figure(pair.low, True)}, {figure(pair.high, True)}]"
    return Cell(text, pair.difference, pair.low, pair.high, extra={"seeds": pair.seeds, "series": pair.series})


def _p(subject: Subject) -> Cell:
    pair, p = subject.verdict.control, subject.verdict.control_p
    if pair is None or p is None:
        return Cell()
    extra = {"unadjusted": pair.p, "flips": pair.flips, "exact": pair.exact}
    return Cell(p_text(p) + star(p, subject.limits[0]), p, extra=extra)


def _over_trivial(subject: Subject) -> Cell:
    pair = subject.verdict.trivial
    if subject.row is subject.best_trivial:
        return Cell("(best)")
    if pair is None:
        return Cell()
    return Cell(figure(pair.difference, True), pair.difference, pair.low, pair.high)


def _p_trivial(subject: Subject) -> Cell:
    pair, p = subject.verdict.trivial, subject.verdict.trivial_p
    if pair is None or p is None:
        return Cell()
    extra = {"unadjusted": pair.p, "flips": pair.flips, "exact": pair.exact}
    return Cell(p_text(p) + star(p, subject.limits[1]), p, extra=extra)


def _counts(subject: Subject) -> Cell:
    items, series, seeds = subject.verdict.items, subject.verdict.series, len(subject.row.done)
    text = f"{items:,}/{'?' if series is None else f'{series:,}'}/{seeds}"
    return Cell(text, text, extra={"items": items, "series": series, "seeds": seeds})


def pretext(row: Group) -> dict[str, Any] | None:
    """The first figure of the pretext task, mean over seeds: name, value, trivial, learnt; None without one."""
    told = [record["pretext"] for record in row.done if record.get("pretext")]
    if not told or len(told) < len(row.done):
        return None
    name = next(iter(told[0]))
    entries: list[Mapping[str, Any]] = [seed[name] for seed in told]
    trivial = entries[0].get("trivial")
    return {
        "name": name,
        "value": sum(entry["value"] for entry in entries) / len(entries),
        "trivial": trivial,
        "learnt": None if trivial is None else all(entry.get("learnt") for entry in entries),
    }


def _pretext(subject: Subject) -> Cell:
    found = pretext(subject.row)
    if found is None:
        return Cell()
    text = f"{found['name']} {figure(found['value'])}"
    if found["learnt"] is False:
        text += ", not learnt"
    elif found["trivial"] is not None:
        text += f" > {figure(found['trivial'])}"
    return Cell(text, found["value"], extra={name: found[name] for name in ("name", "trivial", "learnt")})


def _total(key: str) -> Callable[[Subject], Cell]:
    """The mean over seeds of a count that records keep."""

    def produce(subject: Subject) -> Cell:
        counts = [record[key] for record in subject.row.done if record.get(key) is not None]
        if not counts:
            return Cell()
        mean = sum(counts) / len(counts)
        return Cell(f"{mean:,.0f}", int(mean) if mean == int(mean) else mean)

    return produce


def _fact(key: str, places: int) -> Callable[[Subject], Cell]:
    """A figure of the method's settings that is known without training."""

    def produce(subject: Subject) -> Cell:
        value = subject.row.any.get("facts", {}).get(key)
        return Cell() if value is None else Cell(f"{value:.{places}f}", value)

    return produce


def _images(subject: Subject) -> Cell:
    if subject.row.any.get("given"):
        return Cell("outside", "outside the budget")
    return _total("images_seen")(subject)


def _trials(subject: Subject) -> Cell:
    counts = [len(record["trials"]) for record in subject.row.done if record.get("trials")]
    return Cell(str(max(counts)), max(counts)) if counts else Cell()


def _share(subject: Subject) -> Cell:
    """Source images seen over the budget; more than all of it where ``--budget flops`` equalises operations."""
    budgets = [(record["settings"].get("pretrain") or {}).get("images") for record in subject.row.done]
    shares = [record["images_seen"] / images for record, images in zip(subject.row.done, budgets) if images]
    if not shares or subject.row.any.get("given"):
        return Cell()
    mean = sum(shares) / len(shares)
    return Cell(f"{mean:.0%}", mean)


def _time(phases: Sequence[str] = (), of: str = "wall_s") -> Callable[[Subject], Cell]:
    """The mean over seeds of the time that phases took (none named: all), over all devices where ``of`` says so."""

    def produce(subject: Subject) -> Cell:
        sums = [
            sum(phase[of] for name, phase in record["phases"].items() if not phases or name in phases)
            for record in subject.row.done
            if not phases or set(phases) & set(record["phases"])
        ]
        if not sums:
            return Cell()
        mean = sum(sums) / len(sums)
        return Cell(duration(mean), mean)

    return produce


def duration(seconds: float) -> str:
    """A time for people, two or three figures of it."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"


def _memory(subject: Subject) -> Cell:
    """The largest memory that any phase held; on a CPU that of the process."""
    most = max(phase["peak_mib"] for record in subject.row.done for phase in record["phases"].values())
    return Cell(f"{most / 1024:.1f} GiB", most)


def _shortcut(subject: Subject) -> Cell:
    """How much of the input gradient lies on tile borders, beside the same network's at initialisation."""
    if not subject.audits:
        return Cell()
    shares = [
        sum(audit["gradients"][name]["right"]["value"] for audit in subject.audits) / len(subject.audits)
        for name in ("trained", "at initialisation")
    ]
    return Cell(f"{shares[0]:.2f} ({shares[1]:.2f})", shares[0], extra={"at initialisation": shares[1]})


def _supervision(subject: Subject) -> Cell:
    text = str(subject.row.any.get("supervision") or "none")
    return Cell(text, text)


COLUMNS: dict[str, Column] = {
    column.key: column
    for column in (
        Column("primary", "", _primary),
        Column("difference", f"Δ to {CONTROL}\n[95 % interval]", _difference, requires="control"),
        Column("p", f"p vs\n{CONTROL}", _p, requires="control"),
        Column("over_trivial", "Δ to\ntrivial", _over_trivial, requires="trivial"),
        Column("p_trivial", "p vs\ntrivial", _p_trivial, requires="trivial"),
        Column("n", "n: items/\nseries/seeds", _counts),
        Column("pretext", "pretext\n(held out)", _pretext),
        Column("images", "images\nseen", _images),
        Column("trials", "trials", _trials),
        Column("head", "head\nparameters", _total("head_parameters")),
        Column("share", "share of\nbudget", _share),
        Column("seconds", "wall time", _time()),
        Column("pretraining", "pretraining\ntime", _time(("pretrain",))),
        Column("device", "device\ntime", _time(of="device_s")),
        Column("memory", "peak\nmemory", _memory),
        Column("shortcut", "gradient on tile borders\n(at initialisation)", _shortcut),
        Column("supervision", "supervision", _supervision),
        Column("hamming_mean", "average\nHamming distance", _fact("hamming_mean", 2)),
        Column("hamming_min", "minimum\nHamming distance", _fact("hamming_min", 0)),
    )
}
"""A new column is one entry here; a metric's name is a column too."""
BEFORE_METRICS = ("primary", "difference", "p", "over_trivial", "p_trivial", "n")
AFTER_METRICS = ("pretext", "supervision", "images", "share", "trials", "device", "memory", "shortcut")
