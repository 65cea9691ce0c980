"""Verbs and flags of ``run_benchmark.py``; every wrong request ends in one line and status 2."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Sequence

from inkbench.benchmark import registry, stopping, streams
from inkbench.benchmark.cli.flags import Parser, common, run_flags
from inkbench.benchmark.errors import DEBUG, InkbenchError, UsageError, brief, did_you_mean, of_the_system
from inkbench.benchmark.progress import complain

VERBS = {
    "list": "methods, tasks, datasets, metrics, tables or runs",
    "describe": "every setting of a method, task or dataset: type, default, source",
    "data": "info ID | check PATH | cut PAGES --out DIR | leaks A B | accept ID | get ID | make synth --out DIR",
    "table": "print a declared table from finished runs; --run runs missing rows",
    "report": "write tables and run details as HTML pages: results/report/index.html",
    "compare": "RUN RUN: compare two runs: paired difference and differing settings",
    "submit": "pack RUN | check X.zip | score X.zip | bundle | leaderboard DIR",
    "audit": "test whether a pretext network uses shortcuts",
    "rescore": "recompute metrics from stored predictions, without a model",
    "verify": "[RESULTS] [RUN|METHOD]: check that no record was damaged or edited",
    "export": "export a backbone with its card as a folder that timm loads; --push to a hub",
    "doctor": "check this machine and show how to fix problems",
}
EPILOG = "commands:\n" + "\n".join(f"  {verb:9} {text}" for verb, text in VERBS.items())
EPILOG += "\n\nevery command accepts --plugin FILE.py: a file with your own methods, tasks, datasets and metrics"


def main(words: Sequence[str]) -> int:
    """Carry out a command line; gives the exit status (0 done, 1 a run or a check failed, 2 refused)."""
    try:
        with stopping.at_once():
            try:
                return _command(words)
            finally:
                sys.stdout.flush()
    except InkbenchError as error:
        complain(f"run_benchmark.py: {error}")
        return error.status
    except KeyboardInterrupt:
        streams.tell("interrupted; run the same command to resume")
        return stopping.INTERRUPTED
    except stopping.Stopped as stop:
        streams.tell(f"stopped by {stop}; run the same command to resume")
        return stop.status
    except BrokenPipeError:
        streams.close_output()
        return 0
    except UnicodeEncodeError as error:
        if DEBUG in os.environ:
            raise
        streams.tell(f"run_benchmark.py: {brief(error.object)} is not UTF-8; rename it; {DEBUG}=1 shows where")
        return InkbenchError.status
    except OSError as error:
        return _refused_by_the_system(error)


def _refused_by_the_system(error: OSError) -> int:
    """Tell in one line what the system refused, a full disk or a name too long; gives the exit status."""
    if DEBUG in os.environ:
        raise error
    complain(f"run_benchmark.py: {of_the_system(error)}; {DEBUG}=1 shows where")
    try:
        sys.stdout.flush()
    except OSError:
        streams.close_output()
    return UsageError.status if error.errno in (errno.ENAMETOOLONG, errno.ELOOP) else InkbenchError.status


def _command(words: Sequence[str]) -> int:
    _require_utf8(words)
    words = _plugged_in(words)
    if words and words[0] in VERBS:
        from inkbench.benchmark.cli import verbs

        return verbs.RUN[words[0]](list(words[1:]))
    if words and not words[0].startswith("-"):
        raise UsageError(f"no command '{words[0]}'{did_you_mean(words[0], VERBS)}")
    return _run(list(words))


def _require_utf8(words: Sequence[str]) -> None:
    """Refuse words that are no UTF-8: names of files and folders go into records and tables, which are."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise UsageError(f"{brief(os.fsencode(word))} is not UTF-8; rename the file or folder") from None


def _plugged_in(words: Sequence[str]) -> list[str]:
    """Load the files of ``--plugin FILE``, which every verb takes; return the other words. Raises UsageError."""
    parser = Parser(prog="run_benchmark.py", add_help=False, allow_abbrev=False)
    parser.add_argument("--plugin", action="append", default=[])
    flags, rest = parser.parse_known_args(list(words))
    files = [*filter(None, os.environ.get(registry.PLUGINS, "").split(os.pathsep)), *flags.plugin]
    if files:
        os.environ[registry.PLUGINS] = os.pathsep.join(map(os.path.abspath, files))  # workers are told so
        registry.plug_in(os.environ[registry.PLUGINS])
    return rest


def _run(words: list[str]) -> int:
    parser = Parser(
        prog="run_benchmark.py",
        description="inkbench: which pretraining is worth it on comics?",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common(), run_flags()],
        allow_abbrev=False,
    )
    parser.add_argument("--method", metavar="M[,M2|all]", help="pretraining methods: names or path/to/file.py:Class")
    parser.add_argument("--task", metavar="T[,T2|all]", help="downstream tasks")
    if not words:
        parser.print_help()
        return 0
    flags = parser.parse_args(words)
    if not flags.method or not flags.task:
        raise UsageError("a run needs --method and --task; see: run_benchmark.py list methods, list tasks")
    from inkbench.benchmark.cli.launch import launch, request_of

    return launch(request_of(flags, flags.method.split(","), flags.task.split(","), words))
