"""A server to ask: one with nothing in it, started here with the model in its place, or one that runs already."""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import requests

from bench._server import Server
from example_app.example import Api, Refused
from llmanager.adapters.local.stored_file import sha256_of, write_marker
from llmanager.adapters.local.weights import BUILDERS

ALIAS: Final = "demo-tiny"
MODEL, EMBEDDER = "evaluated", "evaluated-embedder"
WAIT_S: Final = 120


@dataclass(frozen=True)
class Asked:
    """A server with both models ready."""

    api: Api
    sha256: str = ""  # of the model's file; empty: it is not on this machine
    made: list[tuple[str, dict[str, str]]] = field(default_factory=list)  # how it is removed again

    def chat(self, query: str, **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.api.post("/chat", {"model": MODEL, "query": query, **more})
        if "chat_id" not in more:
            self.made.append(("/history/delete", {"chat_id": answer["chat_id"]}))
        return answer

    def complete(self, messages: Sequence[dict[str, Any]], **more: Any) -> dict[str, Any]:
        """The assistant's message. Greedy: the API's own default samples."""
        body = {"model": MODEL, "messages": list(messages), "temperature": 0, "max_tokens": 200, **more}
        message: dict[str, Any] = self.api.post("/v1/chat/completions", body)["choices"][0]["message"]
        return message

    def create_model(self, name: str, source: str, kind: str) -> None:
        self.api.post("/model/create", {"name": name, "model": source, "kind": kind})
        self.made.append(("/model/delete", {"name": name}))
        self.api.ready(name)

    def create_vdb(self, name: str) -> None:
        self.api.post("/vdb/create", {"name": name, "model": EMBEDDER})
        self.made.append(("/vdb/delete", {"name": name}))

    def ingest(self, vdb: str, file: Path) -> None:
        """With the default chunking."""
        self.create_vdb(vdb)
        file_id = self.api.upload(file)
        self.made.append(("/files/delete", {"file_id": file_id}))
        job = self.api.post("/vdb/embed", {"model": EMBEDDER, "src": file_id, "vdb": vdb})
        ended = self.api.finished(job["job_id"])
        if ended["status"] != "done":
            raise Refused(f"ingestion of {file.name} {ended['status']}: {ended['error']}")

    def streamed(self, path: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        headers = {"authorization": f"Bearer {self.api.key}"} if self.api.key else {}
        asked = {"model": MODEL, **body, "stream": True}
        with requests.post(self.api.url + path, json=asked, headers=headers, timeout=WAIT_S, stream=True) as answer:
            if not answer.ok:
                raise Refused(f"POST {path}: {answer.status_code} {answer.text}")
            for line in answer.iter_lines():
                if line.startswith(b"data: {"):
                    yield json.loads(line.removeprefix(b"data: "))

    def sleep(self) -> None:
        self.api.post("/model/sleep", {"name": MODEL})
        give_up_at = time.monotonic() + WAIT_S
        while time.monotonic() < give_up_at:
            seen = self.api.post("/model/status", {"name": MODEL})
            if seen["status"] == "asleep" and not seen["replicas"]:
                return
            time.sleep(0.05)
        raise Refused(f"model {MODEL} did not fall asleep within {WAIT_S} s")


@contextmanager
def ready(model: str, url: str | None, key: str | None) -> Iterator[Asked]:
    """`model`: demo-tiny, or a GGUF file that a server started here takes for it. Whatever is made is removed."""
    with _served(model, url) as (address, home):
        asked = Asked(Api(address, key))
        try:
            asked.create_model(MODEL, ALIAS, "chat")
            asked.create_model(EMBEDDER, "minilm", "embedding")
            built = [] if home is None else sorted((home / "models" / "builtin").glob(f"{ALIAS}-*.gguf"))
            yield replace(asked, sha256=sha256_of(built[0]) if built else "")
        finally:
            if home is None:  # else all of it goes with the server
                remove(asked)


def remove(asked: Asked) -> None:
    """The last first: databases go before their embedder."""
    for path, body in reversed(asked.made):
        with suppress(Refused):
            asked.api.post(path, body)


@contextmanager
def _served(model: str, url: str | None) -> Iterator[tuple[str, Path | None]]:
    if url is not None:
        yield url.rstrip("/"), None
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        if model != ALIAS:
            place(Path(model), home)
        with (home / "stderr.log").open("ab") as errors:
            server = Server(home, errors).ready()
            try:
                yield server.address.geturl(), home
            finally:
                server.stop()


def place(file: Path, home: Path) -> None:
    """Where the server keeps the model that it brings along, so that all that the catalog says of it holds."""
    _, version = BUILDERS[ALIAS]
    path = home / "models" / "builtin" / f"{ALIAS}-{version}.gguf"
    path.parent.mkdir(parents=True)
    shutil.copyfile(file, path)
    write_marker(path, sha256_of(path))
