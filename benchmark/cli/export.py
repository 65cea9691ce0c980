"""``export``: weights as a folder, and as a repository of the hub."""

from __future__ import annotations

import os
from pathlib import Path

from inkbench.benchmark.cli.flags import Parser, common
from inkbench.benchmark.given.catalogue import mirror
from inkbench.benchmark.store.store import Store

ENDPOINT = "HF_ENDPOINT"
"""Where the hub's client looks for its hub; it reads this when it is imported."""


def export(words: list[str]) -> int:
    """Carry out ``export``; gives the exit status.

    Weights are fetched from the mirror that ``$INKBENCH_WEIGHTS`` may name; what is pushed goes to the hub itself.
    """
    flags = _parser().parse_args(words)
    told = os.environ.get(ENDPOINT)
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    if address := mirror():
        os.environ[ENDPOINT] = address
    from inkbench.benchmark.running.export.folder import Wanted
    from inkbench.benchmark.running.export.folder import export as write

    if told is None:
        os.environ.pop(ENDPOINT, None)
    else:
        os.environ[ENDPOINT] = told
    formats = tuple(part.strip() for part in flags.format.split(","))
    wanted = Wanted(flags.out, formats, flags.push, flags.private, flags.backbone)
    print(write(Store(flags.results), flags.what, wanted))
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog="run_benchmark.py export",
        description="Export a backbone with its card as a folder that timm loads in three lines.",
        parents=[common()],
        allow_abbrev=False,
    )
    parser.add_argument(
        "what", metavar="METHOD|KEY|WEIGHTS", help="method, start of a pretraining key, or given weights (list weights)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="new folder")
    parser.add_argument(
        "--format",
        default="timm",
        metavar="F[,F]",
        help="further files in it: torchvision (its names, as safetensors), onnx",
    )
    parser.add_argument(
        "--push", default="", metavar="REPO", help="repository OWNER/NAME of the Hugging Face hub, or a folder ./DIR"
    )
    parser.add_argument("--private", action="store_true", help="make a new repository private")
    parser.add_argument("--backbone", metavar="NAME", help="the network of given weights, where nothing says it")
    return parser
