"""Two runs on the same items: a dot for each item, and those that differ most with their pictures."""

from __future__ import annotations

from typing import Any

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards.report import thumbnails
from inkbench.leaderboards.report.gather import Gathered
from inkbench.leaderboards.report.items import MOST_CELLS, TestSet, telling, test_sets
from inkbench.leaderboards.report.site import Site
from inkbench.leaderboards.report.words import slug

PAGE = "compare.html"
MOST_SETS = 12
"""Test sets that can be compared on, in the order of the tables."""


def write(
    site: Site, store: Store, found: Gathered, pages: dict[str, str], most_thumbnails: int, progress: Progress
) -> dict[str, str]:
    """Write the page and its data; gives the address of the comparison that begins with each run."""
    sets = test_sets(store, found)
    left = max(len(sets) - MOST_SETS, 0)
    addresses: dict[str, str] = {}
    listed = []
    for test in sets[:MOST_SETS]:
        pictures, why = _pictures(site, store, found, test, most_thumbnails, progress)
        site.data(f"items-{slug(test.key)}.js", "inkbench.items", _data(test, pages, pictures))
        listed.append({"key": test.key, "file": f"data/items-{slug(test.key)}.js", "title": test.title, "why": why})
        for run in test.runs:
            addresses.setdefault(run, f"{PAGE}#{test.key}/{slug(run)}")
    site.data("sets.js", "inkbench.sets", listed)
    site.page(PAGE, "compare.html", title="Compare", section="compare", sets=listed, left=left, most=MOST_CELLS)
    return addresses


def _pictures(
    site: Site, store: Store, found: Gathered, test: TestSet, most: int, progress: Progress
) -> tuple[dict[str, str], str]:
    """Return thumbnails by item, and why there are none."""
    if not most:
        return {}, "none were asked for (--thumbnails 0)"
    record = found.records[next(iter(test.runs))]
    try:
        wanted = telling(test, found.records, most)
        return thumbnails.draw(store, record, wanted, site.folder / "pictures", f"item-{slug(test.key)}"), ""
    except UsageError as refusal:
        progress.say(f"no thumbnails of {test.title}: {refusal}")
        return {}, str(refusal)


def _data(test: TestSet, pages: dict[str, str], pictures: dict[str, str]) -> dict[str, Any]:
    """Return the data of the page's script; runs go by number, so that no text of a record becomes a name there."""
    runs = list(test.runs)
    return {
        "key": test.key,
        "items": test.items,
        "series": [test.all_series.index(name) for name in test.series],
        "seriesNames": test.all_series,
        "runs": [{"slug": slug(run), "label": test.runs[run], "page": pages.get(run, "")} for run in runs],
        "metrics": [
            {
                "name": metric.name,
                "direction": metric.direction,
                "bySeries": metric.by_series,
                "values": [metric.values.get(run) for run in runs],
            }
            for metric in test.metrics.values()
        ],
        "pictures": [f"pictures/{pictures[name]}" if name in pictures else "" for name in test.items],
        "cutItems": test.cut_items,
    }
