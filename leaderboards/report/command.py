"""``report``: the whole folder from a store, in place of the last one."""

from __future__ import annotations

from pathlib import Path

from inkbench.benchmark.errors import UsageError, plural
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards.report import cell_page, compare_page, method_page, papers_page, tables_page, task_page
from inkbench.leaderboards.report.gather import gather
from inkbench.leaderboards.report.site import replacing


def write_report(store: Store, out: Path, progress: Progress, thumbnails: int = 48) -> Path:
    """Write the report of a store to the folder ``out``; gives its first page. Raises UsageError.

    ``thumbnails`` is how many pictures of test items each comparison has at most.
    """
    if not store.root.exists():
        raise UsageError(
            f"there is no results folder {store.root}; run something first, or name one with --results DIR"
        )
    store.check_writable()  # statistics are kept in its cache
    store.sweep()
    found = gather(store)
    if not found.records:
        raise UsageError(f"there are no records in {store.root} to report; run something first: --method M --task T")
    with replacing(out) as site:
        pages = cell_page.addresses(found)
        compared = compare_page.write(site, store, found, pages, thumbnails, progress)
        tables_page.write(site, found, pages)
        papers_page.write(site, store, found, pages)
        cell_page.write(site, store, found, pages, compared)
        method_page.write(site, store, found, pages)
        task_page.write(site, store, found, pages)
    counts = (plural(len(found.records), "record"), plural(len(found.tables), "table"), plural(len(pages), "run page"))
    progress.say(f"report: {', '.join(counts)}")
    if left := len(found.records) - len(pages):
        progress.say(f"no page for {plural(left, 'run')} in no table; see the records")
    if site.left_out:
        progress.say(f"omitted: {plural(site.left_out, 'picture')}; all are in results/runs")
    return out / "index.html"
