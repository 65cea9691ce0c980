"""The verb ``data``: its flags, and a call for each of its words."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import Any

from inkbench.benchmark import escaping
from inkbench.benchmark.cli.flags import Parser, common, series_flag
from inkbench.benchmark.contracts.dataset import Dataset
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.progress import complain


def run(words: list[str]) -> int:
    """Run ``data info ID|PATH``, ``data check PATH`` or ``data make synth --out DIR``; return the exit status."""
    parser = Parser(
        prog="run_benchmark.py data",
        description="Datasets: describe, validate, fetch, pack, and generate a copy of synth.",
        parents=[common()],
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, parser_class=Parser)
    info = verbs.add_parser("info", parents=[common()], help="describe a dataset: contents, source, local copy")
    info.add_argument("what", metavar="ID|[NAME=]PATH")
    check = verbs.add_parser("check", parents=[common()], help="validate a dataset and report counts and errors")
    check.add_argument("what", metavar="PATH|ID")
    check.add_argument("--json", action="store_true", help="print layout, counts, errors and warnings as a JSON object")
    check.add_argument("--out", type=Path, metavar="DIR", help="folder for the contact sheet (default: results/check)")
    check.add_argument("--set", action="append", default=[], metavar="NAME.FIELD=VALUE", help="override one setting")
    leaks = verbs.add_parser("leaks", parents=[common()], help="find test images among pretraining images (leakage)")
    leaks.add_argument("pretraining", metavar="PRETRAINING", help="PATH or ID, whose train split is used")
    leaks.add_argument("test", metavar="TEST", help="PATH or ID, whose test split is used")
    leaks.add_argument("--all", action="store_true", help="compare all splits of both")
    leaks.add_argument("--json", action="store_true", help="print JSON")
    leaks.add_argument("--out", type=Path, metavar="DIR", help="folder for pairs (default: results/check)")
    accept = verbs.add_parser("accept", parents=[common()], help="accept a dataset's terms, once")
    accept.add_argument("what", metavar="ID")
    get = verbs.add_parser("get", parents=[common()], help="download a public dataset, or print manual instructions")
    get.add_argument("what", metavar="ID")
    get.add_argument("--out", type=Path, metavar="DIR", help="destination folder (default: INKBENCH_DATA)")
    pack = verbs.add_parser("pack", parents=[common()], help="pack many small images into one file")
    pack.add_argument("what", metavar="ID|PATH")
    pack.add_argument("--set", action="append", default=[], metavar="NAME.FIELD=VALUE", help="override one setting")
    cut = verbs.add_parser("cut", parents=[common()], help="cut pages into panels along their gutters")
    cut.add_argument("what", metavar="PAGES", help="ID|PATH")
    cut.add_argument("--out", type=Path, metavar="DIR", help="new folder for the panels")
    cut.add_argument("--score", action="store_true", help="report recall and precision against annotated panels")
    cut.add_argument("--set", action="append", default=[], metavar="NAME.FIELD=VALUE", help="override one setting")
    damages = verbs.add_parser("damages", parents=[common()], help="draw what print and scan do to an image")
    damages.add_argument("what", metavar="ID|PATH", nargs="?", default="synth", help="default: synth")
    damages.add_argument("--out", type=Path, metavar="DIR", help="folder for the sheet (default: results/check)")
    damages.add_argument("--scans", type=Path, metavar="DIR", help="also write the queries of retrieval there, as PNG")
    damages.add_argument("--set", action="append", default=[], metavar="NAME.FIELD=VALUE", help="override one setting")
    make = verbs.add_parser("make", parents=[common()], help="generate a copy of synth in a folder")
    make.add_argument("what", choices=("synth",))
    make.add_argument("--out", type=Path, required=True, metavar="DIR")
    make.add_argument("--preset", default="quick")
    make.add_argument("--set", action="append", default=[], metavar="synth.FIELD=VALUE")
    make.add_argument("--layout", metavar="L[,L2|all]", help="layouts to write (default: those that synth uses)")
    for name in ("series", "pages", "seed"):
        make.add_argument(f"--{name}", metavar="N")
    for verb in (info, check, leaks, pack, cut, damages):
        series_flag(verb)
    flags = parser.parse_args(words)
    acts = {"info": _info, "check": _check, "leaks": _leaks, "accept": _accept, "get": _get, "pack": _pack, "cut": _cut}
    acts |= {"make": _make, "damages": _damages}
    return acts[flags.verb](flags)


def _pairs(flags: argparse.Namespace) -> list[tuple[str, str]]:
    """Return the pairs of ``--set`` and ``--series-from``."""
    from inkbench.benchmark.cli.launch import pair, series_from

    return [*(pair(text) for text in getattr(flags, "set", ())), *series_from(flags)]


def _opened(flags: argparse.Namespace) -> Dataset:
    """Return the one dataset that a word is about. Raises UsageError."""
    from inkbench.benchmark.data.locate import heeds_series_from, open_dataset

    pairs = _pairs(flags)
    dataset = open_dataset(flags.what, "quick", pairs, flags.results)
    heeds_series_from(dataset, pairs)
    return dataset


def _info(flags: argparse.Namespace) -> int:
    from inkbench.benchmark.data import catalogue

    print(escaping.lines(catalogue.info(flags.what, flags.results, _pairs(flags))))
    return 0


def _check(flags: argparse.Namespace) -> int:
    """Print the report and write the sheet; status 1 where there are errors."""
    from inkbench.benchmark.data.check.preview import sheet
    from inkbench.benchmark.data.check.report import examine
    from inkbench.benchmark.progress import Progress
    from inkbench.benchmark.store.store import Store

    Store(flags.results).check_writable()
    dataset = _opened(flags)
    report = examine(dataset, Progress(flags.quiet))
    print(escaping.json(report.json()) if flags.json else report.text())
    picture = sheet(report.items, report.classes)
    _show(picture, flags, f"{dataset.reader}-{dataset.root.name}", str(dataset.root.resolve()))
    return 1 if report.errors else 0


def _leaks(flags: argparse.Namespace) -> int:
    """Print the share that is suspect and the nearest pairs, and draw them; status 1 where there are any."""
    from inkbench.benchmark.contracts.dataset import SPLITS
    from inkbench.benchmark.data.leaks.command import images_of, report, sheet_of_pairs, splits_of
    from inkbench.benchmark.data.leaks.compare import compare, told
    from inkbench.benchmark.data.locate import open_dataset
    from inkbench.benchmark.progress import Progress
    from inkbench.benchmark.store.store import Store

    Store(flags.results).check_writable()
    progress = Progress(flags.quiet)
    one, other = (open_dataset(text, "quick", _pairs(flags), flags.results) for text in (flags.pretraining, flags.test))
    for dataset in (one, other):
        dataset.prepare(progress)
    if flags.all and one.root.resolve() == other.root.resolve():
        raise UsageError("--all compares two different datasets, not one with itself")
    pretraining = images_of(one, SPLITS if flags.all else splits_of(one, "train"))
    test = images_of(other, SPLITS if flags.all else splits_of(other, "test"))
    found = compare(test, other, pretraining, one, flags.results / "cache" / "hashes", progress)
    summary = told(found, test, pretraining)
    print(escaping.json(summary) if flags.json else escaping.lines(report(summary, one, other)))
    name = f"leaks-{one.root.name}-{other.root.name}"
    _show(sheet_of_pairs(found, test, pretraining), flags, name, f"{one.root.resolve()} {other.root.resolve()}")
    return 1 if summary["suspect"] else 0


def _accept(flags: argparse.Namespace) -> int:
    """Keep that the terms of a dataset are accepted; every record that uses it carries the date."""
    from inkbench.benchmark import registry
    from inkbench.benchmark.data import terms

    print(terms.accept(registry.load("datasets", flags.what)))
    return 0


def _get(flags: argparse.Namespace) -> int:
    """Fetch, verify and unpack; nothing is fetched without this command."""
    from inkbench.benchmark.data.get.fetch import get
    from inkbench.benchmark.progress import Progress

    print(escaping.terminal(get(flags.what, flags.out, Progress(flags.quiet))))
    return 0


def _pack(flags: argparse.Namespace) -> int:
    """Pack what is not packed yet; the dataset's own files stay as they are."""
    from inkbench.benchmark.data.packed import Pack
    from inkbench.benchmark.data.packing import pack_images
    from inkbench.benchmark.progress import Progress
    from inkbench.benchmark.store.store import Store

    Store(flags.results).check_writable()
    progress = Progress(flags.quiet)
    dataset = _opened(flags)
    dataset.prepare(progress)
    pack = Pack.of(dataset.root, flags.results)
    print(escaping.lines(pack_images(dataset, pack, progress).told(pack)))
    return 0


def _cut(flags: argparse.Namespace) -> int:
    """Cut pages into panels, or say how well that goes; status 1 where pages could not be cut."""
    from inkbench.benchmark.data.cut.cutting import cut, pages_of, picture_of
    from inkbench.benchmark.data.cut.score import score
    from inkbench.benchmark.errors import RunError
    from inkbench.benchmark.progress import Progress
    from inkbench.benchmark.store.store import Store

    if not flags.out and not flags.score:
        raise UsageError("data cut needs --out DIR for the panels, or --score to compare them with annotated ones")
    Store(flags.results).check_writable()
    dataset, progress = _opened(flags), Progress(flags.quiet)
    dataset.prepare(progress)
    if flags.score:
        if "boxes:panel" not in dataset.offers():
            raise UsageError(f"--score: no panels are annotated in {dataset.root} ({dataset.reader})")
        for name, found in score(pages_of(dataset), progress).items():
            print(escaping.terminal(f"{name}: {found.line()}"))
    if not flags.out:
        return 0
    try:
        cutting = cut(dataset, flags.out, progress)
    except RunError as error:
        raise UsageError(str(error)) from None
    print(escaping.lines(cutting.text()))
    if (picture := picture_of(cutting, pages_of(dataset))) is not None:
        path = flags.results / "check" / f"cut-{hashlib.sha256(str(flags.out.resolve()).encode()).hexdigest()[:6]}.png"
        write_picture(path, picture)
    return 1 if any(page.why for page in cutting.pages) else 0


def _damages(flags: argparse.Namespace) -> int:
    """Draw an original from the middle of test under every damage; with ``--scans`` write what retrieval asks for."""
    from inkbench.benchmark import registry
    from inkbench.benchmark.config import settings_of
    from inkbench.benchmark.data.damage.sheet import sheet, write_scans
    from inkbench.benchmark.progress import Progress
    from inkbench.benchmark.store.store import Store

    Store(flags.results).check_writable()
    dataset, progress = _opened(flags), Progress(flags.quiet)
    dataset.prepare(progress)
    kind: Any = registry.load("tasks", "retrieval")
    task = kind(kind.Config.resolve(kind.name, "quick", settings_of(kind.name, _pairs(flags))))
    items = task.items(dataset, "test") if task.needs() <= dataset.offers() else []
    if not items:
        raise UsageError(f"{dataset.name} has no {task.view().kind} in its test split")
    _show(sheet(items[len(items) // 4 * 2]), flags, f"damages-{dataset.root.name}", str(dataset.root.resolve()))
    if flags.scans:
        scans = [item for item in items if item.damage]
        print(escaping.terminal(f"{write_scans(scans, flags.scans, progress)} scans in {flags.scans}"))
    return 0


def _show(picture: bytes | None, flags: argparse.Namespace, name: str, of: str) -> None:
    """Write a picture under a name that tells folders of the same name apart, and say where it lies."""
    if picture:
        folder = flags.out or flags.results / "check"
        write_picture(folder / f"{name}-{hashlib.sha256(of.encode()).hexdigest()[:6]}.png", picture)


def write_picture(path: Path, picture: bytes) -> None:
    """Write a picture and say where it lies."""
    from inkbench.benchmark.store.files import write_atomic

    write_atomic(path, picture)
    complain(f"pictures: {path}")


def _make(flags: argparse.Namespace) -> int:
    from inkbench.benchmark.cli.launch import pair
    from inkbench.benchmark.data import catalogue

    pairs = [pair(text) for text in flags.set]
    pairs += [(f"synth.{name}", getattr(flags, name)) for name in ("series", "pages", "seed") if getattr(flags, name)]
    print(escaping.lines(catalogue.make_synth(flags.out, flags.preset, pairs, flags.quiet, flags.layout)))
    return 0
