"""COCO's JSON: the results list and the dictionary, and what the numbers in them mean."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from inkbench.submissions.findings import Report
from inkbench.submissions.formats.box_rows import Rows
from inkbench.submissions.formats.numbers import Numbers, is_number, spelled
from inkbench.submissions.formats.texts import text_of


@dataclass(frozen=True, slots=True)
class Index:
    """Names of images and categories by their ids, as a file tells them; none where it does not."""

    images: Numbers = field(default_factory=Numbers)
    categories: Numbers = field(default_factory=Numbers)

    @classmethod
    def of(cls, file: str, content: Any, report: Report) -> Index:
        """Return the ``images`` and ``categories`` of a COCO dictionary."""
        found: list[Numbers] = []
        for key, name in (("images", "file_name"), ("categories", "name")):
            entries = content.get(key, []) if isinstance(content, dict) else None
            if not isinstance(entries, list) or not all(
                isinstance(entry, dict) and is_number(entry.get("id")) and isinstance(entry.get(name), str)
                for entry in entries
            ):
                report.error(file, f"has {key} that are not a list of id and {name}", "write them as COCO does")
                entries = []
            numbers = [spelled(entry["id"]) for entry in entries]
            twice = next((number for number, times in Counter(numbers).items() if times > 1), None)
            if twice is not None:
                report.error(file, f"has several {key} with id {twice}", "give each an id of its own, from 1")
            found.append(Numbers((entry["id"], entry[name]) for entry in entries))
        return cls(*found)


def load_json(file: str, data: bytes, report: Report) -> Any:
    """Load a JSON file; None with an error in the report where it cannot be read."""
    try:
        return json.loads(text_of(data))
    except (ValueError, RecursionError) as problem:
        said = " ".join(str(problem).split())
        report.error(file, f"is not JSON ({said})", "write it with a JSON library")
        return None


def rows_of_results(entries: list[Any], rows: Rows, index: Index) -> None:
    """Read the rows of a results list."""
    for k, entry in enumerate(entries):
        _add(f"entry {k} (from 0)", entry, rows, index, "give image_id, category_id, bbox and score")


def rows_of_dictionary(content: dict[str, Any], rows: Rows, index: Index) -> None:
    """Read the rows of the annotations of a COCO dictionary."""
    if not isinstance(content["annotations"], list):
        rows.report.error(rows.file, "has annotations that are not a list", "write them as COCO does")
        return
    for k, entry in enumerate(content["annotations"]):
        _add(f"annotation {k} (from 0)", entry, rows, index, "give every annotation its score, as CoMix does")


def _add(where: str, entry: Any, rows: Rows, index: Index, mend: str) -> None:
    lacking = [key for key in ("image_id", "category_id", "bbox", "score") if key not in entry] if _is(entry) else []
    if not _is(entry) or lacking:
        rows.wrong(where, f"lacks {lacking[0]}" if lacking else "is not a dictionary", mend)
        return
    bbox, score = entry["bbox"], entry["score"]
    if not (isinstance(bbox, list) and len(bbox) == 4 and all(_number(value) for value in bbox)):
        rows.wrong(where, "has a bbox that is not four numbers", "give x, y, width, height")
        return
    if not _number(score):
        rows.wrong(where, "has a score that is not a number", "give a number, the higher the surer")
        return
    image, category = entry["image_id"], entry["category_id"]
    if not (is_number(image) and is_number(category)):
        rows.wrong(where, "has an image_id or category_id that is neither number nor text", "give numbers from 1")
        return
    x, y, width, height = (float(value) for value in bbox)
    if width < 0 or height < 0:
        rows.wrong(where, f"has a bbox of {width:g} x {height:g} pixels", "give x, y, width, height")
        return
    item, label = rows.item_at(where, image, index.images), rows.label_at(where, category, index.categories)
    rows.add(where, item, label, (x, y, x + width, y + height), float(score))


def _is(entry: Any) -> bool:
    return isinstance(entry, dict)


def _number(value: Any) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, float) or (whole and abs(value) < 2**63)
