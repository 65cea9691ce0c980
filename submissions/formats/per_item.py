"""Forms of one file an item: which file is whose, what is missing, what is too much."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from inkbench.benchmark.errors import plural
from inkbench.submissions.findings import Report, few
from inkbench.submissions.formats.files import Files
from inkbench.submissions.formats.names import Names, flat, stem


def by_item(
    files: Files, ids: Sequence[str] | None, suffixes: Sequence[str], what: str, report: Report
) -> dict[str, str]:
    """Return the files by the item that they are of (by their stems where ``ids`` is None); ``what`` names one of them.

    Files of no item are left out. Errors: two files of one item, a missing one, one that differs in case.
    """
    names = None if ids is None else Names(ids)
    found: dict[str, str] = {}
    extra: list[str] = []
    cased: set[str] = set()
    for name in files.names:
        if PurePosixPath(name).suffix.lower() not in suffixes:
            report.tolerated(name, f"is not a {what}", f"pack only {' or '.join(suffixes)} files")
            continue
        item = stem(name) if names is None else names.find(name)
        if item in found:
            report.error(name, f"is a duplicate of {found[item]}", f"keep one {what} per image")
        elif item is not None:
            found[item] = name
        elif names is not None and (near := names.near(name)) is not None:
            cased.add(near)
            report.error(name, f"differs in case from {flat(near)}", f"name it {flat(near)}")
        else:
            extra.append(name)
    if not found and not extra and not cased:
        report.error(files.whole, f"contains no {what}", f"add one {what} per image, at the root")
    elif ids is not None:
        missing = [item for item in ids if item not in found and item not in cased]
        if missing:
            told = few(flat(item) for item in missing)
            report.error(told, f"{len(missing)} of {plural(len(ids), what)} missing", "predict every image")
    if extra:
        text = f"{plural(len(extra), what)} of images that are not in the reference"
        report.tolerated(few(extra), text, "leave them out")
    return found
