"""A page for each run: its figures, all that its record says of how they came about, its curves and pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards.groups import plain
from inkbench.leaderboards.report import plots, words
from inkbench.leaderboards.report.gather import Gathered
from inkbench.leaderboards.report.site import Site

MOST = 2_000
"""Runs that have a page: those of the rows that tables show, in their order."""
LOG_LINES = 40
TOLD = (
    "schema",
    "identity",
    "settings",
    "metrics",
    "request",
    "curve",
    "provenance",
    "phases",
    "exclusions",
    "data",
    "robustness",
)
"""What of a record has a place of its own on the page, or is too long for its list of facts."""


def addresses(found: Gathered) -> dict[str, str]:
    """Return the pages of runs by id."""
    shown = dict.fromkeys(
        run for of in found.tables for block in of.table.blocks for row in block.rows for run in row.records
    )
    return {run: f"cell-{words.slug(run)}.html" for run in list(shown)[:MOST]}


def write(site: Site, store: Store, found: Gathered, pages: Mapping[str, str], compared: Mapping[str, str]) -> None:
    """Write the pages; ``compared`` are the addresses of comparisons by run."""
    for run, page in pages.items():
        record = found.records[run]
        primary = record.metrics.get(record.primary)
        told = record.to_json()
        site.page(
            page,
            "cell.html",
            title=f"{words.told(record)} on {record.task}",
            section="board",
            record=record,
            told=words.told(record),
            primary=primary,
            settings=words.settings(record),
            changed=[(key, plain(value)) for key, value in record.changed.items()],
            command=words.command(record),
            provenance=words.flat(told.get("provenance", {})),
            facts=[row for key, value in told.items() if key not in TOLD for row in words.flat(value, key)],
            exclusions=_exclusions(record),
            curves=curves(store, record),
            robustness=plots.robustness(record),
            not_tested=record.robustness.declined if record.robustness else {},
            galleries=galleries(site, store, record),
            log=_log(store, record),
            raw=json.dumps(told, indent=1, ensure_ascii=False),
            compare=compared.get(run, ""),
            method_page=f"method-{words.slug(record.method)}.html" if record.backbone is not None else "",
        )


def card(store: Store, record: Record) -> dict[str, Any]:
    """Return the card of a run's pretraining; empty where there is none, or none that can be read."""
    path = store.root / "backbones" / str(record.pretraining) / "card.json"
    if record.pretraining is None or not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text())
    except ValueError:
        return {}  # a damaged card is told where it matters: when its weights are used
    return found if isinstance(found, dict) else {}


def curves(store: Store, record: Record) -> list[Markup]:
    """Return the loss of the pretraining and that of the head, where they were kept."""
    drawn = [
        plots.curve("Loss of the pretraining", {record.method: card(store, record).get("curve")}),
        plots.curve("Loss of the head", {record.task: record.curve}),
    ]
    return [plot for plot in drawn if plot]


def galleries(site: Site, store: Store, record: Record) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return pictures of the run, of its weights as handed over, and of an audit of its pretraining."""
    runs = store.root / "runs"
    found = [("Predictions on test", site.gallery(runs / record.id))]
    found += weights_galleries(site, store, record)
    return [(name, pictures) for name, pictures in found if pictures]


def weights_galleries(site: Site, store: Store, record: Record) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return pictures of the weights that a method handed over: its pretext task, filters, neighbours, audit."""
    key, given = record.pretraining, record.weights_sha256
    found = []
    if key is not None and words.SAFE.fullmatch(key):
        found.append(("The pretext task on held-out panels, and what the weights look for", store.root / "runs" / key))
        found.append(("Audit: where on a tile the gradient lies", store.root / "audit" / key))
    elif given is not None and words.SAFE.fullmatch(given):
        found.append(("What the weights look for", store.root / "runs" / given[:20]))
    named = [(name, site.gallery(folder)) for name, folder in found]
    return [(name, pictures) for name, pictures in named if pictures]


def _exclusions(record: Record) -> list[tuple[str, str]]:
    """Return the exclusions, flattened; lists of unreadable images by their number and first entry."""
    rows = []
    for name, value in _leaves(record.exclusions.model_dump(mode="json", exclude_unset=True)):
        if isinstance(value, Sequence) and not isinstance(value, str):
            value = f"{len(value):,}" + (f", {value[0]} among them" if value else "")
        rows.append((name, plain(value)))
    return rows


def _leaves(value: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, inner in value.items():
        name = f"{prefix}.{key}".lstrip(".")
        found += _leaves(inner, name) if isinstance(inner, Mapping) else [(name, inner)]
    return found


def _log(store: Store, record: Record) -> str:
    """Return the end of a failed run's log, where it lies in the results folder."""
    if record.log is None:
        return ""
    path = (store.root / record.log).resolve()
    if not path.is_relative_to(store.root.resolve()) or not path.is_file():
        return ""
    return "\n".join(path.read_text(errors="replace").splitlines()[-LOG_LINES:])
