"""A hub on this machine: what its client asks for a file or a commit, answered from a folder and written into it."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LATER = "89abcdef0123456789abcdef0123456789abcdef"


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def _send(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _said(self, value, status=200):
        self._send(status, json.dumps(value).encode(), Content_Type="application/json")


@contextmanager
def _served(handler) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def mirror(root: Path, revisions: Mapping[str, tuple[str, Path]] = {}) -> Iterator[tuple[str, list[str]]]:
    """Serve ``root/OWNER/NAME/FILE`` as the hub does, for the block; gives its address and what was asked.

    ``revisions`` are further commits, by tag or hash: the commit and the folder that it is served from.
    """
    asked: list[str] = []
    known = {"main": (COMMIT, root), COMMIT: (COMMIT, root), **revisions}

    class Handler(_Handler):
        def do_HEAD(self):
            self._answer()

        def do_GET(self):
            self._answer()

        def _answer(self):
            asked.append(f"{self.command} {self.path}")
            repository, found, rest = self.path.strip("/").partition("/resolve/")
            revision, _, name = rest.partition("/")
            commit, folder = known.get(revision, ("", root))
            path = folder / repository / name
            if not found or not commit or not path.is_file():
                code = "RevisionNotFound" if found and not commit else "EntryNotFound"
                self._send(404 if found else 200, X_Error_Code=code)
                return
            data = path.read_bytes()
            tag = f'"{hashlib.sha256(data).hexdigest()}"'
            self._send(200, data, ETag=tag, X_Repo_Commit=commit)

    with _served(Handler) as address:
        yield address, asked


class _Receiver(_Handler):
    """What takes commits; ``root``, ``token``, ``asked`` and ``objects`` are those of the server's own class."""

    root: Path
    token: str
    asked: list[str]
    objects: dict[str, bytes]

    def do_HEAD(self):
        self._send(200)

    def do_GET(self):
        self.asked.append(f"GET {self.path}")
        self._send(404, X_Error_Code="RepoNotFound")

    def do_PUT(self):
        self.asked.append("PUT an object")
        data = self._body()
        self.objects[self.path.rpartition("/")[2]] = data
        self._send(200)

    def do_POST(self):
        self.asked.append(f"POST {self.path}")
        body = self._body()
        if self.headers.get("Authorization") != f"Bearer {self.token}":
            self._said({"error": f"Invalid credentials {self.headers.get('Authorization')}"}, 401)
        elif self.path == "/api/repos/create":
            self._create(json.loads(body))
        elif self.path == "/api/validate-yaml":
            self._validate(json.loads(body)["content"])
        elif "/preupload/" in self.path:
            files = json.loads(body)["files"]
            large = (".safetensors", ".onnx")
            self._said({"files": [_mode(one["path"], one["path"].endswith(large)) for one in files]})
        elif self.path.endswith("/info/lfs/objects/batch"):
            self._batch(json.loads(body))
        elif "/commit/" in self.path:
            self._commit(self.path.split("/")[3:5], body)
        else:
            self._send(404)

    def _body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _create(self, told):
        name = "/".join(part for part in (told.get("organization"), told["name"]) if part)
        if told.get("organization") == "others":
            self._said({"error": "You don't have the rights to create a model under this namespace"}, 403)
            return
        (self.root / name).mkdir(parents=True, exist_ok=True)
        (self.root / name / ".private").write_text(json.dumps(told.get("private") or told.get("visibility")))
        self._said({"url": f"{self._own()}/{name}", "name": name})

    def _own(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def _validate(self, card):
        data = yaml.safe_load(card.split("---")[1])
        errors = [f'"{key}" is required' for key in ("license", "library_name") if key not in data]
        self._said({"errors": [{"message": one} for one in errors], "warnings": []}, 400 if errors else 200)

    def _batch(self, told):
        def entry(one):
            href = f"{self._own()}/objects/{one['oid']}"
            return {**one, "actions": {"upload": {"href": href, "header": {}}}}

        self._said({"transfer": "basic", "objects": [entry(one) for one in told["objects"]]})

    def _commit(self, repository, body):
        folder = self.root.joinpath(*repository)
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "header":
                (folder / ".message").write_text(value["summary"])
            elif line["key"] == "file":
                (folder / value["path"]).write_bytes(base64.b64decode(value["content"]))
            elif line["key"] == "lfsFile":
                data = self.objects.get(value["oid"], b"")
                if hashlib.sha256(data).hexdigest() != value["oid"]:
                    self._said({"error": "an object was not sent"}, 422)
                    return
                (folder / value["path"]).write_bytes(data)
        url = f"{self._own()}/{'/'.join(repository)}/commit/{COMMIT}"
        self._said({"success": True, "commitUrl": url, "commitOid": COMMIT, "hookOutput": ""})


@contextmanager
def receiving(root: Path, token: str) -> Iterator[tuple[str, list[str]]]:
    """Take what the hub's client pushes with this token into ``root/OWNER/NAME``; gives address and requests.

    Repositories are created, cards validated, large files (safetensors, ONNX) sent by LFS and held to their checksum,
    and a commit refused that names one which was not sent.
    """
    asked: list[str] = []
    members = {"root": root, "token": token, "asked": asked, "objects": {}}
    with _served(type("Receiver", (_Receiver,), members)) as address:
        yield address, asked


def _mode(path: str, large: bool) -> dict:
    return {"path": path, "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
