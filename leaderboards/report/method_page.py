"""A page for each method: what it is, where it stands in every table, its curves and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inkbench.benchmark import registry
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards.report import cell_page, plots, words
from inkbench.leaderboards.report.gather import Gathered
from inkbench.leaderboards.report.site import Site

MOST = 200
"""Methods that have a page, in the order in which tables name them."""
MOST_STANDING = 400
"""Rows of a method that its page lists."""
MOST_CURVES = 6
MOST_GALLERIES = 3


def write(site: Site, store: Store, found: Gathered, pages: Mapping[str, str]) -> None:
    """Write ``methods.html`` and the pages of the methods that have a backbone."""
    standing = _standing(found, pages)
    shown = list(standing)[:MOST]
    cards = []
    for name in shown:
        records = [record for record in found.records.values() if record.method == name]
        page = f"method-{words.slug(name)}.html"
        summary = words.summary("methods", name)
        trained = _by_pretraining(records)
        galleries = [
            (f"{words.told(record)}, {record.preset}, seed {record.seed}: {title}", pictures)
            for record in list(trained.values())[:MOST_GALLERIES]
            for title, pictures in cell_page.weights_galleries(site, store, record)
        ]
        curves = {
            f"{words.told(record)}, {record.preset}, seed {record.seed}": cell_page.card(store, record).get("curve")
            for record in list(trained.values())[:MOST_CURVES]
        }
        site.page(
            page,
            "method.html",
            title=name,
            section="methods",
            name=name,
            summary=summary,
            introduction=words.introduction("methods", name),
            standing=standing[name][:MOST_STANDING],
            left=max(len(standing[name]) - MOST_STANDING, 0),
            curve=plots.curve("Loss of the pretraining", curves),
            galleries=galleries,
        )
        picture = galleries[0][1][0][1] if galleries else ""
        cards.append({"name": name, "page": page, "summary": summary, "runs": len(records), "picture": picture})
    absent = [
        (entry.name, entry.summary) for entry in registry.entries("methods").values() if entry.name not in standing
    ]
    left = len(standing) - len(shown)
    site.page(
        "methods.html", "cards.html", title="Methods", section="methods", cards=cards, absent=sorted(absent), left=left
    )


def _standing(found: Gathered, pages: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Return by method the rows of all tables that are its own."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for shown in found.tables:
        for block in shown.table.blocks:
            for row in block.rows:
                record = found.records[row.records[0]] if row.records else None
                if record is None or record.backbone is None:
                    continue
                cells = [row.cells.get(key) for key in ("difference", "p", "pretext")]
                rows.setdefault(record.method, []).append(
                    {
                        "table": f"{shown.table.title}, {record.protocol}, {record.preset}",
                        "table_page": f"table-{words.slug(shown.table.name)}.html",
                        "block": str(block.setup),
                        "label": row.label,
                        "cell_page": pages.get(row.records[0], ""),
                        "metric": shown.table.columns[0].label,
                        "figure": next(iter(row.cells.values())),
                        "others": [cell.text if cell else "–" for cell in cells],
                    }
                )
    return rows


def _by_pretraining(records: list[Record]) -> dict[str, Record]:
    """Return one finished record for each pretraining, or for each set of given weights."""
    found: dict[str, Record] = {}
    for record in records:
        key = record.pretraining or record.weights_sha256
        if record.status == "done" and key is not None:
            found.setdefault(key, record)
    return found
