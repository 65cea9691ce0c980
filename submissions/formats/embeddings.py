"""Features or ranked lists of characters as one file.

- ``npz``: ``embeddings.npz`` with ``id`` (N,) text and ``embedding`` (N, D) float32.
- ``npy``: ``embeddings.npy`` (N, D) float32 and, beside it, ``ids.csv``, an id a line.
- ``csv``: ``embeddings.csv``, lines ``id,number,number,...``.
- ``ranked``: ``rankings.json``, a dictionary ``{query: [nearest, next, ...]}`` of ids. Who is not listed was not found.
  Figures that need distances (clusters, pairs) have no value then.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from inkbench.benchmark.contracts.prediction_format import PredictionFormat
from inkbench.benchmark.errors import UsageError, plural
from inkbench.submissions.findings import Finding, Report, few
from inkbench.submissions.formats.coco_file import load_json
from inkbench.submissions.formats.files import Files
from inkbench.submissions.formats.names import Names
from inkbench.submissions.formats.npy import load_npy, load_npz
from inkbench.submissions.formats.ranked import examine_rankings, write_rankings
from inkbench.submissions.formats.reading import Options, Prediction, Truths, bytes_of, read_folder
from inkbench.submissions.formats.spec import Spec
from inkbench.submissions.formats.texts import text_of

FORMS = ("npz", "npy", "csv", "ranked")
ABOUT = """One file. embeddings.npz with id and embedding, one vector an item, compared by Euclidean distance; or
embeddings.npy with ids.csv; or embeddings.csv, lines of id,number,number,...; or rankings.json, {query: [nearest, next,
...]}, where who is not listed is not found."""
IDS = "ids.csv"
WANTED = "embeddings.npz, embeddings.npy with ids.csv, embeddings.csv or rankings.json"


def read(
    source: Path, ids: Sequence[str], truths: Truths, options: Options, findings: list[Finding] | None = None
) -> list[Prediction]:
    """Read for each item ``embedding`` (D,) float, or ``ranking`` (k,), places in ``ids`` of the items it ranks."""
    return read_folder(examine, source, ids, truths, options, findings)


def examine(
    files: Files, ids: Sequence[str] | None, truths: Truths | None, options: Options, report: Report
) -> Iterator[tuple[str, Prediction]]:
    """Yield the vector or list of every item; faults go into ``report``."""
    del truths, options
    name = _the_file(files, report)
    data = None if name is None else bytes_of(files, name, report)
    if name is None or data is None:
        return
    if name.lower().endswith(".json"):
        yield from examine_rankings(name, load_json(name, data, report), ids, report)
        return
    try:
        found, vectors = _vectors(name, data, files)
    except Exception as problem:  # zipfile, numpy and csv raise errors of many kinds on hostile files
        said = " ".join(str(problem).split()) or type(problem).__name__
        report.error(name, f"cannot be read ({said})", f"write {WANTED}")
        return
    if vectors.ndim != 2 or vectors.dtype.kind not in "fiu" or len(vectors) != len(found) or not vectors.size:
        text = f"has {len(found)} ids and vectors {vectors.dtype} of shape {vectors.shape}"
        report.error(name, text, "write one id and one vector of numbers per item")
        return
    yield from _of_items(name, found, vectors, ids, report)


def _the_file(files: Files, report: Report) -> str | None:
    found = []
    for name in files.names:
        if PurePosixPath(name).suffix.lower() in (".npz", ".npy", ".json", ".csv"):
            if PurePosixPath(name).name != IDS:
                found.append(name)
        else:
            report.tolerated(name, "is not a file of embeddings", f"pack {WANTED}")
    if len(found) != 1:
        text = "are several files of embeddings" if found else "contains no embeddings"
        report.error(", ".join(found) or files.whole, text, f"give {WANTED}")
        return None
    return found[0]


def _vectors(name: str, data: bytes, files: Files) -> tuple[list[str], np.ndarray]:
    """Read ids and vectors of a file. Raises ValueError, and whatever a decoder raises."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix == ".npz":
        arrays = load_npz(data)
        if not {"id", "embedding"} <= set(arrays):
            raise ValueError(f"it holds {', '.join(arrays) or 'nothing'}, not id and embedding")
        return [str(item) for item in arrays["id"].ravel()], arrays["embedding"]
    if suffix == ".npy":
        beside = next((other for other in files.names if PurePosixPath(other).name == IDS), None)
        if beside is None:
            raise ValueError(f"there is no {IDS} next to it")
        return [line[0] for line in _lines(files.read(beside))], load_npy(data)
    lines = _lines(data)
    if lines and lines[0][0] == "id":
        lines = lines[1:]
    if len({len(line) for line in lines}) > 1:
        raise ValueError("its lines have different numbers of columns")
    return [line[0] for line in lines], np.array([[float(cell) for cell in line[1:]] for line in lines])


def _lines(data: bytes) -> list[list[str]]:
    return [line for line in csv.reader(io.StringIO(text_of(data))) if line]


def _of_items(
    name: str, found: Sequence[str], vectors: np.ndarray, ids: Sequence[str] | None, report: Report
) -> Iterator[tuple[str, Prediction]]:
    """Yield the vectors by item, after their faults are reported."""
    names = None if ids is None else Names(ids)
    rows: dict[str, int] = {}
    extra, twice = [], []
    for row, known in enumerate(found):
        item = known if names is None else names.find(known)
        if item is None:
            extra.append(known)
        elif item in rows:
            twice.append(known)
        else:
            rows[item] = row
    if twice:
        report.error(name, f"{plural(len(twice), 'duplicate id')}: {few(twice)}", "write one vector per item")
    if extra:
        text = f"{plural(len(extra), 'vector')} of items that are not in the reference: {few(extra)}"
        report.tolerated(name, text, "leave them out")
    missing = [item for item in ids or () if item not in rows]
    if missing:
        report.error(name, f"{len(missing)} of {len(ids or ())} items missing: {few(missing)}", "embed every item")
    wrong = sorted(item for item, row in rows.items() if not np.isfinite(vectors[row]).all())
    if wrong:
        text = f"{plural(len(wrong), 'vector')} with NaN or infinite values: {few(wrong)}"
        report.error(name, text, "write finite numbers")
    elif len(vectors) > 1 and (vectors == vectors[0]).all():
        report.warning(name, "is constant: all vectors are the same", "embed the images")
    if not report.errors:
        yield from ((item, {"embedding": vectors[row]}) for item, row in rows.items())


def write(
    items: Mapping[str, np.ndarray], predictions: Sequence[Prediction], options: Options, spec: Spec
) -> dict[str, bytes]:
    """Write one file of all vectors, as they were predicted, or of the lists that they rank. Raises UsageError."""
    del options
    form = spec.form_of(FORMS, "reid")
    ids = [str(item) for item in items["id"]]
    vectors = np.stack([prediction["embedding"] for prediction in predictions])
    if form == "ranked":
        return {spec.path_of("rankings.json"): write_rankings(ids, vectors)}
    if form == "csv":
        rows = zip(map(_cell, ids), vectors.tolist(), strict=True)
        text = "".join(f"{item},{','.join(map(repr, row))}\n" for item, row in rows)
        return {spec.path_of("embeddings.csv"): text.encode()}
    if form == "npy":
        listed = "".join(f"{_cell(item)}\n" for item in ids)
        return {spec.path_of("embeddings.npy"): _npy(vectors), spec.path_of(IDS): listed.encode()}
    return {spec.path_of("embeddings.npz"): _npz(vectors, ids)}


def _cell(item: str) -> str:
    if '"' in item or "\n" in item:
        raise UsageError(f"item {item!r} cannot be written to CSV; use another format")
    return f'"{item}"' if "," in item else item


def _npy(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(values), allow_pickle=False)
    return buffer.getvalue()


def _npz(vectors: np.ndarray, ids: Sequence[str]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, embedding=vectors, id=np.array(ids))
    return buffer.getvalue()


FORMAT = PredictionFormat(FORMS, ABOUT, read, examine, write)
