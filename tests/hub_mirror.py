"""A mirror of the hub on this machine: what its client asks for a file, answered from a folder."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def mirror(root: Path, revisions: tuple[str, ...] = ("main", COMMIT)) -> Iterator[tuple[str, list[str]]]:
    """Serve ``root/OWNER/NAME/FILE`` as the hub does, for the block; gives its address and what was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self._answer(False)

        def do_GET(self):
            self._answer(True)

        def _answer(self, whole):
            asked.append(f"{self.command} {self.path}")
            repository, found, rest = self.path.strip("/").partition("/resolve/")
            revision, _, name = rest.partition("/")
            path = root / repository / name
            if not found or revision not in revisions or not path.is_file():
                self.send_response(404 if found else 200)
                self.send_header(
                    "X-Error-Code", "RevisionNotFound" if found and revision not in revisions else "EntryNotFound"
                )
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            data = path.read_bytes()
            self.send_response(200)
            self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if whole:
                self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
