"""``submit ...`` from the command line: results to standard output, the rest to standard error."""

from __future__ import annotations

import hashlib
import json
import sys
from argparse import Namespace
from contextlib import nullcontext
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from inkbench.benchmark import escaping, registry, regular
from inkbench.benchmark.cli.launch import pair
from inkbench.benchmark.data.files import images_below
from inkbench.benchmark.errors import UsageError, plural
from inkbench.benchmark.progress import Progress, complain
from inkbench.benchmark.store.files import write_atomic
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store
from inkbench.leaderboards import build, render
from inkbench.submissions import bundle as bundling
from inkbench.submissions import check as checking
from inkbench.submissions import leaderboard as boards
from inkbench.submissions import pack as packing
from inkbench.submissions import score as scoring
from inkbench.submissions.findings import few
from inkbench.submissions.formats.spec import SPECS
from inkbench.submissions.reference import Asked, form_of, read_reference, task_of, the_task
from inkbench.submissions.server import fitting, is_bundle, truth_of

MOST_MANIFEST = 64 * 2**20
"""Bytes of a manifest."""


def pack(flags: Namespace) -> int:
    """Run ``submit pack RUN --out X.zip``: print the zip's path."""
    store = Store(flags.results)
    spec, told = SPECS[flags.spec]
    given = {"form": flags.format, "floor": flags.floor, "depth": flags.depth, "size": flags.size}
    given |= {"names": flags.names, "folder": flags.folder}
    spec = replace(spec, **{name: value for name, value in given.items() if value is not None})
    record = store.find(flags.run)
    predict = partial(_predicted, store, record, flags.images, Progress(flags.quiet)) if flags.images else None
    manifest = packing.pack(store, record, flags.out, spec, told, predict)
    said = f"{plural(len(manifest['files']), 'file')} of run {manifest['cell']}, {manifest['zip']['bytes']:,} bytes"
    print(f"{said}; manifest {packing.manifest_path(flags.out)}", file=sys.stderr)
    print(flags.out)
    return 0


def _predicted(store: Store, record: Record, folder: Path, progress: Progress) -> packing.Found:
    """Predict with the network of a run on the images of a folder; name those that cannot be read."""
    from inkbench.benchmark.running.predict import predict_folder

    items, predictions = predict_folder(store, record, folder, progress)
    known = set(items["id"].tolist())
    names = [file.relative_to(folder).with_suffix("").as_posix() for file in images_below(folder)]
    lost = [name for name in names if name not in known]
    if lost:
        complain(f"left out, cannot be read: {plural(len(lost), 'image')}, {few(lost)}")
    return items, predictions


def check(flags: Namespace) -> int:
    """Run ``submit check X.zip [--reference DIR]``: print the findings; return 1 where one is an error."""
    asked = asked_of(flags)
    known: checking.Known | None = None
    if is_bundle(flags.reference or ""):
        known = truth = truth_of(Path(flags.reference))
        form, options = form_of(task_of(truth, asked)), truth.read_options
    elif flags.reference:
        known = reference = read_reference(asked)
        form, options = form_of(reference.task), reference.read_options
    else:
        task = the_task(asked)
        form, options = form_of(task), task.score_options()
    with fitting(Path(flags.reference)) if is_bundle(flags.reference or "") else nullcontext():
        findings = checking.check(flags.zip, form, options, known, flags.strict)
    if flags.json:
        print(escaping.json([asdict(finding) for finding in findings]))
    else:
        for finding in findings:
            print(finding)
    errors = sum(finding.level == "error" for finding in findings)
    complain(f"{flags.zip}: {plural(errors, 'error')}, {plural(len(findings) - errors, 'warning')}")
    return int(errors > 0)


def score(flags: Namespace) -> int:
    """Run ``submit score X.zip --reference DIR``: print the metrics, as a table or as JSON ``{metric: value}``."""
    if is_bundle(flags.reference):
        scores = scoring.score_with_bundle(flags.zip, Path(flags.reference), flags.run_bundle)
    elif flags.run_bundle:
        raise UsageError(f"--run-bundle runs the program of a bundle, and {flags.reference} is no bundle's folder")
    else:
        scores = scoring.score(flags.zip, read_reference(asked_of(flags)), flags.strict)
    if flags.items:
        write_atomic(flags.items, scores.items.encode())
    for note in scores.notes:
        complain(note)
    if flags.json:
        print(escaping.json({name: entry["value"] for name, entry in scores.metrics.items()}))
        return 0
    width = max(map(len, scores.metrics))
    print(f"{'metric':{width}}  {'value':>9}  {'n':>5}")
    for name, entry in scores.metrics.items():
        print(escaping.terminal(f"{name:{width}}  {entry['value']:z9.4f}  {entry['n']:5d}"))
    return 0


def bundle(flags: Namespace) -> int:
    """Run ``submit bundle --flavor F --task T --reference DIR --out DIR``: print the path of the zip to upload."""
    names = bundling.bundle(read_reference(asked_of(flags)), flags.flavor, flags.out)
    print(
        f"{plural(len(names), 'file')} in {flags.out}; upload the zip, or score with --reference {flags.out}",
        file=sys.stderr,
    )
    print(f"{flags.out}.zip")
    return 0


def leaderboard(flags: Namespace) -> int:
    """Run ``submit leaderboard DIR --reference DIR``: print the table; return 1 where a submission has no score."""
    store = Store(flags.results / "submissions")
    reference = read_reference(asked_of(flags))
    table, failed = boards.leaderboard(flags.folder, reference, store, flags.preset, flags.strict)
    print(render.RENDERERS[flags.format](table), end="" if flags.format == "csv" else "\n")
    print(f"table: {build.write(store, table)}", file=sys.stderr)
    return int(failed > 0)


def asked_of(flags: Namespace) -> Asked:
    """Return the task and reference to score against: from the flags, else from the manifest beside the zip."""
    sets = tuple(pair(text) for text in flags.set)
    asked = Asked(flags.task or "saliency", str(flags.reference or ""), flags.split, sets, flags.preset, flags.results)
    packed = _manifest(flags.zip) if "zip" in flags else None
    if packed is None or flags.task not in (None, packed["task"]):
        return asked
    asked = replace(asked, task=packed["task"])
    own = any(key.partition(".")[0] == packed["task"] for key, _ in sets)
    if own:
        return asked
    return replace(asked, settings=packed["settings"], calibration=packed.get("calibration", {}))


def _manifest(zip_path: Path) -> dict[str, Any] | None:
    """Return the manifest beside a zip, where there is one, it is of these very bytes and of a task known here."""
    try:
        manifest = json.loads(regular.read(packing.manifest_path(zip_path), MOST_MANIFEST))
        with regular.opened(zip_path) as file:
            same = manifest["zip"]["sha256"] == hashlib.file_digest(file, "sha256").hexdigest()
        known = manifest["task"] in registry.names("tasks")
        kinds = isinstance(manifest["settings"], dict) and isinstance(manifest.get("calibration", {}), dict)
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return manifest if same and known and kinds else None
