"""A file fetched over HTTP: resumed where it was cut, never half there under its own name.

Of the standard library alone: ``pooch``, the usual choice, cannot resume, and these are files of gigabytes.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO

from inkbench.benchmark.errors import UsageError
from inkbench.benchmark.progress import Bar, Progress
from inkbench.benchmark.store.files import write_json

CHUNK = 2**18
TIMEOUT_S = 60
TRIES = 5
ANY = 2**63
PAUSE_S = 1.0
"""Seconds before the second try; twice as long before each later one."""


def download(url: str, target: Path, progress: Progress, most: int = ANY) -> None:
    """Fetch ``url`` into ``target``; what an earlier call left in ``target``.part is gone on from.

    A part is only gone on from where the server says by its ETag or date that the file is still the same. Raises
    UsageError where it cannot be had; what came so far is kept, but for a file of more than ``most`` bytes.
    """
    part = target.with_name(f"{target.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(TRIES):
        have = part.stat().st_size if part.is_file() else 0
        try:
            if _fetch(url, part, progress, most):
                part.replace(target)
                _note(part).unlink(missing_ok=True)
                return
            why = "the connection was interrupted"
        except urllib.error.HTTPError as error:
            why = f"the server says {error.code} {error.reason}"
            if error.code == 416:  # what is here is no beginning of what is there
                part.unlink(missing_ok=True)
            elif error.code < 500:
                break
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            why = str(getattr(error, "reason", error)) or type(error).__name__
        except OSError as error:
            raise UsageError(f"{part} cannot be written ({error.strerror}); make room or give another --out") from None
        came = part.stat().st_size if part.is_file() else 0
        if attempt + 1 < TRIES:
            progress.say(f"{why} after {came / 2**20:.1f} MiB; retrying")
            time.sleep(0 if came > have else PAUSE_S * 2**attempt)
    came = part.stat().st_size if part.is_file() else 0
    raise UsageError(
        f"{url} cannot be fetched ({why}); {came / 2**20:.1f} MiB are kept; the same command resumes there"
    )


def _fetch(url: str, part: Path, progress: Progress, most: int) -> bool:
    """Open one connection and fetch what it gives; return whether the file is whole afterwards."""
    have, known = (part.stat().st_size if part.is_file() else 0), _same_as(part, url)
    request = urllib.request.Request(url, headers={"User-Agent": "inkbench", "Accept-Encoding": "identity"})
    if have and known:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", known)
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        goes_on = answer.status == 206 and str(answer.headers.get("Content-Range", "")).startswith(f"bytes {have}-")
        if answer.status == 206 and not goes_on:
            part.unlink()
            return False
        validator = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
        write_json(_note(part), {"url": url, "validator": "" if validator.startswith("W/") else validator})
        length = answer.headers.get("Content-Length")
        total = (have if goes_on else 0) + int(length) if length else None
        with (
            part.open("ab" if goes_on else "wb") as file,
            progress.bar(f"fetch {part.stem}", total or 0, "bytes") as bar,
        ):
            if goes_on:
                bar.advance(have)
            with contextlib.suppress(http.client.IncompleteRead):
                _copy(answer, file, bar, most)
    if part.stat().st_size > most:
        part.unlink()
        _note(part).unlink(missing_ok=True)
        raise UsageError(f"{url} gives more than the {most:,} bytes that are expected; nothing of it was kept")
    return total is None or part.stat().st_size == total


def _copy(answer: http.client.HTTPResponse, file: IO[bytes], bar: Bar, most: int) -> None:
    """Copy what comes, to a little more than ``most`` bytes in the file."""
    while file.tell() <= most and (chunk := answer.read(CHUNK)):
        file.write(chunk)
        bar.advance(len(chunk))


def _note(part: Path) -> Path:
    """Return the path of the note on what a part is the beginning of."""
    return part.with_name(f"{part.name}.json")


def _same_as(part: Path, url: str) -> str:
    """Return the server's name of the version that a part is the beginning of; empty where it is not known."""
    try:
        note = json.loads(_note(part).read_text())
        return str(note["validator"]) if note["url"] == url else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""
