"""``verify``: were records damaged or edited? With ``--rescore`` their predictions are scored again."""

from __future__ import annotations

from pathlib import Path

from inkbench.benchmark.cli.flags import Parser, common
from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.progress import Progress
from inkbench.benchmark.running.verify import Again, check
from inkbench.benchmark.store.store import Store


def verify(words: list[str]) -> int:
    """Check records and print the findings; gives 1 where there are any. Raises UsageError without records."""
    parser = Parser(
        prog="run_benchmark.py verify",
        description="Check that records were not damaged or edited; exit status 1 if one was.",
        parents=[common()],
        allow_abbrev=False,
    )
    parser.add_argument(
        "what",
        nargs="*",
        metavar="RESULTS|RUN|METHOD",
        help="results folder (first), starts of run IDs, methods (default: every record of --results)",
    )
    parser.add_argument("--rescore", action="store_true", help="also score the stored predictions again")
    flags = parser.parse_args(words)
    folder, wanted = flags.results, list(flags.what)
    if wanted and Path(wanted[0]).is_dir():
        folder = Path(wanted.pop(0))
    if not (folder / "cells").is_dir():
        raise UsageError(f"{folder} is no results folder; name one: verify DIR")
    return check(Store(folder), wanted, _again(folder, flags.quiet) if flags.rescore else None)


def _again(folder: Path, quiet: bool) -> Again:
    from inkbench.benchmark.running.verify_again import ScoredAgain

    return ScoredAgain(Store(folder), Progress(quiet))
