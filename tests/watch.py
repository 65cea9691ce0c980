"""What the interpreter is asked to do while something hostile is read: writes outside, programs, connections."""

import os
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "pty.spawn"}
SOCKETS = {"socket.__new__", "socket.connect", "socket.bind", "socket.getaddrinfo", "urllib.Request"}
CHANGES = {
    **dict.fromkeys(("os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate"), (0,)),
    **dict.fromkeys(("os.rename",), (0, 1)),
    **dict.fromkeys(("os.symlink", "os.link"), (1,)),
}
"""What changes a folder, and where in what the hook is given the paths stand."""
BY_FOLDER = {"os.remove", "os.mkdir", "os.rmdir", "os.chmod"}
"""Those whose last value is the descriptor of the folder that a path is in, or -1."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
NOWHERE = ("/dev/null", "/dev/tty")


class Watch:
    """Counts events while it is on; ``inside`` are the folders that may be written."""

    def __init__(self) -> None:
        self.inside: tuple[str, ...] | None = None
        self.found: list[str] = []
        self.counts: Counter[str] = Counter()
        sys.addaudithook(self._hook)

    @contextmanager
    def on(self, *inside: Path) -> Iterator[None]:
        self.inside = tuple(os.path.realpath(folder) for folder in inside)
        try:
            yield
        finally:
            self.inside = None

    def _hook(self, event: str, given: tuple) -> None:
        if self.inside is None:
            return
        if event == "open":
            path, mode, flags = given
            writes = flags & WRITING if isinstance(flags, int) else bool(set(str(mode)) & set("wax+"))
            if writes and isinstance(path, str | bytes | os.PathLike):
                self._outside("write", path)
        elif event in CHANGES:
            for place in CHANGES[event]:
                path, folder = given[place], given[-1] if event in BY_FOLDER else -1
                if isinstance(path, str | bytes | os.PathLike):
                    self._outside("write", path, f"/proc/self/fd/{folder}" if folder != -1 else "")
        elif event in PROGRAMS:
            self._note("process", f"{event} {given[:2]}")
        elif event in SOCKETS:
            self._note("socket", f"{event} {given[:2]}")

    def _outside(self, kind: str, path: object, folder: str = "") -> None:
        place = Path(folder, os.fsdecode(path)).absolute()
        place = str(place.parent.resolve() / place.name)
        if place not in NOWHERE and not any(place == root or place.startswith(root + os.sep) for root in self.inside):
            self._note(kind, place)

    def _note(self, kind: str, what: str) -> None:
        self.counts[kind] += 1
        self.found.append(f"{kind}: {what}")


def peak_mib() -> float:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
