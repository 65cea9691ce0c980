"""Drawn series as copies of real layouts, a file for each.

Image files are hard links to the drawn ones (copies where the disk has no links). Writing again changes nothing.
Nothing is flushed file by file: a copy counts only from its marker on, and ``make`` flushes all before that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from inkbench.benchmark.data.synth.series import split_of, style_of
from inkbench.benchmark.data.synth.writers.ai4va import write_ai4va
from inkbench.benchmark.data.synth.writers.char_reid import write_char_reid
from inkbench.benchmark.data.synth.writers.coco import write_coco, write_comix
from inkbench.benchmark.data.synth.writers.comics import write_comics
from inkbench.benchmark.data.synth.writers.dass_panels import write_dass_panels
from inkbench.benchmark.data.synth.writers.dcm772 import write_dcm772
from inkbench.benchmark.data.synth.writers.ebdtheque import write_ebdtheque
from inkbench.benchmark.data.synth.writers.files import Series, link, write_json
from inkbench.benchmark.data.synth.writers.icartoonface import write_icartoonface
from inkbench.benchmark.data.synth.writers.manga109 import write_manga109
from inkbench.benchmark.data.synth.writers.open_mantra import write_open_mantra
from inkbench.benchmark.data.synth.writers.records import write_cifar, write_stl10
from inkbench.benchmark.data.synth.writers.scenes import write_scenes
from inkbench.benchmark.data.synth.writers.ssupergan import write_ssupergan
from inkbench.benchmark.data.synth.writers.voc import write_cross_domain, write_voc, write_voc_boxes

LAYOUTS = ("comics", "dcm772", "ai4va", "char_reid", "voc", "scenes")
"""What every copy of synth holds and is read through."""
WRITERS: dict[str, Callable[[Path, Path, list[Series]], None]] = {
    "comics": write_comics, "dcm772": write_dcm772, "ai4va": write_ai4va, "char_reid": write_char_reid,
    "voc": write_voc, "scenes": write_scenes,
    # on demand
    "voc-boxes": write_voc_boxes, "comic2k": write_cross_domain, "watercolor2k": write_cross_domain,
    "clipart1k": write_cross_domain, "coco": write_coco, "comix": write_comix, "manga109": write_manga109,
    "ebdtheque": write_ebdtheque, "dass-panels": write_dass_panels, "icartoonface": write_icartoonface,
    "ssupergan": write_ssupergan, "open-mantra": write_open_mantra, "stl10": write_stl10, "cifar": write_cifar,
}  # fmt: skip
"""A writer for each layout that a drawn page can honestly fill, by the folder it is written to."""


SPLIT_BY_LISTS = frozenset({"comic2k", "watercolor2k", "clipart1k", "icartoonface", "stl10", "cifar"})
"""Layouts that know train and test alone: their readers carve validation out, ``series.json`` would say otherwise."""


def sidecar(count: int) -> dict[str, dict[str, str]]:
    """Return ``series.json``: split and style of every series."""
    return {str(k): {"split": split_of(k, count), "style": style_of(k)} for k in range(count)}


def assemble(root: Path, drawn: Path, count: int, layouts: Iterable[str] = LAYOUTS) -> dict[str, int]:
    """Write the layouts and ``labels/`` from drawn series; returns how much there is of what."""
    series = [json.loads((drawn / str(k) / "labels.json").read_text()) for k in range(count)]
    for name in layouts:
        WRITERS[name](root / name, drawn, series)
        if name not in SPLIT_BY_LISTS:
            write_json(root / name / "series.json", sidecar(count))
    for one in series:
        number = one["series"]
        for mask in sorted((drawn / str(number) / "masks").iterdir()):
            link(mask, root / "labels" / "masks" / str(number) / mask.name)
        link(drawn / str(number) / "labels.json", root / "labels" / f"{number}.json")
    write_json(root / "series.json", sidecar(count))
    panels = [panel for one in series for page in one["pages"] for panel in page["panels"]]
    characters = [character for panel in panels for character in panel["characters"]]
    return {
        "series": len(series), "pages": sum(len(one["pages"]) for one in series), "panels": len(panels),
        "bodies": sum(one["body"] is not None for one in characters),
        "faces": sum(one["face"] is not None for one in characters),
        "texts": sum(len(panel["texts"]) for panel in panels), "identities": sum(len(one["cast"]) for one in series),
    }  # fmt: skip
