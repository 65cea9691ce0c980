"""Requests to stop: TERM and HUP end a command at its next step, so that what was done so far is kept."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOPS = (signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130
CONTINUE = 75
"""Status of what is to be continued: the scheduler that ended it starts it again (``EX_TEMPFAIL`` of sysexits.h)."""
SCHEDULED = ("INKBENCH_UNIT", "SLURM_JOB_ID")
"""Variables of the environment that say that a scheduler runs this command as a unit of its own."""


class Stopped(BaseException):
    """Raised at the step at which a command stops; no failure, so that nothing records it as one."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number

    @property
    def status(self) -> int:
        """The exit status: 75 where a scheduler will go on, else 128 and the signal."""
        return CONTINUE if any(name in os.environ for name in SCHEDULED) else 128 + self.number


_asked: list[int] = []


@contextmanager
def at_once() -> Iterator[None]:
    """Stop wherever the block is: right for what is short, or whole at every moment."""

    def stop(number: int) -> None:
        raise Stopped(number)

    with _handling(stop):
        yield


@contextmanager
def at_next_step(heard: Callable[[int], None] = lambda number: None) -> Iterator[None]:
    """Note the signals and call ``heard`` with each; ``check`` then stops."""

    def note(number: int) -> None:
        _asked.append(number)
        heard(number)

    with _handling(note):
        yield


@contextmanager
def ignored() -> Iterator[None]:
    """Pass over the signals: another process stops for this one."""
    with _handling(lambda number: None):
        yield


@contextmanager
def _handling(act: Callable[[int], None]) -> Iterator[None]:
    """Have the signals acted on in the block; outside a process's main thread they are left as they are."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        del frame
        act(number)

    before = [signal.signal(number, handle) for number in STOPS]
    try:
        yield
    finally:
        for number, was in zip(STOPS, before, strict=True):
            signal.signal(number, was)


def asked() -> int:
    """Return the signal that asked first for a stop, 0 where none did."""
    return _asked[0] if _asked else 0


def times_asked() -> int:
    """Return how often a stop was asked for."""
    return len(_asked)


def check() -> None:
    """Raise Stopped where a stop was asked for."""
    if _asked:
        raise Stopped(_asked[0])
