"""Forty and more malformed zips, one a rule: each refused in its own words, nothing written but in the scratch."""

import contextlib
import io
import json
import re
import stat
import warnings
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from submission_data import gaze_folder, good, image_bytes, json_bytes, npy_bytes, npz_bytes, zipped

from inkbench.benchmark.archives.members import Limits
from inkbench.benchmark.archives.sources import Zip
from inkbench.benchmark.errors import UsageError
from inkbench.submissions import program
from inkbench.submissions.check import check
from inkbench.submissions.findings import Report
from inkbench.submissions.formats.names import flat
from inkbench.submissions.formats.npy import load_npz
from inkbench.submissions.formats.spec import Spec
from inkbench.submissions.reference import Asked, form_of, read_reference
from inkbench.submissions.score import score, score_here

RNG = np.random.default_rng(0)
A_MAP = good()["Yves_01.png"]
NO_PNG = {"Yves_01.png": None}
DEEP = image_bytes(RNG.integers(0, 65536, (20, 20)).astype(np.uint16))
RAMP = np.stack([np.arange(400).reshape(20, 20) % 256] * 3, 2).astype(np.uint8)
JET = image_bytes(RAMP * np.array([1, 0, 1], dtype=np.uint8))
GREYS = image_bytes(RAMP)
RGBA = image_bytes(RNG.integers(0, 256, (20, 20, 4)).astype(np.uint8))
NOISE = RNG.integers(0, 256, (20, 20)).astype(np.uint8)
HUGE_HEAD = b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (9999999, 9999999)}".ljust(
    118
)


def maps(**changes):
    return lambda _: good(**changes)


def coco(*entries, **files):
    """A results list of the given entries, each a correct one with some keys changed or (...) left out."""
    right = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 40], "score": 0.5}
    rows = [{key: value for key, value in {**right, **entry}.items() if value is not ...} for entry in entries]
    return lambda _: {"predictions.json": json_bytes(rows), **files}


def features(change):
    """Right embeddings, changed: ``change(ids, vectors)`` gives the arrays of the npz."""

    def build(reference):
        ids, vectors = list(reference.ids), np.random.default_rng(1).standard_normal((len(reference.ids), 4))
        return {"embeddings.npz": npz_bytes(**change(ids, vectors))}

    return build


def rankings(change):
    return lambda reference: {"rankings.json": json_bytes(change(list(reference.ids)))}


def faces(change):
    """Right faces, the first one changed by ``change(pixels)`` into the bytes of a file."""

    def build(reference):
        files = form_of(reference.task).write(
            {"id": np.array(reference.ids)}, [{"face": truth["face"]} for truth in reference.truths], {}, Spec()
        )
        first = f"{flat(reference.ids[0])}.png"
        changed = change(reference.truths[0]["face"])
        return {**files, first: changed} if changed is not None else {n: d for n, d in files.items() if n != first}

    return build


def nan_at(vectors):
    vectors[0, 0] = np.nan
    return vectors


COMIX = {"images": [{"id": 1, "file_name": "a"}], "categories": [{"id": 1, "name": "face"}], "annotations": []}
ERROR, MENDED = "error", "warning"
CASES = [
    # any zip
    ("saliency", maps(**{"../up.png": A_MAP}), "../up.png", "path traversal: the name climbs out", ERROR),
    ("saliency", maps(**{"/etc/up.png": A_MAP}), "/etc/up.png", r"absolute path \(path traversal\)", ERROR),
    ("saliency", lambda _: {f"res\\{n}": d for n, d in good().items()}, "", "backslash", MENDED),  # as .NET packs
    ("saliency", maps(**{"a\\..\\up.png": A_MAP}), "a\\..\\up.png", "path traversal: the name climbs", ERROR),
    ("saliency", maps(**{"maps/up.png": A_MAP}), "maps/up.png", "is in a folder", ERROR),
    ("saliency", lambda _: {f"res/{n}": d for n, d in good().items()}, "res/", "enclosing folder", MENDED),
    (
        "saliency",
        maps(**{"__MACOSX/._Yves_01.png": b"x"}),
        "__MACOSX/._Yves_01.png",
        "a file of the operating system",
        MENDED,
    ),
    ("saliency", maps(metadata=b"command: rm"), "metadata", "run as code", ERROR),
    # maps
    ("saliency", lambda _: {}, "the zip", "contains no map", ERROR),
    ("saliency", maps(**{"readme.txt": b"hello"}), "readme.txt", "is not a map", MENDED),
    ("saliency", maps(**{"Yves_01.npy": npy_bytes(np.eye(20))}), "Yves_01.png", "is a duplicate of Yves_01", ERROR),
    ("saliency", maps(**NO_PNG), "Yves_01", "1 of 4 maps missing", ERROR),
    ("saliency", maps(**{"Yves_09.png": A_MAP}), "Yves_09.png", "1 map of images that are not", MENDED),
    ("saliency", maps(**NO_PNG, **{"yves_01.png": A_MAP}), "yves_01.png", "differs in case from Yves_01", ERROR),
    ("saliency", maps(**{"Yves_01.png": image_bytes(NOISE[:10])}), "Yves_01.png", "is 20 x 10 pixels, the", MENDED),
    ("saliency", maps(**{"Yves_01.png": DEEP}), "Yves_01.png", "is 16-bit, which servers", MENDED),
    ("saliency", maps(**{"Yves_01.png": RGBA}), "Yves_01.png", "is RGBA: its colours and its transparency", ERROR),
    (
        "saliency",
        maps(**{"Yves_01.png": JET}),
        "Yves_01.png",
        "is RGB, not greyscale: it does not say which value",
        ERROR,
    ),
    ("saliency", maps(**{"Yves_01.png": GREYS}), "Yves_01.png", "is RGB, not greyscale; its channels", MENDED),
    ("saliency", maps(**NO_PNG, **{"Yves_01.jpg": image_bytes(NOISE, "JPEG")}), "Yves_01.jpg", "is a JPEG", MENDED),
    ("saliency", maps(**{"Yves_01.png": A_MAP[:70]}), "Yves_01.png", "cannot be read", ERROR),
    (
        "saliency",
        maps(**NO_PNG, **{"Yves_01.npy": npy_bytes(np.full((20, 20), np.nan, np.float32))}),
        *("Yves_01.npy", "400 of 400 values are NaN", ERROR),
    ),
    (
        "saliency",
        maps(**NO_PNG, **{"Yves_01.npy": npy_bytes(np.array([{}]), allow_pickle=True)}),
        *("Yves_01.npy", "cannot be read .*allow_pickle", ERROR),
    ),
    ("saliency", maps(**NO_PNG, **{"Yves_01.npy": npy_bytes(np.ones(9))}), "Yves_01.npy", r"of shape \(9,\)", ERROR),
    ("saliency", maps(**NO_PNG, **{"Yves_01.npy": HUGE_HEAD}), "Yves_01.npy", "its header announces", ERROR),
    (
        "saliency",
        maps(**NO_PNG, **{"Yves_01.npy": npy_bytes(np.log(np.full((20, 20), 1 / 400) + np.eye(20) / 1e9))}),
        *("Yves_01.npy", "looks like a log-density", ERROR),
    ),
    # boxes
    ("detection", lambda _: {"readme.txt": b""}, "the zip", "contains no file of boxes", ERROR),
    ("detection", coco({}, **{"b.csv": b""}), "b.csv, predictions.json", "are several files of boxes", ERROR),
    ("detection", lambda _: {"x.json": b"{]"}, "x.json", "is not JSON", ERROR),
    ("detection", lambda _: {"x.json": b"{}"}, "x.json", "without annotations", ERROR),
    ("detection", coco({}, {"score": ...}), "predictions.json", "lacks score", ERROR),
    ("detection", coco({}, {"bbox": [1, 2, 3]}), "predictions.json", "not four numbers", ERROR),
    ("detection", coco({}, {"bbox": [9, 9, -3, 4]}), "predictions.json", "bbox of -3 x 4", ERROR),
    ("detection", coco({}, {"score": float("nan")}), "predictions.json", "corner or score that is NaN", ERROR),
    ("detection", coco({}, {"category_id": 7}), "predictions.json", "category_id 7; there are 1 face", ERROR),
    # a number of no image: they are no places, so those that seem to be one may mean other images
    ("detection", coco({}, {"image_id": 9999}), "predictions.json", "images that are not in the ref.*9999", ERROR),
    ("detection", coco({}, {"image_id": "q.png"}), "predictions.json", "images that are not in the ref.*q", MENDED),
    ("detection", coco({}, {"image_id": 0}), "predictions.json", "image numbers begin at 0", ERROR),
    ("detection", coco({"category_id": "panel"}), "predictions.json", "classes that are not scored: panel", ERROR),
    ("detection", lambda _: {"x.json": json_bytes({**COMIX, "images": [1]})}, "x.json", "not a list of id and", ERROR),
    ("detection", lambda _: {"x.csv": b"a,1,2,3,4,face\n"}, "x.csv", "has 6 columns, not 7", ERROR),
    ("detection", lambda _: {"x.csv": b"a,9,2,3,4,face,.5\n"}, "x.csv", "ends before it begins", ERROR),
    # embeddings and ranked lists
    ("reid", lambda _: {"a.npz": b"", "b.csv": b""}, "a.npz, b.csv", "several files of embeddings", ERROR),
    ("reid", features(lambda i, v: {"embedding": v}), "embeddings.npz", "not id and embedding", ERROR),
    ("reid", features(lambda i, v: {"id": i, "embedding": v[1:]}), "embeddings.npz", "ids and vectors", ERROR),
    ("reid", features(lambda i, v: {"id": i[1:], "embedding": v[1:]}), "embeddings.npz", "items missing", ERROR),
    ("reid", features(lambda i, v: {"id": i, "embedding": nan_at(v)}), "embeddings.npz", "1 vector with NaN", ERROR),
    (
        "reid",
        features(lambda i, v: {"id": [*i, i[0]], "embedding": np.vstack([v, v[:1]])}),
        *("embeddings.npz", "1 duplicate id", ERROR),
    ),
    (
        "reid",
        features(lambda i, v: {"id": [*i, "nobody"], "embedding": np.vstack([v, v[:1]])}),
        *("embeddings.npz", "1 vector of items that are not", MENDED),
    ),
    ("reid", lambda _: {"embeddings.npy": npy_bytes(np.eye(3))}, "embeddings.npy", "there is no ids.csv", ERROR),
    ("reid", rankings(lambda ids: [ids]), "rankings.json", "is not a dictionary of lists", ERROR),
    ("reid", rankings(lambda ids: {i: [] for i in ids[1:]}), "rankings.json", "items without a list", ERROR),
    ("reid", rankings(lambda ids: {i: [ids[0]] * 2 for i in ids}), "rankings.json", "ranks an item twice", ERROR),
    ("reid", rankings(lambda ids: {i: ["nobody"] for i in ids}), "rankings.json", "ranks items that are not", ERROR),
    ("reid", rankings(lambda ids: {i: [i] for i in ids}), "rankings.json", "with its own query", MENDED),
    # pictures
    ("inpainting", lambda _: {}, "the zip", "contains no picture", ERROR),
    ("inpainting", faces(lambda face: None), "", "pictures missing", ERROR),
    ("inpainting", faces(lambda face: image_bytes(face[:9])), "", "is 64 x 9 pixels, the truth 64 x 64", ERROR),
    ("inpainting", faces(lambda face: image_bytes(face[..., 0])), "", "is L, not RGB", MENDED),
    (
        "inpainting",
        faces(lambda face: image_bytes(face[..., 0].astype(np.uint16))),
        *("", "is I;16, not RGB, and 16-bit", ERROR),
    ),
]


IN_A_PROCESS = ("is a JPEG", "lacks score", "items without a list", "pictures missing")
"""One of each task is refused by the program in a process of its own, as on a server."""


@pytest.fixture(scope="module")
def all_references(references, tmp_path_factory):
    folder = gaze_folder(tmp_path_factory.mktemp("gaze") / "reference")
    return {**references, "saliency": read_reference(Asked(data=str(folder)))}


def run_here(layout, most_seconds=None, *, task) -> dict:
    """The scoring program in this process, where starting one for every case would take too long."""
    layout.output.mkdir()
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        status = program.main([str(layout.root / "input"), str(layout.output)], task.scorer, task.prediction_format)
    if status:
        assert not list(layout.output.iterdir())
        raise UsageError(said.getvalue().strip())
    return json.loads((layout.output / "details.json").read_text())


def listed(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def watched(tmp_path, monkeypatch):
    """A scratch folder deep below others, where alone something may be written, and a look at all the rest."""
    scratch = tmp_path / "a" / "b" / "scratch"
    scratch.mkdir(parents=True)
    monkeypatch.chdir(scratch)
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    return tmp_path


def refused(path: Path, reference, file: str, message: str, tolerant: str, watched: Path):
    """A zip is found wrong, strictly and tolerantly, and has no score; nothing is a file of the operating system."""
    before = listed(watched)
    for strict, level in ((False, tolerant), (True, ERROR)):
        findings = check(path, form_of(reference.task), reference.options, reference, strict)
        found = [one for one in findings if re.search(message, one.message) and one.file == (file or one.file)]
        assert [(one.level, bool(one.mend)) for one in found] == [(level, True)], findings
    with pytest.raises(UsageError, match=f"(?s)has no score: .*{message}"):
        score(path, reference, strict=True)
    assert listed(watched) == before
    if tolerant == ERROR:
        with pytest.raises(UsageError, match="has no score: error"):
            score_here(path, reference)
    elif reference.task.name != "inpainting":
        assert score_here(path, reference).metrics


@pytest.mark.parametrize(
    ("task", "build", "file", "message", "tolerant"), CASES, ids=[f"{case[0]}: {case[3]}" for case in CASES]
)
def test_malformed_zips(all_references, watched, monkeypatch, task, build, file, message, tolerant):
    reference = all_references[task]
    if message not in IN_A_PROCESS:
        monkeypatch.setattr("inkbench.submissions.score.run", partial(run_here, task=reference.task))
    path = zipped(watched / "x.zip", build(reference))
    refused(path, reference, file, message, tolerant, watched)


def test_every_rule_has_its_own_words():
    messages = [case[3] for case in CASES]
    assert len(set(messages)) == len(messages) >= 40


def crafted(path: Path, name: str, change, data: bytes = A_MAP) -> Path:
    """A flawless zip with one more entry whose ZipInfo is changed."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for other, content in good().items():
            file.writestr(other, content)
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED
        change(info)
        file.writestr(info, data)
    return path


def mode(kind):
    return lambda info: setattr(info, "external_attr", (kind | 0o777) << 16)


def flipped(path: Path, changes) -> Path:
    """A flawless zip with some bytes changed: ``changes(data)``, a bytearray."""
    data = bytearray(zipped(path, good()).read_bytes())
    changes(data)
    path.write_bytes(data)
    return path


def encrypt(data):
    data[data.index(b"PK\x03\x04") + 6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1


def damage(data):
    data[60] ^= 0xFF


def liar(path: Path) -> Path:
    """An entry of 400 x 400 numbers that declares 1000 bytes."""
    files = good(**NO_PNG, **{"Yves_01.npy": npy_bytes(np.random.default_rng(0).random((400, 400)))})
    data = bytearray(zipped(path, files).read_bytes())
    size = len(files["Yves_01.npy"]).to_bytes(4, "little")
    for start in (data.index(size), data.rindex(size)):
        data[start : start + 4] = (1000).to_bytes(4, "little")
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("make", "file", "message"),
    [
        (lambda path: crafted(path, "up.png", mode(stat.S_IFLNK), b"/etc/passwd"), "up.png", "is a symlink"),
        (lambda path: crafted(path, "up.png", mode(stat.S_IFIFO)), "up.png", "is not a regular file"),
        (lambda path: crafted(path, "Yves_01.png", mode(0)), "Yves_01.png", "is a duplicate: 2 entries of this name"),
        (lambda path: crafted(path, ".", mode(0)), ".", "has no name"),
        (lambda path: flipped(path, encrypt), "Placid_01.png", "is encrypted"),
        (lambda path: flipped(path, damage), "Placid_01.png", "cannot be unpacked"),
        (liar, "Yves_01.npy", "unpack"),
    ],
)
def test_zips_whose_entries_are_not_what_they_seem(all_references, watched, make, file, message):
    path = make(watched / "x.zip")
    refused(path, all_references["saliency"], file, message, ERROR, watched)


def test_zip_bombs_are_refused_before_they_are_unpacked(all_references, watched, monkeypatch):
    reference, path = all_references["saliency"], watched / "x.zip"
    monkeypatch.setattr(Zip, "pieces", lambda *_: pytest.fail("a bomb was unpacked"))
    bomb = {"bomb.npy": bytes(32 * 2**20)}
    refused(
        zipped(path, good(**bomb)), reference, "bomb.npy", "zip bomb: unpacks to 1.* times its size", ERROR, watched
    )
    for limits, file, message in (
        (Limits(entries=3), "the zip", "has 4 entries, more than 3"),
        (Limits(total_bytes=100), "the zip", "zip bomb: unpacks to .* bytes, more than 100"),
        (Limits(entry_bytes=50), "Yves_01.png", "zip bomb: unpacks to .* bytes"),
        (Limits(whole_ratio=0, whole_from=100), "the zip", "zip bomb: unpacks to .* bytes, 0 times its size"),
    ):
        monkeypatch.setattr("inkbench.submissions.archive.SUBMISSION", limits)
        refused(zipped(path, good()), reference, file, message, ERROR, watched)


def test_a_bomb_within_an_npz_is_not_unpacked(all_references, watched, monkeypatch):
    reference = all_references["reid"]
    files = {"embeddings.npz": npz_bytes(id=np.array(reference.ids), embedding=np.zeros((len(reference.ids), 4)))}
    monkeypatch.setattr(load_npz, "__defaults__", (Limits(total_bytes=100),))
    path = zipped(watched / "x.zip", files)
    findings = check(path, form_of(reference.task), {}, reference)
    assert [one.file for one in findings] == ["embeddings.npz"]
    assert "unpacks to" in findings[0].message


def test_a_drive_letter_and_a_climb_in_the_middle_are_path_traversal(all_references, watched):
    for name in ("C:up.png", "a/../../up.png"):
        report = check(zipped(watched / "x.zip", good(**{name: A_MAP})), form_of(all_references["saliency"].task), {})
        assert [(one.level, one.file) for one in report] == [(ERROR, name)]
        assert "path traversal" in report[0].message


def test_what_is_no_zip_is_refused(watched, all_references):
    (watched / "x.zip").write_bytes(b"PK")
    for path, message in ((watched / "x.zip", "is not a zip that can be read"), (watched / "no.zip", "no file")):
        with pytest.raises(UsageError, match=message):
            score(path, all_references["saliency"])


def test_a_report_says_the_first_few_errors():
    report = Report()
    for k in range(7):
        report.error(f"{k}.png", "is wrong", "mend it")
    assert report.said().endswith("error: 4.png: is wrong; mend it (and 2 more)")
