"""Sixty archives that nobody means well with: zips of predictions, bundles, gzipped tars; each is made by its name."""

import gzip
import io
import json
import os
import shutil
import stat
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from hostile_names import NAMES
from submission_data import good, npy_bytes, npz_bytes

TRAVERSAL = (
    "../out.png",
    "/tmp/inkbench-out.png",
    "a/../../out.png",
    "..\\out.png",
    "C:\\out.png",
    "\\\\host\\out.png",
)
MIB = 2**20


# --- zips of predictions
def zipped(path: Path, entries, files=None) -> Path:
    """A flawless zip and further entries: (name, bytes) or (name, bytes, mode)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, data in (good() if files is None else files).items():
            file.writestr(name, data)
        for name, data, *mode in entries:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if mode:
                info.external_attr = mode[0] << 16
            file.writestr(info, data)
    return path


def changed(path: Path, change: Callable[[bytearray], None]) -> Path:
    data = bytearray(zipped(path, []).read_bytes())
    change(data)
    path.write_bytes(data)
    return path


def long_list(data: bytearray) -> None:
    """An end that says that the list has 4 GiB."""
    data[-10:-6] = struct.pack("<L", 2**32 - 2)


def lying(data: bytearray) -> None:
    """Sizes that are not those of the bytes."""
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<L", 2**31)


def overlapping(data: bytearray) -> None:
    """All entries begin where the first one does."""
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        data[at + 42 : at + 46] = bytes(4)
        at = data.find(b"PK\x01\x02", at + 1)


ZIPS: dict[str, Callable[[Path], Path]] = {
    **{
        f"zip with {name!r}": lambda path, name=name: zipped(path, [(name, b"x")])
        for name in (*TRAVERSAL, ".", "x" * 300 + ".png", "a/" * 600 + "b.png", *NAMES[:3], NAMES[4], NAMES[9])
    },
    "zip with a link": lambda path: zipped(path, [("up.png", b"/etc/passwd", stat.S_IFLNK | 0o777)]),
    "zip with a device": lambda path: zipped(path, [("up.png", b"", stat.S_IFCHR | 0o777)]),
    "zip with a name twice": lambda path: zipped(path, [("Yves_01.png", b"x")]),
    "zip with a file that is a folder": lambda path: zipped(path, [("Yves_01.png/a", b"x")]),
    "zip with folder entries": lambda path: zipped(path, [("maps/", b""), ("../maps/", b"")]),
    "zip with code": lambda path: zipped(path, [("metadata", b"command: touch out")]),
    "zip bomb of one entry": lambda path: zipped(path, [("b.npy", bytes(64 * MIB))]),
    "zip bomb of small entries": lambda path: zipped(path, [(f"{k}.npy", bytes(8 * MIB)) for k in range(40)]),
    "zip of 30,000 entries": lambda path: zipped(path, [(f"{k}.png", b"") for k in range(30_000)]),
    "zip with an endless list": lambda path: changed(path, long_list),
    "zip that lies": lambda path: changed(path, lying),
    "zip whose entries overlap": lambda path: changed(path, overlapping),
    "zip with a huge array's head": lambda path: zipped(path, [("Yves_03.npy", head_of((2**31, 2**31)))]),
    "zip with a pickle": lambda path: zipped(path, [("Yves_03.npy", npy_bytes(np.array([{}]), allow_pickle=True))]),
    "zip in a zip": lambda path: zipped(path, [("x.zip", zipped(path.with_suffix(".in"), []).read_bytes())]),
    "a pipe called zip": lambda path: os.mkfifo(path) or path,
    "a folder called zip": lambda path: path.mkdir() or path,
}


def head_of(shape) -> bytes:
    """The head of an array that promises a shape."""
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


# --- bundles
def bundle_with(part: str, entries) -> Callable[[Path, Path], Path]:
    """A bundle whose zip ``part`` has further entries."""

    def make(whole: Path, path: Path) -> Path:
        shutil.copytree(whole, path)
        with zipfile.ZipFile(path / f"{part}.zip") as file:
            files = {name: file.read(name) for name in file.namelist()}
        for name, *_ in entries:
            files.pop(name, None)
        zipped(path / f"{part}.zip", entries, files)
        return path

    return make


def told(**changes) -> Callable[[Path, Path], Path]:
    """A bundle whose ``reference.json`` says something else."""

    def make(whole: Path, path: Path) -> Path:
        with zipfile.ZipFile(whole / "reference_data.zip") as file:
            said = json.loads(file.read("reference.json")) | changes
        return bundle_with("reference_data", [("reference.json", json.dumps(said).encode())])(whole, path)

    return make


def as_folder(change: Callable[[Path], object]) -> Callable[[Path, Path], Path]:
    """A bundle whose reference is a folder, which ``change`` spoils."""

    def make(whole: Path, path: Path) -> Path:
        shutil.copytree(whole, path)
        with zipfile.ZipFile(path / "reference_data.zip") as file:
            file.extractall(path / "reference_data")
        change(path / "reference_data")
        return path

    return make


def npz_of(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, data)
    return buffer.getvalue()


BUNDLES: dict[str, Callable[[Path, Path], Path]] = {
    **{f"bundle with {name!r}": bundle_with("reference_data", [(name, b"x")]) for name in TRAVERSAL[:3]},
    "bundle with a link": bundle_with("reference_data", [("up", b"/etc/passwd", stat.S_IFLNK | 0o777)]),
    "bundle with folder entries": bundle_with("reference_data", [("more/", b"")]),
    "bundle with an empty command": bundle_with("scoring_program", [("metadata.yaml", b"command: ''")]),
    "bundle with a command": bundle_with("scoring_program", [("metadata.yaml", b"command: touch PWNED")]),
    "bundle of a bomb": bundle_with("reference_data", [("x", bytes(300 * MIB))]),
    "bundle whose array lies": bundle_with(
        "reference_data", [("truths.npz", npz_of("map.npy", head_of((2**31, 2**20))))]
    ),
    "bundle whose array pickles": bundle_with(
        "reference_data", [("truths.npz", npz_bytes(map=np.ones(3)) + b"x"), ("more.npy", b"")]
    ),
    "bundle of other shapes": bundle_with(
        "reference_data", [("truths.npz", npz_bytes(**{"map": np.ones(9), "map.shape": np.full((4, 2), -3)}))]
    ),
    "bundle of too many truths": bundle_with(
        "reference_data", [("truths.npz", npz_bytes(**{"map.shape": np.zeros((10**6, 2), np.int64)}))]
    ),
    "bundle of no truth": bundle_with("reference_data", [("truths.npz", npz_bytes(x=np.ones(3)))]),
    "bundle of another task": told(task="detection"),
    "bundle of a module": told(task="os"),
    "bundle of a file": told(task="/tmp/evil.py:Evil"),
    "bundle of strange options": told(options={"modes": [[]], "__class__": 1}),
    "bundle of no items": told(items={"id": []}),
    "bundle of unlike items": told(items={"id": ["a"], "series": []}),
    "bundle of deep JSON": bundle_with("reference_data", [("reference.json", b"[" * 200_000)]),
    "bundle with a link in a folder": as_folder(lambda folder: (folder / "up").symlink_to("/etc")),
    "bundle with a pipe in a folder": as_folder(lambda folder: os.mkfifo(folder / "pipe")),
}


# --- gzipped tars
def tarred(path: Path, *members) -> Path:
    """A tar of (name, bytes) and (name, bytes, type)."""
    with tarfile.open(path, "w:gz") as file:
        for name, data, *kind in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            if kind:
                info.type, info.linkname, info.size = kind[0], "/etc/passwd", 0
            file.addfile(info, io.BytesIO(data))
    return path


def header_of(size: int, kind: bytes) -> Callable[[Path], Path]:
    """A tar whose first header is of a kind and says that it has so many bytes."""

    def make(path: Path) -> Path:
        info = tarfile.TarInfo("x")
        info.type, info.size = kind, size
        with gzip.open(path, "wb") as file:
            file.write(info.tobuf(tarfile.GNU_FORMAT))
            for _ in range(64):
                file.write(bytes(MIB))
        return path

    return make


TARS: dict[str, Callable[[Path], Path]] = {
    **{f"tar with {name!r}": lambda path, name=name: tarred(path, ("a", b"1"), (name, b"x")) for name in TRAVERSAL[:4]},
    "tar with a link": lambda path: tarred(path, ("a", b"", tarfile.SYMTYPE), ("a/b", b"x")),
    "tar with a hard link": lambda path: tarred(path, ("a", b"", tarfile.LNKTYPE)),
    "tar with a device": lambda path: tarred(path, ("a", b"", tarfile.CHRTYPE)),
    "tar with a pipe": lambda path: tarred(path, ("a", b"", tarfile.FIFOTYPE)),
    "tar with a name twice": lambda path: tarred(path, ("a", b"1"), ("./a", b"2")),
    "tar of a bomb": lambda path: tarred(path, ("a", bytes(64 * MIB))),
    "tar with a huge long name": header_of(2**40, tarfile.GNUTYPE_LONGNAME),
    "tar with a huge header": header_of(2**40, tarfile.XHDTYPE),
    "tar that is cut": lambda path: path.write_bytes(tarred(path, ("a", bytes(MIB))).read_bytes()[:600]) and path,
}
TOTAL = len(ZIPS) + len(BUNDLES) + len(TARS)
