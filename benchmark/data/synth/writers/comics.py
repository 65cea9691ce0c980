"""COMICS: panels, pages, the table of its OCR, the list of advertisements."""

from __future__ import annotations

from pathlib import Path

from inkbench.benchmark.data.synth.writers.files import Series, link, write_lines, write_table

DIALOGUE, NARRATION = 1, 2


def write_comics(root: Path, drawn: Path, series: list[Series]) -> None:
    """Write ``raw_panel_images/<series>/<page>_<panel>.jpg``, pages, OCR table, an empty list of advertisements."""
    rows = []
    for one in series:
        number = one["series"]
        for page in one["pages"]:
            p = page["page"]
            link(drawn / str(number) / "pages" / f"{p}.jpg", root / "raw_page_images" / str(number) / f"{p}.jpg")
            for panel in page["panels"]:
                name = f"{p}_{panel['panel']}.jpg"
                link(drawn / str(number) / "panels" / name, root / "raw_panel_images" / str(number) / name)
                said = [text for text in panel["texts"] if text["kind"] != "sound"]
                for box_number, text in enumerate(said):
                    kind = NARRATION if text["kind"] == "narration" else DIALOGUE
                    rows.append((number, p, panel["panel"], box_number, kind, text["text"].lower(), *text["box"]))
    header = ["comic_no", "page_no", "panel_no", "textbox_no", "dialog_or_narration", "text", "x1", "y1", "x2", "y2"]
    write_table(root / "COMICS_ocr_file.csv", header, rows)
    write_lines(root / "predadpages.txt", [])
