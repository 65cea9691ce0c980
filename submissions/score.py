"""A zip of saliency maps scored at home, by the very functions that score a cell."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmark.errors import Refusal
from submissions.archive import opened
from submissions.check import against, named_maps, read_maps
from submissions.findings import SHOWN, Finding
from submissions.reference import read_reference
from tasks.metrics import saliency
from tasks.metrics.items import concatenate


def score(
    zip_path: Path, reference: Path, split: str = "test", task: str = "saliency", strict: bool = False
) -> dict[str, float]:
    """The metrics of a zip on ``split`` of the folder ``reference``: the means of ``score_zip``.

    Maps of another size are resized unless ``strict``. Raises Refusal with the first findings where the zip has
    errors: an invalid submission has no score.
    """
    return saliency.aggregate(score_zip(zip_path, reference, split, task, strict))


def score_zip(
    zip_path: Path, reference: Path, split: str = "test", task: str = "saliency", strict: bool = False
) -> dict[str, np.ndarray]:
    """The items of a zip (``tasks.metrics.saliency``) with ``id``, ``series`` and ``style``. Raises Refusal."""
    if task != "saliency":
        raise Refusal(f"submissions of task '{task}' cannot be scored; there is: saliency")
    truths = read_reference(reference, split)
    parts: dict[str, dict[str, np.ndarray]] = {}
    with opened(zip_path, strict) as archive:
        entries, findings = named_maps(archive, truths, strict)
        findings = archive.findings + findings
        _refuse_errors(zip_path, findings)
        wanted = {stem: entries[stem] for stem in truths.items}
        places = [saliency.looked_at(truths.truth(stem)) for stem in truths.items]
        row = {stem: k for k, stem in enumerate(truths.items)}
        for stem, values, about in read_maps(archive, wanted, strict):
            truth = truths.truth(stem)
            findings += about
            if values is not None:
                findings += against(entries[stem], values, truth["map"], strict)
                others = saliency.others_of(places, row[stem])
                parts[stem] = saliency.score_items([{"map": values}], [truth], ids=[stem], others=[others])
    _refuse_errors(zip_path, findings)
    items = concatenate([parts[stem] for stem in truths.items])
    items["id"] = np.array([item.id for item in truths.items.values()])
    items["series"] = np.array([item.series for item in truths.items.values()])
    items["style"] = np.array([item.style or "" for item in truths.items.values()])
    return items


def _refuse_errors(zip_path: Path, findings: list[Finding]) -> None:
    errors = [str(finding) for finding in findings if finding.level == "error"]
    if errors:
        more = f" (and {len(errors) - SHOWN} more; see: submit check)" if len(errors) > SHOWN else ""
        raise Refusal(f"{zip_path} has no score: {' | '.join(errors[:SHOWN])}{more}")
