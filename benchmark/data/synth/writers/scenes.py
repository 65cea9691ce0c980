"""A folder per class: panels by where they play."""

from __future__ import annotations

from pathlib import Path

from inkbench.benchmark.data.synth.semantic import SCENES, scene_of
from inkbench.benchmark.data.synth.writers.files import SPLITS, Series, link, panels_of


def write_scenes(root: Path, drawn: Path, series: list[Series]) -> None:
    """Write panels by where they play: ``<split>/<scene>/<series>_<page>_<panel>.jpg``."""
    for split in SPLITS:
        for scene in SCENES:
            (root / split / scene).mkdir(parents=True, exist_ok=True)
    for one, name, panel in panels_of(series):
        target = root / one["split"] / scene_of(panel) / f"{one['series']}_{name}.jpg"
        link(drawn / str(one["series"]) / "panels" / f"{name}.jpg", target)
