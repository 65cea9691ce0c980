"""Standard streams and text: files are UTF-8 under every locale, and a stream that fails never ends the work."""

from __future__ import annotations

import os
import sys


def restart_in_utf8() -> None:
    """Start this process anew in Python's UTF-8 mode where the locale is another: files are read and written by it.

    The terminal is still given what its locale can show.
    """
    if sys.getfilesystemencoding().lower() == "utf-8":
        return
    shown = f"{sys.stdout.encoding}:replace" if sys.stdout else "utf-8"
    told = {"PYTHONIOENCODING": shown, **os.environ, "PYTHONUTF8": "1"}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], told)


def show_what_can_be_shown() -> None:
    """Print a question mark for what standard output cannot encode, instead of ending there."""
    if sys.stdout:
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]


def tell(line: str) -> None:
    """Print a line on standard error; where nobody reads it, or its disk is full, the line is lost and nothing else."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:  # what is pending would fail again at the next line and at the exit
        sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115


def close_output() -> None:
    """Leave standard output: what could not be written is not tried again at the exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
