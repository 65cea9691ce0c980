"""The verbs beside a run, one function each. Only describe, audit, rescore and doctor import torch."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inkbench.benchmark import escaping, registry
from inkbench.benchmark.cli.flags import Parser, common, run_flags
from inkbench.benchmark.cli.run_rows import run_rows
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.given import catalogue
from inkbench.benchmark.progress import complain
from inkbench.benchmark.store.store import Store

FORMATS = ("text", "md", "tex", "csv", "html", "json")
"""The formats of a printed table."""


def _parser(verb: str, description: str) -> Parser:
    return Parser(prog=f"run_benchmark.py {verb}", description=description, parents=[common()], allow_abbrev=False)


def verb_list(words: list[str]) -> int:
    """Run ``list methods|weights|tasks|datasets|metrics|tables|runs [--json] [--csv]``."""
    parser = _parser("list", "List methods, given weights, tasks, datasets, metrics, tables or runs.")
    parser.add_argument("what", choices=("methods", "weights", "tasks", "datasets", "metrics", "tables", "runs"))
    parser.add_argument("--json", action="store_true", help="print a JSON array of objects with a name")
    parser.add_argument("--csv", action="store_true", help="for runs: one line per run and metric")
    flags = parser.parse_args(words)
    if flags.csv:
        return _csv_of_runs(flags.what, Store(flags.results))
    rows = _rows_of(flags.what, Store(flags.results))
    if flags.json:
        print(escaping.json(rows))
        return 0
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        print(escaping.terminal(f"{row['name']:{width}}  {row['summary']}"))
    if not rows:
        print(f"no runs in {flags.results}" if flags.what == "runs" else "none", file=sys.stderr)
    return 0


def _rows_of(what: str, store: Store) -> list[dict[str, Any]]:
    """Return what is to be listed, each with a name and a summary."""
    if what == "runs":
        return run_rows(store)
    if what == "weights":
        given = [one for _, one in sorted(catalogue.entries().items())]
        summaries = [f"{one.supervision}; {one.data}; {one.source}" for one in given]
        return [{**one.model_dump(mode="json"), "summary": of} for one, of in zip(given, summaries, strict=True)]
    return _known_rows(what)


def _known_rows(kind: str) -> list[dict[str, Any]]:
    """Return what is known of a kind, by name; what cannot be had is told in a line and hides nothing."""
    for why in registry.left_out(kind).values():
        complain(why)
    rows = []
    for name, entry in sorted(registry.entries(kind).items()):
        try:
            summary = _title(name) if kind == registry.TABLES else entry.summary
        except UsageError as why:
            complain(f"'{name}' of {entry.origin} is left out: {why}")
            continue
        rows.append({"name": name, "summary": summary, "origin": entry.origin})
    return rows


def _title(table: str) -> str:
    from inkbench.leaderboards.declared import load

    return load.title_of(table)


def _csv_of_runs(what: str, store: Store) -> int:
    if what != "runs":
        raise UsageError(f"--csv applies to runs; {what} have no results: list runs --csv")
    from inkbench.leaderboards.frame import frame

    print(frame(store.records()).map(escaping.csv).to_csv(index=False), end="")
    return 0


def verb_describe(words: list[str]) -> int:
    """Run ``describe NAME [--json]``: print every setting, its type, default, values per preset and source."""
    parser = _parser("describe", "Show every setting of a method, task, dataset, backbone or pretrain.")
    parser.add_argument("name")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--data", default="synth", metavar="ID|PATH", help="dataset for which the pretraining budget is computed"
    )
    parser.add_argument("--preset", default="quick", help="show the settings of this preset")
    parser.add_argument("--set", action="append", default=[], metavar="NAME.FIELD=VALUE", help="override one setting")
    from inkbench.benchmark.cli.describe import describe

    return describe(parser.parse_args(words))


def verb_data(words: list[str]) -> int:
    """Run ``data info ID|PATH``, ``data check PATH`` and the other words of ``data``."""
    from inkbench.benchmark.cli import data as commands

    return commands.run(words)


def verb_table(words: list[str]) -> int:
    """Run ``table NAME [--run] [--format text|md|tex|csv|html|json]``, with the flags of a run."""
    parser = Parser(
        prog="run_benchmark.py table",
        description="Print a declared table.",
        parents=[common(), run_flags()],
        allow_abbrev=False,
    )
    parser.add_argument("name")
    parser.add_argument("--run", action="store_true", help="run missing rows first")
    parser.add_argument("--task", default="", metavar="T", help="of tables models and continued: the task")
    parser.add_argument("--reference", default="", metavar="ROW", help="of table models: the row to compare with")
    parser.add_argument("--format", default="text", choices=FORMATS)
    flags = parser.parse_args(words)
    from inkbench.benchmark.cli.declared import show_table

    return show_table(flags, words)


def verb_report(words: list[str]) -> int:
    """Run ``report [--out DIR] [--thumbnails N]``."""
    parser = _parser("report", "Write all records as HTML pages that open without a server.")
    parser.add_argument("--out", type=Path, metavar="DIR", help="output folder (default: RESULTS/report)")
    parser.add_argument(
        "--thumbnails",
        type=int,
        default=48,
        metavar="N",
        help="maximum number of thumbnails per comparison (default: 48)",
    )
    flags = parser.parse_args(words)
    if flags.thumbnails < 0:
        raise UsageError(f"--thumbnails takes 0 or more, not {flags.thumbnails}")
    from inkbench.benchmark.progress import Progress
    from inkbench.leaderboards.report.command import write_report

    out = flags.out or flags.results / "report"
    print(write_report(Store(flags.results), out, Progress(flags.quiet), flags.thumbnails))
    return 0


def verb_compare(words: list[str]) -> int:
    """Run ``compare RUN RUN [--metric M]``."""
    parser = _parser("compare", "Compare two runs: paired difference, interval, p-value and differing settings.")
    parser.add_argument("runs", nargs=2, metavar="RUN", help="start of a run ID (see list runs)")
    parser.add_argument("--metric", metavar="M", help="metric to compare (default: the primary metric of the task)")
    flags = parser.parse_args(words)
    from inkbench.leaderboards.significance.two_rows import versus

    first, second = flags.runs
    print(escaping.lines(versus(Store(flags.results), first, second, flags.metric)))
    return 0


def verb_submit(words: list[str]) -> int:
    """Run ``submit pack RUN | check X.zip | score X.zip | bundle | leaderboard DIR``, with ``--reference DIR``."""
    parser = _parser("submit", "Pack, check and score predictions as files for a challenge server.")
    verbs = parser.add_subparsers(dest="verb", required=True, parser_class=Parser)
    pack = verbs.add_parser("pack", parents=[common()], help="pack the predictions of a run into a zip")
    pack.add_argument("run", metavar="RUN", help="start of a run ID (see list runs)")
    pack.add_argument("--out", type=Path, required=True, metavar="X.zip")
    pack.add_argument(
        "--images", type=Path, metavar="DIR", help="predict these images instead of the test items of the run"
    )
    pack.add_argument("--spec", default="plain", choices=("plain", "ai4va"), help="server format")
    pack.add_argument(
        "--format", metavar="F", help="submission format (docs/submissions.md); default: the usual one of the task"
    )
    pack.add_argument("--floor", type=int, help="minimum grey value of a PNG map (default: 1)")
    pack.add_argument("--depth", type=int, help="bits of a PNG map: 8 (the default) or 16")
    pack.add_argument("--size", metavar="S", help="size of maps: truth (default), own (as predicted) or WIDTHxHEIGHT")
    pack.add_argument("--names", metavar="N", help="file name without suffix (default: {stem})")
    pack.add_argument("--folder", metavar="F", help="folder in the zip (default: its root)")
    check = verbs.add_parser("check", parents=[common()], help="list what is wrong with a zip")
    score = verbs.add_parser("score", parents=[common()], help="score a zip as a challenge's server would")
    bundle = verbs.add_parser("bundle", parents=[common()], help="build a competition for Codabench or CodaLab")
    leaderboard = verbs.add_parser("leaderboard", parents=[common()], help="rank all zips of a folder")
    for verb in (check, score):
        verb.add_argument("zip", type=Path)
        verb.add_argument("--json", action="store_true", help="print JSON")
    for verb in (check, score, leaderboard):
        verb.add_argument("--strict", action="store_true", help="apply the server's strict rules")
    for verb in (check, score, bundle, leaderboard):
        verb.add_argument(
            "--task", metavar="T", help="task (default: that of the manifest next to the zip, or saliency)"
        )
        verb.add_argument("--split", default="test", help="split of the reference (default: test)")
        verb.add_argument("--set", action="append", default=[], metavar="NAME.FIELD=VALUE", help="override one setting")
        verb.add_argument("--preset", default="quick", help="preset for task settings and synth, as in a run")
    check.add_argument("--reference", metavar="DIR|ID", help="dataset, or folder of a bundle")
    score.add_argument("--reference", metavar="DIR|ID", required=True, help="dataset, or folder of a bundle")
    score.add_argument(
        "--run-bundle", action="store_true", help="run the scoring program of the bundle: only of one that you trust"
    )
    score.add_argument("--items", type=Path, metavar="FILE.csv", help="also write per-item metric values")
    bundle.add_argument("--flavor", default="codabench", choices=("codabench", "codalab"))
    bundle.add_argument("--reference", metavar="DIR|ID", required=True, help="dataset of the competition")
    bundle.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="new folder; DIR.zip is written next to it"
    )
    leaderboard.add_argument("folder", type=Path, metavar="DIR", help="folder of the zip files")
    leaderboard.add_argument("--reference", metavar="DIR|ID", required=True, help="dataset, or folder of a bundle")
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
    """Run ``audit --method M``, with the flags of a run."""
    parser = Parser(
        prog="run_benchmark.py audit",
        description="Test for shortcuts: gradients on tile borders, accuracy without each cue, transfer results.",
        parents=[common(), run_flags()],
        allow_abbrev=False,
    )
    parser.add_argument("--method", required=True, metavar="M", help="method that cuts tiles")
    parser.add_argument("--task", default="saliency", metavar="T", help="task used to validate settings")
    parser.add_argument("--no-retrain", action="store_true", help="skip retraining without each cue")
    parser.add_argument("--json", action="store_true", help="print JSON")
    flags = parser.parse_args(words)
    from inkbench.benchmark.cli.audit import audit

    return audit(flags, words)


def verb_rescore(words: list[str]) -> int:
    """Run ``rescore [RUN]``."""
    parser = _parser(
        "rescore", "Recompute metrics from stored predictions, without a model, after a definition changed."
    )
    parser.add_argument("run", metavar="RUN", nargs="?", help="start of a run ID (default: every finished run)")
    flags = parser.parse_args(words)
    from inkbench.benchmark.progress import Progress
    from inkbench.benchmark.running.rescore import rescore

    return rescore(Store(flags.results), flags.run, Progress(flags.quiet))


def verb_verify(words: list[str]) -> int:
    """Run ``verify [RESULTS] [RUN|METHOD ...] [--rescore]``."""
    from inkbench.benchmark.cli.verify import verify

    return verify(words)


def verb_export(words: list[str]) -> int:
    """Run ``export METHOD|KEY|WEIGHTS [--out DIR] [--push REPO]``."""
    from inkbench.benchmark.cli.export import export

    return export(words)


def verb_doctor(words: list[str]) -> int:
    """Run ``doctor``: print what this machine can and cannot do."""
    flags = _parser("doctor", "Check this machine and show how to fix problems.").parse_args(words)
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
    "verify": verb_verify,
    "export": verb_export,
    "doctor": verb_doctor,
}
"""The function of each verb: it takes the words behind it and gives the exit status."""
