"""Files that an annotation names: found below the dataset's folder, never outside of it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from benchmark.errors import Refusal, brief

LONGEST_NAME, LONGEST_PATH = 255, 1024


def below(folder: Path, name: str, where: str) -> Path:
    """``folder/name``, which need not be there. Raises Refusal, naming ``where``, for what is no name of a file below.

    Backslashes are taken for slashes: annotations are made on Windows too.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    why = None
    if not path.name:
        why = "is no name of a file"
    elif path.is_absolute() or ".." in path.parts:
        why = "leads out of the dataset's folder; give the path below it"
    elif any(ord(sign) < 32 or 0xD800 <= ord(sign) < 0xE000 for sign in name):
        why = "holds signs that no file's name has"
    elif len(str(path).encode()) > LONGEST_PATH or any(len(part.encode()) > LONGEST_NAME for part in path.parts):
        why = "is longer than the name of a file can be"
    if why:
        raise Refusal(f"{where}: {brief(name)} {why}")
    return folder / path
