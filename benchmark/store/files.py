"""Files that are whole or not there, and hashes of what they hold. Standard library alone: servers run this too."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import socket
from pathlib import Path
from typing import Any


def write_atomic(path: Path, *parts: bytes) -> None:
    """Write ``parts``, one after the other, so that ``path`` is either the old file or the whole new one.

    That holds whatever dies when, the power included: file and folder are both on the disk when this returns. Who may
    read and write it is as the umask and the folder say.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_path(path.parent)
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_result(path: Path, *parts: bytes) -> None:
    """Write as ``write_atomic`` a file of a results folder: a folder that lies in its place is renamed first."""
    if path.is_dir():
        path.rename(path.with_name(f"{path.name}.{secrets.token_hex(4)}.aside"))
    write_atomic(path, *parts)


def temporary_path(folder: Path) -> Path:
    """Return a path that nothing has yet, of a name that tells whose it is: see ``sweep``."""
    return folder / f".{_host()}-{os.getpid()}-{secrets.token_hex(4)}.tmp"


def temporary_folder(home: Path) -> Path:
    """Make a folder in ``home``, for what is put in its place once whole; those of dead processes are removed."""
    home.mkdir(parents=True, exist_ok=True)
    sweep(home)
    folder = temporary_path(home)
    folder.mkdir()
    return folder


def sweep(folder: Path) -> int:
    """Remove what processes of this machine that are dead left half written in ``folder``; gives how many."""
    dead = [path for path in folder.glob(f".{_host()}-*-*.tmp") if not _alive(path.name.split("-")[-2])]
    for path in dead:
        remove(path)
    return len(dead)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with what is in it, never what a link leads to; what cannot be, stays."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    except OSError:
        return


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9]", "", socket.gethostname())[:40] or "localhost"


def _alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (OSError, ValueError, OverflowError):
        return True
    return True


def _sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk, where the file system can do that for a folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` atomically as readable JSON of finite numbers."""
    write_atomic(path, json_bytes(value))


def json_bytes(value: Any) -> bytes:
    """Return ``value`` as readable JSON of finite numbers."""
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def checksum(data: bytes) -> str:
    """Return the sha256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def key_of(value: Any) -> str:
    """Return a short hash of anything JSON can hold, independent of key order; the id of runs and pretrainings."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:20]
