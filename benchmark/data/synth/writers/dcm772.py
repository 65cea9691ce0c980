"""DCM772: pages with a text file of boxes each, lists of the splits."""

from __future__ import annotations

from pathlib import Path

from inkbench.benchmark.data.synth.writers.files import SPLITS, Series, link, write_lines

DCM_CODES = {"panel": 8, "body": 1, "face": 7}


def write_dcm772(root: Path, drawn: Path, series: list[Series]) -> None:
    """Write ``images/<book>/<page>.jpg`` and ``groundtruth/<book>/<page>.txt`` with lines ``cls x1 y1 x2 y2``."""
    pages: dict[str, list[str]] = {split: [] for split in SPLITS}
    for one in series:
        number = one["series"]
        for page in one["pages"]:
            p = page["page"]
            link(drawn / str(number) / "pages" / f"{p}.jpg", root / "images" / str(number) / f"{p}.jpg")
            lines = []
            for panel in page["panels"]:
                x, y, x1, y1 = panel["box"]
                lines.append((DCM_CODES["panel"], x, y, x1, y1))
                for character in panel["characters"]:
                    for label in ("body", "face"):
                        if character[label]:
                            a, b, c, d = character[label]
                            lines.append((DCM_CODES[label], x + a, y + b, x + c, y + d))
            write_lines(root / "groundtruth" / str(number) / f"{p}.txt", (" ".join(map(str, line)) for line in lines))
            pages[one["split"]].append(f"{number}/{p}")
    for split in SPLITS:
        write_lines(root / f"{split}.txt", pages[split])
