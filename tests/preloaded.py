"""Commands in processes that have imported everything already: what takes a new one ten seconds takes these none.

A server imports torch, timm and the engine once and forks for each command; a launcher stands in the place of the
interpreter, so that the command's own workers are forked as well. What runs is the command line itself, with its own
standard streams, environment and folder, in a process of its own. What depends on being started anew (an environment
that libraries read when they are imported, being killed) is started anew: ``conftest.start_cli``.
"""

from __future__ import annotations

import array
import atexit
import json
import os
import runpy
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAUNCHER = """#!{python} -IS
import array, json, os, socket, sys
fds = [0, 1, 2]
if "INKBENCH_EVENTS_FD" in os.environ and "inkbench.benchmark.running.worker" in sys.argv:
    fds.append(int(os.environ["INKBENCH_EVENTS_FD"]))
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
text = json.dumps({{"words": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd(), "fds": fds}}).encode()
server.sendmsg([len(text).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
server.sendall(text)
status = server.recv(1)
if not status:
    os.kill(os.getpid(), 9)  # as the command was
os._exit(status[0])
"""


class Server:
    """A process that forks commands; ``python`` is what stands in the place of the interpreter."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="preloaded-"))
        address = self.folder / "socket"
        self.python = self.folder / "python"
        self.python.write_text(LAUNCHER.format(python=sys.executable, address=str(address)))
        self.python.chmod(self.python.stat().st_mode | stat.S_IXUSR)
        environment = {**os.environ, "HF_HUB_DISABLE_PROGRESS_BARS": "1", "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen([sys.executable, __file__, address, self.python], env=environment)
        while not address.exists() and self.process.poll() is None:
            time.sleep(0.05)

    def close(self) -> None:
        """End the server; its commands have ended."""
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)


def serve(address: str, python: str) -> None:
    """Import, listen, fork for each connection; the parent only waits for its children."""
    import lightning_fabric  # noqa: F401
    import timm  # noqa: F401

    from inkbench.benchmark.running import runner, supervisor  # noqa: F401
    from inkbench.benchmark.training import engine

    engine.CHECKPOINT_EVERY_S = float(os.environ.get("PRELOADED_CHECKPOINT_S", engine.CHECKPOINT_EVERY_S))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{address}.new")
    listener.listen(64)
    Path(f"{address}.new").rename(address)
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _command(connection, python)
        connection.close()


def _command(connection: socket.socket, python: str) -> None:
    """The command, in a forked process, which ends with it or with its launcher."""
    fds = array.array("i")
    head, ancillary, *_ = connection.recvmsg(8, socket.CMSG_SPACE(16 * fds.itemsize))
    for _, _, data in ancillary:
        fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    size, text = int.from_bytes(head, "big"), b""
    while len(text) < size:
        text += connection.recv(size - len(text))
    asked = json.loads(text)
    held = os.dup(connection.fileno())
    connection.close()
    channel = socket.socket(fileno=_away(held, asked["fds"]))
    moved = [_away(fd, asked["fds"]) for fd in fds]
    for fd, number in zip(moved, asked["fds"], strict=True):
        os.dup2(fd, number, inheritable=True)
        os.close(fd)
    os.environ.clear()
    os.environ.update(asked["env"])
    os.environ.pop("INKBENCH_PARENT", None)  # the parent is the server here
    os.chdir(asked["cwd"])
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]
    sys.executable, tempfile.tempdir = python, None
    threading.Thread(target=_end_with, args=(channel,), daemon=True).start()
    status = _status_of(asked["words"], asked["env"].get("PYTHONPATH", ""))
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            status = status or 120
    atexit._run_exitfuncs()
    channel.send(bytes([status]))
    os._exit(status)


def _away(fd: int, taken: list[int]) -> int:
    """A copy of a descriptor under a number that none of ``taken`` is."""
    copies = [fd]
    while copies[-1] in taken:
        copies.append(os.dup(copies[-1]))
    for copy in copies[:-1]:
        os.close(copy)
    return copies[-1]


def _end_with(channel: socket.socket) -> None:
    channel.recv(1)
    os._exit(137)


def _status_of(words: list[str], path: str) -> int:
    """Run ``-P -m MODULE WORDS`` or ``SCRIPT WORDS`` as the interpreter would; gives the exit status."""
    module, rest = (words[2], words[3:]) if words[:2] == ["-P", "-m"] else ("", words[1:])
    if module:
        del sys.path[0]
    else:
        sys.path[0] = str(Path(words[0]).parent)
    sys.path[1 if not module else 0 : 1 if not module else 0] = [part for part in path.split(os.pathsep) if part]
    sys.argv = [module or words[0], *rest]
    try:
        if module:
            sys.modules.pop(module, None)
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(words[0], run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2])
