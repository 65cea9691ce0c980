"""Verbs and flags of ``run_benchmark.py``; every wrong request ends in one line and status 2."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from benchmark.errors import Refusal, did_you_mean

VERBS = {
    "list": "methods, tasks, datasets, tables or runs",
    "describe": "every setting of a method, task or dataset: type, default, source",
    "data": "info ID | make synth --out DIR",
    "table": "print a declared table from what has been run; --run runs what is missing",
    "submit": "pack CELL | check X.zip | score X.zip",
    "doctor": "what this machine can and cannot do, and how to mend it",
}
EPILOG = "verbs:\n" + "\n".join(f"  {verb:9} {text}" for verb, text in VERBS.items())


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line with the nearest flag."""

    def error(self, message: str) -> NoReturn:
        """Raise Refusal instead of dumping the usage."""
        _, found, rest = message.partition("unrecognized arguments: ")
        if found:
            flags = [flag for action in self._actions for flag in action.option_strings]
            raise Refusal(f"no argument '{rest.split()[0]}'{did_you_mean(rest.split()[0], flags)}")
        raise Refusal(message)


def main(words: Sequence[str]) -> int:
    """Carry out a command line; gives the exit status (0 done, 1 a cell or a check failed, 2 refused)."""
    try:
        if words and words[0] in VERBS:
            from benchmark import verbs

            return getattr(verbs, f"verb_{words[0]}")(list(words[1:]))
        if words and not words[0].startswith("-"):
            raise Refusal(f"no verb '{words[0]}'{did_you_mean(words[0], VERBS)}")
        return _run(list(words))
    except Refusal as refusal:
        print(f"run_benchmark.py: {refusal}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def common() -> Parser:
    """The flags that every verb has."""
    parser = Parser(add_help=False)
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="DIR", help="the only place written")
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")
    return parser


def run_flags() -> Parser:
    """The flags of a run, which ``table NAME --run`` shares."""
    parser = Parser(add_help=False, allow_abbrev=False)
    add = parser.add_argument
    add("--data", default="synth", metavar="ID|PATH", help="dataset of the task (default: synth, drawn by the program)")
    add("--pretrain-data", metavar="ID|PATH", help="dataset of the pretext task (default: --data)")
    add("--preset", default="quick", help="budget: smoke, quick, standard or paper (default: quick)")
    add("--protocol", default="frozen", metavar="NAMES", help="frozen, finetune, both, or names like frozen@1")
    add("--backbone", metavar="NAME", help="any timm model with feature maps (default: the preset's)")
    add("--weights", type=Path, metavar="FILE", help="the weights of imagenet (or any given backbone)")
    add("--init", metavar="imagenet|FILE", help="where a pretext task starts from")
    add("--seeds", type=int, default=1, metavar="N", help="seeds 0 to N-1")
    add("--budget", default="images", choices=("images", "flops"), help="what all pretext tasks get the same of")
    add("--transductive", action="store_true", help="let pretraining read validation and test series; marks the row")
    add("--set", action="append", default=[], metavar="NAME.FIELD=VALUE", help="one setting; may be repeated")
    add("--grid", action="append", default=[], metavar="NAME.FIELD=V,V", help="one row per value; may be repeated")
    add("--devices", type=int, default=1, metavar="N", help="processes, one per device")
    add(
        "--precision",
        default="auto",
        choices=("auto", "32", "bf16"),
        help="of convolutions (default: what is fast here)",
    )
    add("--threads", type=int, metavar="N", help="CPU threads (default: all cores); changes the last bits")
    add("--dry-run", action="store_true", help="show cells, stages and their estimated time; do nothing")
    add("--no-baseline", action="store_true", help="without the control row random and the trivial rows")
    add("--force", action="store_true", help="run finished cells again")
    return parser


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
        raise Refusal("a run needs --method and --task; see: run_benchmark.py list methods, list tasks")
    from benchmark.launch import launch, request_of

    return launch(request_of(flags, flags.method.split(","), flags.task.split(","), words))
