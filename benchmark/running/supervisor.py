"""The parent of a run: starts the ranks, watches them, turns a death into a failed experiment. Imports no torch."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

from inkbench.benchmark import stopping
from inkbench.benchmark.errors import of_the_system
from inkbench.benchmark.given.catalogue import mirror
from inkbench.benchmark.planning.request import Request
from inkbench.benchmark.progress import complain
from inkbench.benchmark.registry import HOME
from inkbench.benchmark.running.worker import EVENTS_FD, PARENT
from inkbench.benchmark.store import provenance
from inkbench.benchmark.store.record import Record
from inkbench.benchmark.store.store import Store

MAX_IDLE_DEATHS = 3


@dataclass
class Watched:
    """State of the workers as their parent knows it from their events."""

    experiments: list[Record] = field(default_factory=list)
    begun: bool = False
    working: list[str] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)

    def take(self, event: dict[str, Any]) -> None:
        """Take note of one event."""
        if event["event"] == "plan":
            self.experiments = [Record.from_json(told) for told in event["cells"]]
        if event["event"] == "failed":
            self.failed |= set(event["cells"])
        else:
            self.working = event["cells"] if event["event"] == "working" else []
            self.begun = self.begun or bool(self.working)


def run(request: Request) -> tuple[int, list[Record]]:
    """Carry out a request in workers; gives the status (0, 1, 2) and its experiments, in order, as far as planned.

    Raises Stopped, with the state of what was at work kept, where this process is asked to stop.
    """
    store = Store(request.results)
    dead: list[str] = []
    idle_deaths = 0
    while True:
        watched = Watched()
        code = _workers(request, dead, watched)
        if code != 0 and (number := stopping.asked()):
            raise stopping.Stopped(number)
        if code in (0, 2):
            failed = (
                dead
                or watched.failed
                or any(_status(store, experiment) == "failed" for experiment in watched.experiments)
            )
            return (2 if code == 2 else int(bool(failed))), watched.experiments
        if not watched.working:
            idle_deaths += 1
            when = "between two runs" if watched.begun else "before it began a run"
            complain(f"run_benchmark.py: the worker {_death(code)} {when}")
            if not watched.begun or idle_deaths == MAX_IDLE_DEATHS:
                return 1, watched.experiments
        for experiment in watched.experiments:
            if experiment.id in watched.working:
                _record_death(store, experiment, code)
        dead += watched.working


def _status(store: Store, experiment: Record) -> str:
    """Return the status of a planned experiment; one without a record has failed."""
    record = store.known(experiment.id)
    return record.status if record else "failed"


def _workers(request: Request, skip: list[str], watched: Watched) -> int:
    """Run one set of ranks from start to end; the first that ends badly ends the others. Return its status."""
    reader, writer = os.pipe()
    text = json.dumps({"request": request.model_dump(mode="json"), "skip": skip})
    port = _free_port() if request.devices > 1 else 0
    ranks = []
    for rank in range(request.devices):
        with _keyboard_held():
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "inkbench.benchmark.running.worker"],
                stdin=subprocess.PIPE,
                stdout=None if rank == 0 else subprocess.DEVNULL,
                env=_environment(request, rank, port, writer),
                pass_fds=(writer,) if rank == 0 else (),
                text=True,
            )
            ranks.append(process)
        _feed(process, text)
    os.close(writer)
    listener = threading.Thread(target=_listen, args=(os.fdopen(reader), watched), daemon=True)
    listener.start()
    try:
        with stopping.at_next_step(lambda number: _pass_on(ranks)):
            if stopping.asked():
                _pass_on(ranks)
            return _wait(ranks)
    finally:
        for process in ranks:
            if process.poll() is None:
                process.kill()
                process.wait()
        listener.join(timeout=10)


@contextmanager
def _keyboard_held() -> Iterator[None]:
    """Hold interrupts back for the block, and for good in what is started in it: its parent gets them, and ends it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _pass_on(ranks: list[subprocess.Popen[str]]) -> None:
    """Have the first rank stop at its next step; asked a second time, end all at once."""
    if stopping.times_asked() > 1:
        for process in ranks:
            process.kill()
    else:
        ranks[0].terminate()


def _feed(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(text)
        process.stdin.close()
    except BrokenPipeError:
        process.stdin = None  # it died at once; its status says so


def _wait(ranks: list[subprocess.Popen[str]]) -> int:
    """Wait for all ranks; gives the first status that is not 0 as soon as there is one."""
    waiting = list(ranks)
    while waiting:
        for process in list(waiting):
            try:
                code = process.wait(timeout=0.1)
            except subprocess.TimeoutExpired:
                continue
            waiting.remove(process)
            if code:
                return code
    return 0


def _listen(pipe: IO[str], watched: Watched) -> None:
    with pipe:
        for line in pipe:
            if line.endswith("\n"):  # the last words of a worker that was killed may be half a line
                watched.take(json.loads(line))


def _environment(request: Request, rank: int, port: int, events: int) -> dict[str, str]:
    """Return the environment of a rank: threads before any library starts, and what Fabric reads of the ranks."""
    path = os.pathsep.join(part for part in (str(HOME), os.environ.get("PYTHONPATH", "")) if part)
    environment = {**os.environ, PARENT: str(os.getpid()), "OMP_NUM_THREADS": str(request.threads), "PYTHONPATH": path}
    environment.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    if address := mirror():
        environment["HF_ENDPOINT"] = address
    environment["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    if rank == 0:
        environment[EVENTS_FD] = str(events)
    if request.devices > 1:
        environment |= {
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "WORLD_SIZE": str(request.devices),
            "LOCAL_RANK": str(rank),
            "RANK": str(rank),
            "NODE_RANK": "0",
        }
    return environment


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _record_death(store: Store, experiment: Record, code: int) -> None:
    known = store.known(experiment.id)
    if known is not None and known.status == "done":
        return
    mine = known is not None and known.request.resolved.get("started") == experiment.request.resolved["started"]
    if code == 70 and mine:
        return  # rank 0 has said why
    why = f"a rank failed; see logs/{experiment.id}.rank*.log" if code == 70 else f"the worker {_death(code)}"
    made = {"git": provenance.git_state(), "packages": provenance.versions(provenance.TOLD)}
    try:
        store.write(experiment.but(status="failed", reason=why, provenance=made))
    except OSError as error:
        who = f"{experiment.method} on {experiment.task}, seed {experiment.seed}"
        complain(f"run_benchmark.py: {who}: {why} (not recorded: {of_the_system(error)})")


def _death(code: int) -> str:
    if code >= 0:
        return f"ended with status {code}"
    name = signal.Signals(-code).name
    hint = "; out of memory? try a smaller batch" if -code == signal.SIGKILL else ""
    return f"was killed by signal {-code} ({name}){hint}"
