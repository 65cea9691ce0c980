"""Parsers and the flags that verbs share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NoReturn

from inkbench.benchmark.errors import UsageError, did_you_mean

USUAL_PROTOCOL = "frozen"


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line with the nearest flag."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError instead of dumping the usage."""
        _, found, rest = message.partition("unrecognized arguments: ")
        if found:
            flags = [flag for action in self._actions for flag in action.option_strings]
            raise UsageError(f"no argument '{rest.split()[0]}'{did_you_mean(rest.split()[0], flags)}")
        raise UsageError(message)


def common() -> Parser:
    """The flags that every verb has."""
    parser = Parser(add_help=False)
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="output folder; nothing is written elsewhere",
    )
    parser.add_argument("--quiet", action="store_true", help="print no progress to standard error")
    return parser


def run_flags() -> Parser:
    """The flags of a run, which ``table NAME --run`` shares."""
    parser = Parser(add_help=False, allow_abbrev=False)
    add = parser.add_argument
    add(
        "--data",
        default="synth",
        metavar="ID|[NAME=]PATH",
        help="dataset of the task (default: synth, generated images)",
    )
    add("--pretrain-data", metavar="ID|[NAME=]PATH", help="dataset for pretraining (default: --data)")
    series_flag(parser)
    add("--preset", default="quick", help="budget: smoke, quick, standard or paper (default: quick)")
    add(
        "--protocol",
        default=USUAL_PROTOCOL,
        metavar="NAMES",
        help="frozen, finetune, both, all, or names like frozen@1",
    )
    add("--backbone", metavar="NAME", help="any timm model with feature maps (default: that of the preset)")
    add("--weights", type=Path, metavar="FILE", help="weights file for method imagenet (any pretrained backbone)")
    add("--init", metavar="NAME|FILE", help="initial weights for pretraining: a file, or a name of list weights")
    add("--label-fraction", metavar="F[,F]", help="fraction of labelled training items; one block per value")
    add("--shots", metavar="N[,N]", help="classify by so many examples of each class (protocol fewshot)")
    add("--seeds", type=int, default=1, metavar="N", help="number of seeds (0 to N-1)")
    add(
        "--budget",
        default="images",
        choices=("images", "flops"),
        help="what is matched across methods: training images or FLOPs",
    )
    add("--transductive", action="store_true", help="also pretrain on validation and test series; the row is marked")
    add(
        "--exclude-suspects",
        action="store_true",
        help="exclude near-duplicates of validation and test images",
    )
    add("--set", action="append", default=[], metavar="NAME.FIELD=VALUE", help="override one setting; repeatable")
    add("--grid", action="append", default=[], metavar="NAME.FIELD=V,V", help="one row per value; repeatable")
    add("--devices", type=int, default=1, metavar="N", help="number of processes, one per device")
    add(
        "--precision",
        default="auto",
        choices=("auto", "32", "bf16"),
        help="numeric precision (auto: bf16 where it is faster)",
    )
    add(
        "--threads",
        type=int,
        metavar="N",
        help="CPU threads (default: OMP_NUM_THREADS, else all cores); results can differ in the last digits "
        "and are stored separately",
    )
    add(
        "--robustness",
        action="store_true",
        help="also score frozen runs on damaged test images, with the same heads; also of finished runs",
    )
    add("--dry-run", action="store_true", help="print planned runs, stages and estimated times, then exit")
    add("--no-baseline", action="store_true", help="omit the baseline row random and the trivial baselines")
    add("--force", action="store_true", help="repeat finished runs; pretrained weights are kept")
    return parser


def series_flag(parser: argparse.ArgumentParser) -> None:
    """The flag that says what a series is, where a folder leaves it open."""
    parser.add_argument(
        "--series-from",
        metavar="REGEX",
        help="regular expression for the series in an image's path (first group, else the whole match)",
    )
