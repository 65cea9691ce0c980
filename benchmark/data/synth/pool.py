"""All cores draw: processes of our own, fed series by series, with one progress bar."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import inkbench
from inkbench.benchmark.data.synth.config import SynthConfig
from inkbench.benchmark.errors import RunError
from inkbench.benchmark.progress import Progress


def draw_all(
    config: SynthConfig, series: list[int], home: Path, progress: Progress, workers: int | None = None
) -> None:
    """Draw ``series`` into ``home``; the files do not depend on ``workers`` (none: one for each core).

    Plain subprocesses, not multiprocessing: its children import the caller's ``__main__`` again and hang where
    the caller is killed. Raises RunError with the end of what a failed worker said.
    """
    if not series:
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = min(workers or cores, len(series))
    waiting = iter(series)
    heard: queue.SimpleQueue[tuple[subprocess.Popen[str], str]] = queue.SimpleQueue()
    with tempfile.TemporaryFile("w+") as errors, progress.bar("draw synth", len(series) * config.pages, "pages") as bar:
        with _running(config, home, count, errors) as processes:
            for process in processes:
                threading.Thread(target=_listen, args=(process, heard), daemon=True).start()
                _feed(process, waiting)
            talking = count
            while talking:
                process, line = heard.get()
                if not line:
                    talking -= 1
                elif line.startswith("page"):
                    bar.advance()
                else:
                    _feed(process, waiting)
            failed = [process.wait() for process in processes if process.wait() != 0]
        if failed:
            errors.seek(0)
            said = errors.read().strip().splitlines()[-1:] or ["no message"]
            raise RunError(
                f"drawing synth: a worker ended with status {failed[0]} ({said[0]}); the same command resumes"
            )


def _listen(process: subprocess.Popen[str], heard: queue.SimpleQueue[tuple[subprocess.Popen[str], str]]) -> None:
    """Pass on a process's lines, and an empty one at its end."""
    assert process.stdout is not None
    for line in process.stdout:
        heard.put((process, line))
    heard.put((process, ""))


def _feed(process: subprocess.Popen[str], waiting: Iterator[int]) -> None:
    """Send the next number to a process, or the end of its input."""
    assert process.stdin is not None
    number = next(waiting, None)
    try:
        if number is not None:
            process.stdin.write(f"{number}\n")
            process.stdin.flush()
        else:
            process.stdin.close()
    except BrokenPipeError:
        return  # it died: its status is looked at when all have ended


@contextmanager
def _running(config: SynthConfig, home: Path, count: int, errors: IO[str]) -> Iterator[list[subprocess.Popen[str]]]:
    root = str(Path(inkbench.__file__).resolve().parent.parent)
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, "-P", "-m", "inkbench.benchmark.data.synth.worker", str(home), config.model_dump_json()]
    processes = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, bufsize=1,
            env={**os.environ, **single, "PYTHONPATH": path},
        )
        for _ in range(count)
    ]  # fmt: skip
    try:
        yield processes
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
