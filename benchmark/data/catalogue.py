"""``data info`` and ``data make``: the description of a dataset, and a copy of synth in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from inkbench.benchmark import registry
from inkbench.benchmark.contracts.dataset import KINDS, SPLITS, Dataset, Kind
from inkbench.benchmark.data.locate import Sets, open_dataset
from inkbench.benchmark.data.own import UNKNOWN, about
from inkbench.benchmark.data.packed import Pack
from inkbench.benchmark.data.serves import lines
from inkbench.benchmark.data.terms import accepted_on
from inkbench.benchmark.data.units import TOLD
from inkbench.benchmark.errors import UsageError, did_you_mean
from inkbench.benchmark.progress import Progress


def info(text: str, results: Path, sets: Sets = ()) -> str:
    """Describe ``text`` (an id or a path) in lines: what it is, where to get it, its layout, and what is here."""
    cls: type[Dataset] | None = None
    if text in registry.names("datasets"):
        cls = registry.load("datasets", text)
    try:
        dataset = open_dataset(text, "quick", sets, results)
    except UsageError as refusal:
        if cls is None:
            raise
        offered = ["offers:    " + ", ".join(sorted(cls.whole)) + " (a complete copy)", *lines(cls.whole)]
        return "\n".join([*_about(cls), f"here:      {refusal}", *(offered if cls.whole else ())])
    missing = dataset.drawn and not dataset.recognises(dataset.root)
    offers = dataset.offers()
    here = f"here:      {dataset.root}{' (not drawn yet; the first run draws it)' if missing else ''}"
    told = [
        *(_about_own(dataset) if dataset.own else _about(type(dataset))),
        here,
        f"offers:    {', '.join(sorted(offers))}",
        *lines(offers),
    ]
    if missing:
        return "\n".join(told)
    told.append(f"series:    {TOLD[dataset.series_by]}")
    told.append(f"packed:    {Pack.of(dataset.root, results).told()}")
    for kind in KINDS:
        if kind in offers:
            told.append(f"{kind + ':':11}{', '.join(_count(dataset, kind, split) for split in SPLITS)}")
    return "\n".join(told)


def make_synth(out: Path, preset: str, pairs: Sequence[tuple[str, str]], quiet: bool, layout: str | None = None) -> str:
    """Draw a copy of synth into ``out``; gives the line that says how to use it. Raises UsageError.

    ``layout`` names the layouts to write, by comma, or ``all``; by default those that synth itself is read through.
    """
    from inkbench.benchmark.data.synth.config import SynthConfig
    from inkbench.benchmark.data.synth.make import make
    from inkbench.benchmark.data.synth.writers import LAYOUTS, WRITERS

    wanted = LAYOUTS if layout is None else tuple(WRITERS) if layout == "all" else tuple(layout.split(","))
    if strange := [name for name in wanted if name not in WRITERS]:
        raise UsageError(f"synth writes no layout '{strange[0]}'{did_you_mean(strange[0], WRITERS)}")
    stray = [key for key, _ in pairs if not key.startswith("synth.")]
    if stray:
        raise UsageError(f"data make synth takes --set synth.FIELD=VALUE, not '{stray[0]}'")
    sets = {key.partition(".")[2]: value for key, value in pairs}
    config = SynthConfig.resolve("synth", preset, sets)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{out} cannot be written ({error.strerror}); give another folder with --out") from None
    make(out, config, Progress(quiet), wanted)
    layouts = sorted(entry.name for entry in out.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    use = out if set(LAYOUTS) <= set(layouts) else out / wanted[0]
    return f"written to {out}: {', '.join(layouts)}; use it with --data {use}"


def _about(cls: type[Dataset]) -> list[str]:
    summary = registry.entries("datasets")[cls.name].summary if cls.name in registry.names("datasets") else ""
    return [
        f"{cls.name}: {summary}",
        f"homepage:  {cls.homepage or '-'}",
        f"licence:   {cls.licence}",
        *([f"terms:     {cls.terms} ({_accepted(cls)})"] if cls.terms else ()),
        f"cite:      {cls.citation}",
        f"layout:    {cls.layout}",
    ]


def _about_own(dataset: Dataset) -> list[str]:
    """Return what people say of their own data in lines: a layout gives no licence."""
    known, cls = about(dataset), type(dataset)
    how = f" (by {known.known_by})" if known.known_by else ""
    return [
        f"{dataset.name}: your own data, read as {dataset.reader}: {type(dataset).layout}",
        f"homepage:  {known.homepage or '-'}",
        f"licence:   {known.licence or UNKNOWN}{how if known.licence else ''}",
        *([f"terms:     {cls.terms} ({_accepted(cls)}), if this is a copy of {cls.name}"] if cls.terms else ()),
        f"cite:      {known.citation or '-'}",
    ]


def _accepted(cls: type[Dataset]) -> str:
    day = accepted_on(cls)
    return f"accepted on {day}" if day else f"not accepted yet: run_benchmark.py data accept {cls.name}"


def _count(dataset: Dataset, kind: Kind, split: str) -> str:
    items = dataset.items(kind, split)  # type: ignore[arg-type]
    return f"{len(items)} {split} in {len({item.series for item in items})} series"
