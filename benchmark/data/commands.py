"""The verb ``data``: its flags, and a call for each of its words."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

from benchmark.flags import Parser, common


def run(words: list[str]) -> int:
    """``data info ID|PATH``, ``data check PATH`` and ``data make synth --out DIR``; gives the exit status."""
    parser = Parser(
        prog="run_benchmark.py data",
        description="Datasets: what they are, whether a folder is whole, and making a copy of synth.",
        parents=[common()],
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, parser_class=Parser)
    info = verbs.add_parser("info", parents=[common()], help="what a dataset is, where to get it, what lies here")
    info.add_argument("what", metavar="ID|PATH")
    check = verbs.add_parser("check", parents=[common()], help="read everything, count it, say what is wrong")
    check.add_argument("what", metavar="PATH|ID")
    check.add_argument("--json", action="store_true", help="layout, counts, errors and warnings as one object")
    check.add_argument("--out", type=Path, metavar="DIR", help="where the sheet of pictures goes (results/check)")
    check.add_argument("--set", action="append", default=[], metavar="NAME.FIELD=VALUE", help="as of a run")
    make = verbs.add_parser("make", parents=[common()], help="draw a copy of synth into a folder")
    make.add_argument("what", choices=("synth",))
    make.add_argument("--out", type=Path, required=True, metavar="DIR")
    make.add_argument("--preset", default="quick")
    make.add_argument("--set", action="append", default=[], metavar="synth.FIELD=VALUE")
    for name in ("series", "pages", "seed"):
        make.add_argument(f"--{name}", metavar="N")
    flags = parser.parse_args(words)
    return {"info": _info, "check": _check, "make": _make}[flags.verb](flags)


def _info(flags: argparse.Namespace) -> int:
    from benchmark.data import catalogue

    print(catalogue.info(flags.what, flags.results))
    return 0


def _check(flags: argparse.Namespace) -> int:
    """Print the report and write the sheet; status 1 where there are errors."""
    from benchmark.data.check.preview import sheet
    from benchmark.data.check.report import examine
    from benchmark.data.locate import open_dataset
    from benchmark.launch import pair
    from benchmark.progress import Progress
    from benchmark.store import Store, write_atomic

    Store(flags.results).check_writable()
    dataset = open_dataset(flags.what, "quick", [pair(text) for text in flags.set], flags.results)
    report = examine(dataset, Progress(flags.quiet))
    print(json.dumps(report.json(), indent=1, ensure_ascii=False) if flags.json else report.text())
    picture = sheet(report.items)
    if picture:
        place = hashlib.sha256(str(dataset.root.resolve()).encode()).hexdigest()[:6]
        path = (flags.out or flags.results / "check") / f"{dataset.name}-{dataset.root.name}-{place}.png"
        write_atomic(path, picture)
        print(f"pictures: {path}", file=sys.stderr)
    return 1 if report.errors else 0


def _make(flags: argparse.Namespace) -> int:
    from benchmark.data import catalogue
    from benchmark.launch import pair

    pairs = [pair(text) for text in flags.set]
    pairs += [(f"synth.{name}", getattr(flags, name)) for name in ("series", "pages", "seed") if getattr(flags, name)]
    print(catalogue.make_synth(flags.out, flags.preset, pairs, flags.quiet))
    return 0
