"""A model hub on loopback, over real HTTP and with faults on demand: what huggingface_hub 2.4.0 and our fetch ask for.

`GET /api/models/{repo}` lists files with sizes and checksums; `/{repo}/resolve/{revision}/{file}` redirects to another
host name ("localhost" for "127.0.0.1"), as the real one sends to a CDN; there the bytes are, with ranges.
"""

import hashlib
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HOLD_S = 20.0


@dataclass
class Repo:
    files: dict[str, bytes]
    is_gated: bool = False
    token: str | None = None  # private: without it the repository reads as absent
    claims: dict[str, str] = field(default_factory=dict)  # file -> checksum that is told instead of the true one
    sizes: dict[str, int] = field(default_factory=dict)  # file -> size that is told instead of the true one
    is_lfs: bool = True  # checksums are told only for files in large file storage


class FakeHub:
    def __init__(self, port: int = 0) -> None:
        self.repos: dict[str, Repo] = {}
        self.statuses: list[int] = []  # answers to the next requests to the hub itself; 200: as usual
        self.cuts: list[int] = []  # the next transfers break off after so many bytes
        self.hold_after: int | None = None  # transfers pause after so many bytes until `go_on`
        self.held = threading.Event()  # one pauses now
        self.go_on = threading.Event()
        self.knows_ranges = True
        self.is_a_login_page = False
        self.bytes_sent: Counter[str] = Counter()  # by file
        self.transfers: list[tuple[str, str | None]] = []  # (file, its Range header)
        self.tokens_seen_by_cdn: list[str | None] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (_Handler,), {"hub": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub  # set by a subclass, one a server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None: ...

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.startswith("/cdn/"):
            return self._transfer(path.removeprefix("/cdn/"))
        status = self.hub.statuses.pop(0) if self.hub.statuses else 200
        if status != 200:
            return self._answer(status, {"error": "a fault on demand"})
        if self.hub.is_a_login_page:
            return self._answer(200, "<html>", {"Content-Type": "text/html"})
        if path.startswith("/api/models/"):
            return self._info(path.removeprefix("/api/models/"))
        name, _, rest = path.lstrip("/").partition("/resolve/")
        return self._resolve(name, rest.partition("/")[2])

    def _repo(self, name: str) -> Repo | None:
        repo = self.hub.repos.get(name)
        is_hidden = repo is not None and repo.token and self.headers["Authorization"] != f"Bearer {repo.token}"
        if repo is None or is_hidden:
            self._answer(401, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
            return None
        return repo

    def _info(self, name: str) -> None:
        repo = self._repo(name)
        if repo is None:
            return
        siblings = []
        for file, content in repo.files.items():
            sha256 = repo.claims.get(file, hashlib.sha256(content).hexdigest())
            lfs = {"sha256": sha256, "size": repo.sizes.get(file, len(content)), "pointerSize": 130}
            is_small = not (file.endswith(".gguf") and repo.is_lfs)
            sibling = {"rfilename": file, "size": len(content), "blobId": "b" * 40}
            siblings.append(sibling if is_small else sibling | {"lfs": lfs})
        self._answer(200, {"id": name, "sha": COMMIT, "private": False, "tags": [], "siblings": siblings})

    def _resolve(self, name: str, file: str) -> None:
        repo = self._repo(name)
        if repo is None:
            return
        if repo.is_gated:
            self._answer(403, {"error": "gated"}, {"X-Error-Code": "GatedRepo"})
        elif file not in repo.files:
            self._answer(404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"})
        else:
            sha256 = hashlib.sha256(repo.files[file]).hexdigest()
            linked = {"X-Linked-Etag": f'"{sha256}"', "X-Linked-Size": str(len(repo.files[file]))}
            where = {"Location": f"http://localhost:{self.hub.port}/cdn/{name}/{file}", "X-Repo-Commit": COMMIT}
            self._answer(302, {}, linked | where)

    def _transfer(self, path: str) -> None:
        self.hub.tokens_seen_by_cdn.append(self.headers["Authorization"])
        owner, name, file = path.split("/", 2)
        content = self.hub.repos[f"{owner}/{name}"].files[file]
        asked = self.headers["Range"]
        self.hub.transfers.append((file, asked))
        start = int(asked.removeprefix("bytes=").partition("-")[0]) if asked and self.hub.knows_ranges else 0
        self.send_response(206 if start or (asked and self.hub.knows_ranges) else 200)
        if asked and self.hub.knows_ranges:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self._send_slowly(file, content[start:])

    def _send_slowly(self, file: str, content: bytes) -> None:
        cut = self.hub.cuts.pop(0) if self.hub.cuts else len(content)
        hold = cut if self.hub.hold_after is None else self.hub.hold_after
        try:
            self._send(file, content[: min(hold, cut)])
            if hold < cut:
                self.hub.held.set()
                self.hub.go_on.wait(HOLD_S)
                self._send(file, content[hold:cut])
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.close_connection = True

    def _send(self, file: str, content: bytes) -> None:
        self.wfile.write(content)
        self.hub.bytes_sent[file] += len(content)

    def _answer(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
