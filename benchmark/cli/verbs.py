"""The verbs beside a run, one function each. Only describe, audit, rescore and doctor import torch."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inkbench.benchmark import registry
from inkbench.benchmark.cli.flags import Parser, common, run_flags
from inkbench.benchmark.errors import Refusal
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store

FORMATS = ("text", "md", "tex", "csv", "html", "json")
"""How a table can be printed."""


def _parser(verb: str, description: str) -> Parser:
    return Parser(prog=f"run_benchmark.py {verb}", description=description, parents=[common()], allow_abbrev=False)


def verb_list(words: list[str]) -> int:
    """``list methods|tasks|datasets|metrics|tables|runs [--json]``."""
    parser = _parser("list", "What there is.")
    parser.add_argument("what", choices=("methods", "tasks", "datasets", "metrics", "tables", "runs"))
    parser.add_argument("--json", action="store_true", help="an array of objects with name")
    flags = parser.parse_args(words)
    if flags.what == "runs":
        rows = [_run_row(record) for record in Store(flags.results).records()]
    elif flags.what == "tables":
        from inkbench.leaderboards import table_files

        rows = [{"name": name, "summary": table_files.load(name).title} for name in table_files.names()]
    else:
        entries = registry.entries(flags.what).values()
        rows = [
            {"name": entry.name, "summary": entry.summary, "origin": entry.origin}
            for entry in sorted(entries, key=lambda entry: entry.name)
        ]
    if flags.json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return 0
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        print(f"{row['name']:{width}}  {row['summary']}")
    if not rows:
        print(f"none in {flags.results}" if flags.what == "runs" else "none", file=sys.stderr)
    return 0


def _run_row(record: Record) -> dict[str, Any]:
    figure = record.metrics.get(record.primary)
    value = figure.value if figure else None
    found = f"{record.primary} {value:z.4f}" if value is not None else record.reason
    changed = " ".join(f"{key}={value}" for key, value in record.changed.items())
    backbone = record.backbone.name if record.backbone else "-"
    what = f"{record.method} on {record.task}/{record.protocol}, {record.data.called}, {backbone}"
    how = f"seed {record.seed}, {record.preset} {changed}".rstrip()
    return {
        "name": record.id,
        "summary": f"{record.status:8} {what}, {how}: {found}",
        "status": record.status,
        "method": record.method,
        "task": record.task,
        "protocol": record.protocol,
        "seed": record.seed,
        "value": value,
    }


def verb_describe(words: list[str]) -> int:
    """``describe NAME [--json]``: every setting, its type, default, values per preset and source."""
    parser = _parser("describe", "Every setting of a method, task, dataset, of backbone or pretrain.")
    parser.add_argument("name")
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--data", default="synth", metavar="ID|PATH", help="of whose images a pretraining sees how much"
    )
    parser.add_argument("--preset", default="quick", help="with the settings of this preset")
    parser.add_argument("--set", action="append", default=[], metavar="NAME.FIELD=VALUE", help="and with this one")
    from inkbench.benchmark.cli.describe import describe

    return describe(parser.parse_args(words))


def verb_data(words: list[str]) -> int:
    """``data info ID|PATH``, ``data check PATH`` and what else there is to do with datasets."""
    from inkbench.benchmark.cli import data as commands

    return commands.run(words)


def verb_table(words: list[str]) -> int:
    """``table NAME [--run] [--format text|md|tex|csv|html|json]``, with the flags of a run."""
    parser = Parser(
        prog="run_benchmark.py table",
        description="A declared table.",
        parents=[common(), run_flags()],
        allow_abbrev=False,
    )
    parser.add_argument("name")
    parser.add_argument("--run", action="store_true", help="run what is missing first")
    parser.add_argument("--format", default="text", choices=FORMATS)
    flags = parser.parse_args(words)
    from inkbench.benchmark.cli.declared import show_table

    return show_table(flags, words)


def verb_report(words: list[str]) -> int:
    """``report [--out DIR] [--thumbnails N]``."""
    parser = _parser("report", "Pages to look at, made of the records; they open from a file, without a server.")
    parser.add_argument("--out", type=Path, metavar="DIR", help="the folder to write (default: RESULTS/report)")
    parser.add_argument(
        "--thumbnails",
        type=int,
        default=48,
        metavar="N",
        help="small pictures of test items for a comparison, at most (default: 48)",
    )
    flags = parser.parse_args(words)
    if flags.thumbnails < 0:
        raise Refusal(f"--thumbnails takes 0 or more, not {flags.thumbnails}")
    from inkbench.benchmark.progress import Progress
    from inkbench.leaderboards.report.command import write_report

    out = flags.out or flags.results / "report"
    print(write_report(Store(flags.results), out, Progress(flags.quiet), flags.thumbnails))
    return 0


def verb_compare(words: list[str]) -> int:
    """``compare CELL CELL [--metric M]``."""
    parser = _parser("compare", "Two rows against each other: paired difference, interval, p, what they differ in.")
    parser.add_argument(
        "cells", nargs=2, metavar="CELL", help="the beginning of the id of a cell of the row (list runs)"
    )
    parser.add_argument("--metric", metavar="M", help="which metric (default: the task's primary one)")
    flags = parser.parse_args(words)
    from inkbench.leaderboards.versus import versus

    first, second = flags.cells
    print(versus(Store(flags.results), first, second, flags.metric))
    return 0


def verb_submit(words: list[str]) -> int:
    """``submit pack CELL | check X.zip | score X.zip --reference DIR | bundle --reference DIR | leaderboard DIR``."""
    parser = _parser("submit", "Predictions the way a challenge server takes them.")
    verbs = parser.add_subparsers(dest="verb", required=True, parser_class=Parser)
    pack = verbs.add_parser("pack", parents=[common()])
    pack.add_argument("cell", help="the beginning of a cell's id (list runs)")
    pack.add_argument("--out", type=Path, required=True, metavar="X.zip")
    pack.add_argument(
        "--images", type=Path, metavar="DIR", help="predict these images, instead of the cell's test items"
    )
    pack.add_argument("--spec", default="plain", choices=("plain", "ai4va"), help="what a server asks for")
    pack.add_argument(
        "--format", metavar="F", help="a form of the task (docs/submissions.md); the usual one by default"
    )
    pack.add_argument("--floor", type=int, help="least grey value of a PNG map (1)")
    pack.add_argument("--depth", type=int, help="bits of a PNG map: 8 (the default) or 16")
    pack.add_argument("--size", metavar="S", help="of a map: truth (the default), own (as predicted) or WIDTHxHEIGHT")
    pack.add_argument("--names", metavar="N", help="a file's name without suffix; the default is {stem}")
    pack.add_argument("--folder", metavar="F", help="folder in the zip; the default is its root")
    check = verbs.add_parser("check", parents=[common()])
    score = verbs.add_parser("score", parents=[common()])
    bundle = verbs.add_parser("bundle", parents=[common()])
    leaderboard = verbs.add_parser("leaderboard", parents=[common()])
    for verb in (check, score):
        verb.add_argument("zip", type=Path)
        verb.add_argument("--json", action="store_true")
    for verb in (check, score, leaderboard):
        verb.add_argument("--strict", action="store_true", help="refuse what a server refuses")
    for verb in (check, score, bundle, leaderboard):
        verb.add_argument("--task", metavar="T", help="by default that of the manifest beside the zip, else saliency")
        verb.add_argument("--split", default="test")
        verb.add_argument("--set", action="append", default=[], metavar="NAME.FIELD=VALUE", help="as of a run")
        verb.add_argument("--preset", default="quick", help="as of a run: settings of the task, and which synth")
    check.add_argument("--reference", metavar="DIR|ID")
    score.add_argument("--reference", metavar="DIR|ID", required=True, help="a dataset, or the folder of a bundle")
    score.add_argument("--items", type=Path, metavar="FILE.csv", help="also write the figures of each item")
    bundle.add_argument("--flavor", default="codabench", choices=("codabench", "codalab"))
    bundle.add_argument("--reference", metavar="DIR|ID", required=True)
    bundle.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="a new folder; DIR.zip is made beside it"
    )
    leaderboard.add_argument("folder", type=Path, metavar="DIR", help="where the zips lie")
    leaderboard.add_argument("--reference", metavar="DIR|ID", required=True)
    leaderboard.add_argument("--format", default="text", choices=FORMATS)
    flags = parser.parse_args(words)
    from inkbench.benchmark.cli import submit as commands

    act: Callable[[argparse.Namespace], int] = {
        "pack": commands.pack,
        "check": commands.check,
        "score": commands.score,
        "bundle": commands.bundle,
        "leaderboard": commands.leaderboard,
    }[flags.verb]
    return act(flags)


def verb_audit(words: list[str]) -> int:
    """``audit --method M``, with the flags of a run."""
    parser = Parser(
        prog="run_benchmark.py audit",
        description="Is it a shortcut? Gradients on tile borders, accuracy without each cue, beside the transfer.",
        parents=[common(), run_flags()],
        allow_abbrev=False,
    )
    parser.add_argument("--method", required=True, metavar="M", help="a method that cuts tiles")
    parser.add_argument("--task", default="saliency", metavar="T", help="the task that settings are checked with")
    parser.add_argument("--no-retrain", action="store_true", help="do not also train without each cue")
    parser.add_argument("--json", action="store_true")
    flags = parser.parse_args(words)
    from inkbench.benchmark.cli.audit import audit

    return audit(flags, words)


def verb_rescore(words: list[str]) -> int:
    """``rescore [CELL]``."""
    parser = _parser("rescore", "Metrics again from stored predictions, no model: after a metric's definition changed.")
    parser.add_argument("cell", nargs="?", help="the beginning of a cell's id (default: every cell that is done)")
    flags = parser.parse_args(words)
    from inkbench.benchmark.progress import Progress
    from inkbench.benchmark.running.rescore import rescore

    return rescore(Store(flags.results), flags.cell, Progress(flags.quiet))


def verb_export(words: list[str]) -> int:
    """``export METHOD|KEY --out DIR``."""
    parser = _parser("export", "A pretrained backbone as a folder that timm loads in three lines, with its card.")
    parser.add_argument("what", metavar="METHOD|KEY", help="a method, or the beginning of a pretraining's key")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    flags = parser.parse_args(words)
    from inkbench.benchmark.running.export import export

    print(export(Store(flags.results), flags.what, flags.out))
    return 0


def verb_doctor(words: list[str]) -> int:
    """``doctor``: what this machine can and cannot do."""
    flags = _parser("doctor", "What this machine can and cannot do, and how to mend it.").parse_args(words)
    from inkbench.benchmark.cli import doctor

    return doctor.examine(flags.results)


RUN: dict[str, Callable[[list[str]], int]] = {
    "list": verb_list,
    "describe": verb_describe,
    "data": verb_data,
    "table": verb_table,
    "report": verb_report,
    "compare": verb_compare,
    "submit": verb_submit,
    "audit": verb_audit,
    "rescore": verb_rescore,
    "export": verb_export,
    "doctor": verb_doctor,
}
"""What each verb does with its words; gives the exit status."""
