"""CoMix: the annotations of four comics datasets made anew, in COCO's form with seven categories."""

from __future__ import annotations

from pathlib import Path

from inkbench.benchmark.contracts.dataset import SeriesBy
from inkbench.benchmark.data.layouts.coco import Coco, CocoConfig, by_content, lists_of, mentions

CATEGORIES = ("panel", "character", "balloon", "text", "onomatopoeia", "link_sbsc", "face")
"""The categories of CoMix, numbered from 1."""


class Comix(Coco):
    """CoMix (Vivoli et al. 2024): pages of eBDtheque, DCM772, COMICS and PopManga with boxes made anew.

    Its boxes are others than those that the four datasets came with (characters that were missing, edges that were
    rough), so it has a name of its own and figures on it are never figures on ``dcm772`` or ``ebdtheque``. Give the
    folder of one of the four. A character is a body; onomatopoeia and link_sbsc are passed over, as its evaluators do.
    Books are folders with hashed names: each is a series.
    """

    name = "comix"
    version = 1
    guesses = False
    Config = CocoConfig
    licence = "annotations: see the homepage; pages: those of the four datasets, to be got from their owners"
    citation = (
        "Vivoli, Bertini, Karatzas: CoMix: A Comprehensive Benchmark for Multi-Task Comic Understanding. NeurIPS 2024, "
        "Datasets and Benchmarks, arXiv 2407.03550"
    )
    homepage = "https://github.com/emanuelevivoli/CoMix"
    layout = (
        "[annotations/]{train,val,test}.json in COCO's form with the categories "
        f"{', '.join(CATEGORIES)}; images/BOOK/PAGE.jpg"
    )
    whole = frozenset({"pages", "panels", "boxes:panel", "boxes:body", "boxes:face", "boxes:text"})
    specific = 2

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether a list of COCO's form has CoMix's categories, at its beginning or end."""
        return any(mentions(path, b'"link_sbsc"') for path in lists_of(root))

    @classmethod
    def may_be(cls, root: Path) -> bool:
        """Return whether a JSON of any name is COCO by its content, with CoMix's categories."""
        return any(mentions(path, b'"link_sbsc"') for path in by_content(root))

    @property
    def series_by(self) -> SeriesBy:
        """Books are folders, as its authors say."""
        return "layout"
