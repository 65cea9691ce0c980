"""Parsers and the flags that verbs share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NoReturn

from inkbench.benchmark.errors import Refusal, did_you_mean


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line with the nearest flag."""

    def error(self, message: str) -> NoReturn:
        """Raise Refusal instead of dumping the usage."""
        _, found, rest = message.partition("unrecognized arguments: ")
        if found:
            flags = [flag for action in self._actions for flag in action.option_strings]
            raise Refusal(f"no argument '{rest.split()[0]}'{did_you_mean(rest.split()[0], flags)}")
        raise Refusal(message)


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
    add(
        "--data",
        default="synth",
        metavar="ID|[NAME=]PATH",
        help="dataset of the task (default: synth, drawn by the program)",
    )
    add("--pretrain-data", metavar="ID|[NAME=]PATH", help="dataset of the pretext task (default: --data)")
    series_flag(parser)
    add("--preset", default="quick", help="budget: smoke, quick, standard or paper (default: quick)")
    add("--protocol", default="frozen", metavar="NAMES", help="frozen, finetune, both, all, or names like frozen@1")
    add("--backbone", metavar="NAME", help="any timm model with feature maps (default: the preset's)")
    add("--weights", type=Path, metavar="FILE", help="the weights of imagenet (or any given backbone)")
    add("--init", metavar="imagenet|FILE", help="where a pretext task starts from")
    add("--label-fraction", metavar="F[,F]", help="share of the training items that a task may use; one block each")
    add("--seeds", type=int, default=1, metavar="N", help="seeds 0 to N-1")
    add("--budget", default="images", choices=("images", "flops"), help="what all pretext tasks get the same of")
    add("--transductive", action="store_true", help="let pretraining read validation and test series; marks the row")
    add("--exclude-suspects", action="store_true", help="pretrain without images that look like those of val or test")
    add("--set", action="append", default=[], metavar="NAME.FIELD=VALUE", help="one setting; may be repeated")
    add("--grid", action="append", default=[], metavar="NAME.FIELD=V,V", help="one row per value; may be repeated")
    add("--devices", type=int, default=1, metavar="N", help="processes, one per device")
    add(
        "--precision",
        default="auto",
        choices=("auto", "32", "bf16"),
        help="of convolutions (default: what is fast here)",
    )
    add(
        "--threads",
        type=int,
        metavar="N",
        help="CPU threads (default: OMP_NUM_THREADS, else all cores); changes the last bits",
    )
    add("--dry-run", action="store_true", help="show cells, stages and their estimated time; do nothing")
    add("--no-baseline", action="store_true", help="without the control row random and the trivial rows")
    add("--force", action="store_true", help="run finished cells again; their pretraining is kept")
    return parser


def series_flag(parser: argparse.ArgumentParser) -> None:
    """The flag that says what a series is, where a folder leaves it open."""
    parser.add_argument(
        "--series-from",
        metavar="REGEX",
        help="of which series an image is: what REGEX finds in its path (its first group, else all)",
    )
