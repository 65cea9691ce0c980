"""Columns of what a row cost: images, trials, parameters, time, memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from inkbench.benchmark.store.record import Record
from inkbench.leaderboards.columns.column import Column, Subject, duration
from inkbench.leaderboards.table import Cell


def _total(count: Callable[[Record], int | None]) -> Callable[[Subject], Cell]:
    """Return the mean over seeds of a count that records keep."""

    def produce(subject: Subject) -> Cell:
        counts = [known for record in subject.row.done if (known := count(record)) is not None]
        if not counts:
            return Cell()
        mean = sum(counts) / len(counts)
        return Cell(f"{mean:,.0f}", int(mean) if mean == int(mean) else mean)

    return produce


def _images(subject: Subject) -> Cell:
    own = _total(lambda record: record.images_seen)(subject)
    if not subject.row.any.given:
        return own
    if subject.row.any.pretraining and own.value:
        return Cell(f"outside + {own.text}", own.value)
    return Cell("outside", "outside the budget")


def _trials(subject: Subject) -> Cell:
    counts = [sum(trial.get("tried", 1) for trial in record.trials) for record in subject.row.done if record.trials]
    return Cell(str(max(counts)), max(counts)) if counts else Cell()


def _share(subject: Subject) -> Cell:
    """Return source images seen over the budget; more than all of it where ``--budget flops`` equalises operations."""
    budgets = [(record.settings.pretrain or {}).get("images") for record in subject.row.done]
    shares = [(record.images_seen or 0) / images for record, images in zip(subject.row.done, budgets) if images]
    if not shares or subject.row.any.given:
        return Cell()
    mean = sum(shares) / len(shares)
    return Cell(f"{mean:.0%}", mean)


def _time(phases: Sequence[str] = (), of: str = "wall_s") -> Callable[[Subject], Cell]:
    """Return the mean over seeds of the time of phases (none named: all), over all devices where ``of`` says so."""

    def produce(subject: Subject) -> Cell:
        sums = [
            sum(getattr(phase, of) for name, phase in record.phases.items() if not phases or name in phases)
            for record in subject.row.done
            if (set(phases) & set(record.phases) if phases else record.phases)
        ]
        if not sums:
            return Cell()
        mean = sum(sums) / len(sums)
        return Cell(duration(mean), mean)

    return produce


def _memory(subject: Subject) -> Cell:
    """Return the largest memory that any phase held; on a CPU that of the process."""
    peaks = [phase.peak_mib for record in subject.row.done for phase in record.phases.values()]
    return Cell(f"{max(peaks) / 1024:.1f} GiB", max(peaks)) if peaks else Cell()


COST_COLUMNS = (
    Column("images", "images\nseen", _images),
    Column("share", "share of\nbudget", _share),
    Column("trials", "trials", _trials),
    Column("head", "head\nparameters", _total(lambda record: record.head_parameters)),
    Column("seconds", "wall time", _time()),
    Column("pretraining", "pretraining\ntime", _time(("pretrain",))),
    Column("device", "device\ntime", _time(of="device_s"), volatile=True),
    Column("memory", "peak\nmemory", _memory, volatile=True),
)
