"""Everything that makes a server refuse or misread a zip of saliency maps, with the file and the mend."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from submissions.archive import Archive, opened
from submissions.findings import Finding, error, few, tolerated
from submissions.maps import SUFFIXES, decode
from submissions.reference import Reference, read_reference
from tasks.metrics.maps import distribution


def check(zip_path: Path, reference: Path | None = None, split: str = "test", strict: bool = False) -> list[Finding]:
    """The findings on a zip, and with ``reference`` (a dataset's folder) also on names and sizes.

    ``strict`` makes errors of what we mend and a server does not. Nothing is unpacked to disk. Raises Refusal
    where there is no zip or no reference to read.
    """
    truths = read_reference(reference, split) if reference else None
    with opened(zip_path, strict) as archive:
        findings = list(archive.findings)
        entries, more = named_maps(archive, truths, strict)
        findings += more
        for stem, values, about in read_maps(archive, entries, strict):
            findings += about
            if truths and values is not None and stem in truths.items:
                findings += against(entries[stem], values, truths.truth(stem)["map"], strict)
    return findings


def named_maps(archive: Archive, reference: Reference | None, strict: bool) -> tuple[dict[str, str], list[Finding]]:
    """The entries that are maps, stem -> name, and what is wrong with the names."""
    findings: list[Finding] = []
    entries: dict[str, str] = {}
    for name in archive.names:
        path = PurePosixPath(name)
        if path.suffix.lower() not in SUFFIXES:
            findings.append(tolerated(strict, name, "is no map", f"pack only {' or '.join(SUFFIXES)} files"))
        elif path.stem in entries:
            findings.append(error(name, f"is a duplicate of {entries[path.stem]}", "keep one map an image"))
        else:
            entries[path.stem] = name
    if not entries:
        findings.append(error("the zip", "holds no map", "pack one map an image, at the root"))
    elif reference:
        findings += _names(entries, set(reference.items), strict)
    return entries, findings


def _names(entries: dict[str, str], expected: set[str], strict: bool) -> Iterator[Finding]:
    missing, extra = expected - set(entries), set(entries) - expected
    by_lower = {stem.lower(): stem for stem in missing}
    for stem in sorted(extra):
        if stem.lower() in by_lower:
            wanted = by_lower[stem.lower()]
            missing.discard(wanted)
            extra.discard(stem)
            yield error(entries[stem], f"differs in case from {wanted}", f"name it {wanted}")
    if missing:
        yield error(few(missing), f"{len(missing)} of {len(expected)} maps are missing", "predict every image")
    if extra:
        text = f"{len(extra)} maps of images that are not in the reference"
        yield tolerated(strict, few(entries[stem] for stem in extra), text, "leave them out")


def read_maps(
    archive: Archive, entries: dict[str, str], strict: bool
) -> Iterator[tuple[str, np.ndarray | None, list[Finding]]]:
    """Every map, one at a time: its stem, its values (h, w) or None, and what is wrong with it."""
    for stem, name in entries.items():
        try:
            data = archive.read(name)
        except ValueError as problem:
            yield stem, None, [error(name, str(problem), "pack it again")]
            continue
        yield stem, *decode(name, data, strict)


def against(name: str, values: np.ndarray, truth: np.ndarray, strict: bool) -> Iterator[Finding]:
    """What is wrong with a map (h, w) in view of the truth map: its size, zeros where people look."""
    if values.shape != truth.shape:
        text = f"is {values.shape[1]} x {values.shape[0]} pixels, the truth {truth.shape[1]} x {truth.shape[0]}"
        yield tolerated(strict, name, text, "write it at the truth's size (it is resized here)")
        return
    if values.min() == values.max() or not truth.any():
        return
    lost = float(distribution(truth)[values <= min(values.min(), 0)].sum())
    if lost > 0:
        text = f"{lost:.2%} of the truth's mass lies where the map is zero, which rules KLD"
        yield Finding("warning", name, text, "raise the map to a small floor")
