"""The request with its settings resolved: methods and tasks, how a backbone is read, what data must offer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inkbench.benchmark.api import Dataset, Method
from inkbench.benchmark.config import BackboneSettings, settings_of
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.given import catalogue
from inkbench.benchmark.given.catalogue import Weights, scaling
from inkbench.benchmark.planning.request import IMAGENET, Request, is_named


def as_read_by(method: Method, settings: BackboneSettings, first: Weights | None = None) -> BackboneSettings:
    """Return a backbone's settings, read as the method of its weights says where the settings do not.

    A pretext task that starts from catalogued weights (``first``) scales pixels as those do.
    """
    theirs = (
        {"readout": method.readout, **(scaling(first) if first else {})} if method.pretrains else dict(method.reads)
    )
    usual, asked = BackboneSettings().model_dump(), settings.model_dump()
    theirs = {name: value for name, value in theirs.items() if asked[name] == usual[name]}
    return settings.model_copy(update=theirs) if theirs else settings


def begun_with(request: Request) -> Weights | None:
    """Return what the catalogue says of the weights of ``--init``; None where it is a file or not given."""
    init = request.init
    return catalogue.find(init) if init is not None and init != IMAGENET and is_named(init) else None


def name_of(init: str) -> str:
    """Return the word for the weights of ``--init`` in a row's label: never a path."""
    return init if init == IMAGENET else catalogue.find(init).name if is_named(init) else Path(init).name


def plugin(kind: type, request: Request, pairs: tuple[tuple[str, str], ...]) -> Any:
    """Resolve a method or task with its settings. Raises UsageError."""
    name = kind.name  # type: ignore[attr-defined]
    return kind(kind.Config.resolve(name, request.preset, settings_of(name, pairs)))  # type: ignore[attr-defined]


def require(needs: frozenset[str], dataset: Dataset, who: str) -> None:
    """Refuse a dataset that lacks something."""
    missing = sorted(needs - dataset.offers())
    if missing:
        offers = ", ".join(sorted(dataset.offers())) or "nothing"
        raise UsageError(
            f"{who} needs {', '.join(missing)}, which {dataset.name} lacks (it has {offers}); --data synth has all"
        )
