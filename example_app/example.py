"""Retrieval-augmented chat from nothing: an LLM, an embedder and a vector database, made, used and removed.

Plain `requests` against the HTTP API, so that every step can be repeated with curl. Run it by `./run.sh example`.
"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

DOCUMENT = Path(__file__).parent / "documents" / "constitution.txt"
QUESTIONS = ("How old must a Senator be?", "And a Representative?")
LLM, EMBEDDER, VDB = "example-llm", "example-embedder", "example-vdb"
CHUNK = 500  # characters: a paragraph of this text or two
WAIT_S = 600


class Refused(Exception):
    """The server said no; the text says why."""


@dataclass(frozen=True)
class Api:
    url: str
    key: str | None = None

    def get(self, path: str) -> Any:
        return self._asked("GET", path)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self._asked("POST", path, body)

    def upload(self, file: Path) -> str:
        """The id of the uploaded file. The address to put it to carries its own secret, so no key is sent there."""
        announced = self.post("/files", {"filename": file.name, "bytes": file.stat().st_size})
        with file.open("rb") as content:
            requests.put(announced["put_url"], data=content, timeout=WAIT_S).raise_for_status()
        return str(announced["file_id"])

    def ready(self, name: str) -> None:
        """Asked for again and again: behind API Gateway no answer takes longer than half a minute."""
        give_up_at = time.monotonic() + WAIT_S
        while time.monotonic() < give_up_at:
            seen = self.post("/model/status", {"name": name})
            if seen["status"] == "ready":
                return
            if seen["status"] == "failed":
                raise Refused(f"model {name} has failed: {seen['reason']}")
            time.sleep(0.5)
        raise Refused(f"model {name} is not ready after {WAIT_S} s: see /model/status")

    def finished(self, job_id: str) -> dict[str, Any]:
        give_up_at = time.monotonic() + WAIT_S
        while time.monotonic() < give_up_at:
            job: dict[str, Any] = self.post("/jobs/status", {"job_id": job_id, "wait_s": 10})
            if job["status"] in ("done", "failed", "cancelled"):
                return job
        raise Refused(f"job {job_id} has not ended within {WAIT_S} s")

    def _asked(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"authorization": f"Bearer {self.key}"} if self.key else {}
        answer = requests.request(method, self.url + path, json=body, headers=headers, timeout=WAIT_S + 30)
        if not answer.ok:
            raise Refused(f"{method} {path}: {answer.status_code} {answer.json()['error']['message']}")
        return answer.json()


def run(api: Api, models: Sequence[str], embedders: Sequence[str]) -> str:
    """Of each kind the first that the server knows. The name of the LLM it was."""
    model, embedder = known(api, models, "chat"), known(api, embedders, "embedding")
    with created(api, model, embedder):
        ingest(api)
        chat_id = None
        for question in QUESTIONS:
            chat_id = ask(api, question, chat_id)
        show_history(api, chat_id)
        api.post("/history/delete", {"chat_id": chat_id})
    return model


def known(api: Api, sources: Sequence[str], kind: str) -> str:
    """Servers differ in what they know: one on a laptop has its own small models, one on AWS those that run there."""
    for source in sources[:-1]:
        with suppress(Refused):
            api.post("/model/plan", {"name": LLM, "model": source, "kind": kind})
            return source
    return sources[-1]  # if it is refused too, its refusal tells what there is


def real_model(api: Api) -> dict[str, Any] | None:
    """The first of the server's catalog that runs on its own machine and may say more than quotes."""
    known_chats = api.get("/model/catalog?kind=chat")["models"]
    return next((m for m in known_chats if m["backend"] == "local" and not m["quotes_only"]), None)


def what_answered(demo: str, real: dict[str, Any] | None) -> str:
    told = f"\n{demo} answered, a demo: it quotes a sentence of the document, or says that it does not know."
    if real is None:
        return told
    wish = json.dumps({"name": "assistant", "model": real["alias"]})
    return (
        f"{told}\nA real model ({real['title']}, {real['size_mib']} MiB to fetch) is one call: "
        f"POST /model/create {wish}\n"
        f"This example with it: ./run.sh example --model {real['alias']}"
    )


@contextmanager
def created(api: Api, model: str, embedder: str) -> Iterator[None]:
    """The three parts, and away with them at the end whatever happened."""
    made: list[tuple[str, str]] = []
    try:
        for name, source, kind in ((LLM, model, "chat"), (EMBEDDER, embedder, "embedding")):
            wish = {"name": name, "model": source, "kind": kind}
            plan = api.post("/model/plan", wish)["plan"]
            need = f"{plan['memory_mib']} MiB of memory, {plan['download_mib']} MiB to fetch"
            say(f"model {name} = {source}: {need}, {plan['usd_per_hour']} USD an hour")
            made.append(("/model/delete", name))
            api.post("/model/create", wish)
            api.ready(name)
        made.append(("/vdb/delete", VDB))
        api.post("/vdb/create", {"name": VDB, "model": EMBEDDER})
        say(f"vector database {VDB}")
        yield
    finally:
        for path, name in reversed(made):
            try:
                api.post(path, {"name": name})
            except Refused:
                continue  # it was never made
        if made:
            say("removed: models and vector database")


def ingest(api: Api) -> None:
    file_id = api.upload(DOCUMENT)
    began = time.monotonic()
    job = api.post("/vdb/embed", {"model": EMBEDDER, "src": file_id, "vdb": VDB, "chunking": {"size": CHUNK}})
    ended = api.finished(job["job_id"])
    if ended["status"] != "done":
        raise Refused(f"ingestion {ended['status']}: {ended['error']}")
    result = ended["result"]
    say(f"{DOCUMENT.name}: {result['chunks']} chunks embedded in {time.monotonic() - began:.1f} s")
    api.post("/files/delete", {"file_id": file_id})


def ask(api: Api, question: str, chat_id: str | None) -> str:
    turn = {"model": LLM, "vdb": VDB, "query": question, "k": 3, "parameters": {"max_tokens": 256, "temperature": 0}}
    answer = api.post("/chat", turn if chat_id is None else {**turn, "chat_id": chat_id})
    say(f"\nQ: {question}")
    for number, passage in enumerate(answer["citations"], start=1):
        say(f"   [{number}] {passage['source']}, score {passage['score']:.3f}: {shortened(passage['text'])}")
    say(f"A: {answer['response']}")
    say(f"   ({answer['usage']['prompt_tokens']} tokens of prompt: the passages and what was said before)")
    return str(answer["chat_id"])


def show_history(api: Api, chat_id: str | None) -> None:
    turns = api.post("/history/get", {"chat_id": chat_id})
    say(f"\nhistory of chat {chat_id}: {len(turns)} turns")


def shortened(text: str, characters: int = 400) -> str:
    line = " ".join(text.split())
    return line if len(line) <= characters else f"{line[:characters]} …"


def say(line: str) -> None:
    print(line, flush=True)
