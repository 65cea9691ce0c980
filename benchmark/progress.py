"""Progress of long work on standard error: a bar with rate and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from inkbench.benchmark import stopping, streams
from inkbench.benchmark.escaping import terminal

PLAIN_EVERY_S = 10.0


def complain(line: str) -> None:
    """Print one plain line on standard error, also where a run is quiet: something is wrong, or is waited for."""
    streams.tell(terminal(line))


class Bar:
    """One piece of long work of a known size."""

    def __init__(self, label: str, total: int, unit: str) -> None:
        self.label, self.total, self.unit = terminal(label), total, unit
        self.done = 0
        self.started = time.monotonic()

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Count ``amount`` more units as done; ``note`` is shown behind (a loss, a file's name).

        Here a command that was asked to stop stops (see ``stopping``).
        """
        self.done += amount
        self._show(terminal(note))
        stopping.check()

    def _show(self, note: str) -> None:
        pass

    def _close(self) -> None:
        pass

    def _rate(self) -> float:
        return self.done / max(time.monotonic() - self.started, 1e-9)


class PlainBar(Bar):
    """A line every few seconds, for logs."""

    def __init__(self, label: str, total: int, unit: str) -> None:
        super().__init__(label, total, unit)
        self.last = self.started

    def _show(self, note: str) -> None:
        now = time.monotonic()
        if now - self.last >= PLAIN_EVERY_S:
            self.last = now
            left = (self.total - self.done) / max(self._rate(), 1e-9)
            streams.tell(
                f"{self.label}: {self.done}/{self.total} {self.unit}, {self._rate():.1f}/s, {left:.0f} s left {note}"
            )

    def _close(self) -> None:
        took = time.monotonic() - self.started
        streams.tell(f"{self.label}: {self.done} {self.unit} in {took:.1f} s")


class TerminalBar(Bar):
    """A rich progress bar."""

    def __init__(self, label: str, total: int, unit: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Rich

        super().__init__(label, total, unit)
        self.rich = Rich(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]:.1f} {task.fields[unit]}/s"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=Console(stderr=True),
        )
        self.rich.start()
        self.task = self.rich.add_task(self.label, total=total, rate=0.0, unit=unit, note="")

    def _show(self, note: str) -> None:
        self.rich.update(self.task, completed=self.done, rate=self._rate(), note=note)

    def _close(self) -> None:
        self.rich.stop()


class Progress:
    """Reporter of long work; ``quiet`` says nothing."""

    def __init__(self, quiet: bool = False, terminal: bool | None = None) -> None:
        self.quiet = quiet
        self.terminal = sys.stderr.isatty() if terminal is None else terminal

    @contextmanager
    def bar(self, label: str, total: int, unit: str = "images") -> Iterator[Bar]:
        """Show a bar for ``total`` units of work, closed at the end of the block."""
        kind = Bar if self.quiet else TerminalBar if self.terminal else PlainBar
        bar = kind(label, total, unit)
        try:
            yield bar
        finally:
            bar._close()

    def say(self, line: str) -> None:
        """Print one plain line on standard error."""
        if not self.quiet:
            complain(line)
