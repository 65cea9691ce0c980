"""``submit pack | check | score`` from the command line: results to standard output, the rest to standard error."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from dataclasses import asdict

from benchmark.store import Store
from submissions import check as checking
from submissions import pack as packing
from submissions import score as scoring
from submissions.maps import Spec
from tasks.metrics import saliency


def pack(flags: Namespace) -> int:
    """``submit pack CELL --out X.zip``: prints the zip's path."""
    store = Store(flags.results)
    manifest = packing.pack(store, store.find(flags.cell), flags.out, Spec(flags.format, flags.floor))
    said = f"{len(manifest['files'])} maps of cell {manifest['cell']}, {manifest['zip']['bytes']:,} bytes"
    print(f"{said}; manifest {packing.manifest_path(flags.out)}", file=sys.stderr)
    print(flags.out)
    return 0


def check(flags: Namespace) -> int:
    """``submit check X.zip [--reference DIR]``: prints the findings; 1 where one is an error."""
    findings = checking.check(flags.zip, flags.reference, flags.split, flags.strict)
    if flags.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1, ensure_ascii=False))
    else:
        for finding in findings:
            print(finding)
    errors = sum(finding.level == "error" for finding in findings)
    print(f"{flags.zip}: {errors} errors, {len(findings) - errors} warnings", file=sys.stderr)
    return int(errors > 0)


def score(flags: Namespace) -> int:
    """``submit score X.zip --reference DIR``: prints the metrics, as a table or as JSON ``{metric: value}``."""
    items = scoring.score_zip(flags.zip, flags.reference, flags.split, flags.task, flags.strict)
    figures = saliency.aggregate(items)
    if flags.json:
        print(json.dumps(figures, indent=1))
        return 0
    counts, width = saliency.counts(items), max(map(len, figures))
    print(f"{'metric':{width}}  {'value':>9}  {'n':>5}")
    for name, value in figures.items():
        print(f"{name:{width}}  {value:9.4f}  {counts[name]:5d}")
    return 0
