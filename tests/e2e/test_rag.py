"""A vector database, its documents and a chat over them, through a real server; the models are stand-ins that tell
what they were asked, so that what reaches them can be looked at."""

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import pytest

from tests.api.client import Api
from tests.api.server import server_process
from tests.e2e.world import World, opened_world
from tests.fakes.eventually import eventually
from tests.fakes.openai_engine import OpenAIEngine
from tests.fakes.survivors import survivors

pytestmark = pytest.mark.e2e
FACTS = {
    "salmon.txt": "Salmon swim up rivers to spawn.",
    "tower.txt": "The Eiffel Tower is 330 metres high.",
    "bread.txt": "Bread rises because yeast makes gas.",
}


@dataclass
class Rag:
    world: World
    reader: OpenAIEngine  # the chat model
    embedder: OpenAIEngine

    @property
    def api(self) -> Api:
        return self.world.api

    def call(self, path, body, status=(200, 202)):
        answer = self.api.post(path, body)
        assert answer.status in status, answer
        return answer.json

    def upload(self, filename: str, content: bytes) -> str:
        announced = self.call("/files", {"filename": filename, "bytes": len(content)})
        path = announced["put_url"].removeprefix(self.api.base_url)
        assert self.api.send("PUT", path, content).status == 200
        return announced["file_id"]

    def finished(self, job_id: str):
        def look():
            return self.call("/jobs/status", {"job_id": job_id, "wait_s": 5})

        return eventually(look, lambda job: job["status"] in ("done", "failed", "cancelled"))

    def prompts(self):
        """The messages of every generation."""
        return [body["messages"] for path, body in self.reader.asked if path == "/v1/chat/completions"]

    def embedded(self) -> list[str]:
        """Every text that was embedded, in order."""
        asked = [body["input"] for path, body in self.embedder.asked if path == "/v1/embeddings"]
        return [text for texts in asked for text in ([texts] if isinstance(texts, str) else texts)]


@pytest.fixture(scope="module")
def engines() -> Iterator[tuple[OpenAIEngine, OpenAIEngine]]:
    with OpenAIEngine() as reader, OpenAIEngine() as embedder:
        yield reader, embedder


def remotes(reader, embedder) -> str:
    return json.dumps({"reader": {"base_url": reader.url}, "embedder": {"base_url": embedder.url, "kind": "embedding"}})


def create_models(api: Api) -> None:
    for name, kind in (("reader", "chat"), ("embedder", "embedding")):
        created = api.post(
            "/model/create",
            {
                "name": name,
                "model": name,
                "backend": "remote",
                "kind": kind,
                "accept_unknown_price": True,
                "wait_s": 30,
            },
        )
        assert created.status == 202, created


@pytest.fixture(scope="module")
def rag(tmp_path_factory, engines) -> Iterator[Rag]:
    home = tmp_path_factory.mktemp("rag")
    with opened_world(home, LLMANAGER_REMOTES=remotes(*engines)) as world:
        create_models(world.api)
        yield Rag(world, *engines)


@pytest.fixture
def facts(rag) -> Iterator[str]:
    """The name of a collection that holds FACTS."""
    rag.call("/vdb/create", {"name": "facts", "model": "embedder"})
    for filename, text in FACTS.items():
        rag.upload(f"facts/{filename}", text.encode())
    job = rag.call("/vdb/embed", {"model": "embedder", "src": "facts/", "vdb": "facts"})
    assert rag.finished(job["job_id"])["result"]["chunks"] == len(FACTS)
    yield "facts"
    rag.call("/vdb/delete", {"name": "facts"})


def test_passages_and_what_was_said_are_really_in_the_prompt(rag, facts):
    first = rag.call("/chat", {"model": "reader", "vdb": facts, "query": "How high is the Eiffel Tower?", "k": 2})
    assert first["response"] == "hello"
    assert first["citations"][0]["source"].endswith("tower.txt")
    assert FACTS["tower.txt"] in first["citations"][0]["text"]

    asked = rag.prompts()[-1]
    assert asked[-1]["role"] == "user"
    assert FACTS["tower.txt"] in asked[-1]["content"]
    assert asked[-1]["content"].rstrip().endswith("How high is the Eiffel Tower?")

    second = rag.call(
        "/chat", {"model": "reader", "vdb": facts, "query": "Why does bread rise?", "chat_id": first["chat_id"], "k": 2}
    )
    asked = rag.prompts()[-1]
    said = [message["content"] for message in asked[:-1] if message["role"] != "system"]
    assert said == ["How high is the Eiffel Tower?", "hello"]
    assert FACTS["bread.txt"] in asked[-1]["content"]
    assert rag.call("/history/get", {"chat_id": second["chat_id"]}) == [
        {"q": "How high is the Eiffel Tower?", "a": "hello"},
        {"q": "Why does bread rise?", "a": "hello"},
    ]


def test_a_stream_begins_with_its_citations_and_ends_with_the_kept_turn(rag, facts):
    events = list(
        rag.api.events("/chat", {"model": "reader", "vdb": facts, "query": "Why does bread rise?", "stream": True})
    )
    assert json.loads(events[0])["citations"][0]["text"] == FACTS["bread.txt"]
    final = [json.loads(event) for event in events if event.startswith("{")][-1]
    assert rag.call("/history/get", {"chat_id": final["chat_id"]})[0]["a"] == final["response"] == "0 1 2 "


def test_a_chat_over_a_database_is_a_model_name_on_v1(rag, facts):
    answer = rag.call(
        "/v1/chat/completions",
        {"model": f"reader@chat:{facts}", "messages": [{"role": "user", "content": "Do salmon swim up rivers?"}]},
    )
    assert answer["model"] == f"reader@chat:{facts}"
    assert FACTS["salmon.txt"] in rag.prompts()[-1][-1]["content"]


def test_the_same_documents_again_cost_no_embedding(rag, facts):
    before = len(rag.embedded())
    job = rag.call("/vdb/embed", {"model": "embedder", "src": "facts/", "vdb": facts})
    assert rag.finished(job["job_id"])["status"] == "done"
    assert len(rag.embedded()) == before
    assert rag.call("/vdb/status", {"name": facts})["count"] == len(FACTS)


def test_a_hibernated_database_is_restored_by_the_first_question(rag, facts):
    rag.call("/vdb/hibernate", {"name": facts})
    assert rag.call("/vdb/status", {"name": facts})["is_up"] is False
    found = rag.call("/vdb/query", {"name": facts, "query": "Why does bread rise?"})
    assert found["data"][0] == FACTS["bread.txt"]
    assert rag.call("/vdb/status", {"name": facts})["is_up"] is True


def test_an_ingestion_that_is_killed_goes_on_and_embeds_no_kept_chunk_again(tmp_path, engines):
    """kill -9 of the server in the middle; what was in the collection then is not embedded a second time."""
    reader, embedder = engines
    home = tmp_path / "home"
    paragraphs = [f"Paragraph {number} tells of thing {number * 7919 % 1000}. " * 8 for number in range(1200)]
    settings = {"LLMANAGER_REMOTES": remotes(reader, embedder)}
    embedder.asked.clear()
    embedder.embed_s = 0.005
    try:
        with server_process(home, **settings) as (url, pid):
            create_models(Api(url))
            rag = Rag(World(Api(url), psutil.Process(pid), home), reader, embedder)
            rag.call("/vdb/create", {"name": "big", "model": "embedder"})
            file_id = rag.upload("big.txt", "\n\n".join(paragraphs).encode())
            job = rag.call("/vdb/embed", {"model": "embedder", "src": file_id, "vdb": "big"})
            eventually(lambda: rag.call("/vdb/status", {"name": "big"})["count"], lambda count: count >= 100)
            kept = {item["text"] for item in items_of(rag, "big")}
            os.kill(pid, signal.SIGKILL)
        first_round = len(rag.embedded())
        with opened_world(home, **settings) as world:
            rag = Rag(world, reader, embedder)
            ended = rag.finished(job["job_id"])
            assert ended["status"] == "done", ended
            items = items_of(rag, "big")
            assert rag.call("/vdb/status", {"name": "big"})["count"] == len(items) == ended["result"]["chunks"]
        assert kept.isdisjoint(rag.embedded()[first_round:])
        assert {item["text"] for item in items} == set(rag.embedded())
    finally:
        embedder.embed_s = 0.0


def test_ctrl_c_while_an_embedder_does_not_answer_gives_the_job_back_at_once(tmp_path):
    with OpenAIEngine() as reader, OpenAIEngine() as embedder:
        settings = {"LLMANAGER_REMOTES": remotes(reader, embedder)}
        embedder.is_hung = True
        with server_process(tmp_path, **settings) as (url, pid):
            process = psutil.Process(pid)
            create_models(Api(url))
            rag = Rag(World(Api(url), process, tmp_path), reader, embedder)
            rag.call("/vdb/create", {"name": "facts", "model": "embedder"})
            rag.upload("tower.txt", FACTS["tower.txt"].encode())
            job = rag.call("/vdb/embed", {"model": "embedder", "src": "tower.txt", "vdb": "facts"})
            eventually(rag.embedded, within_s=20)
            family = [process, *process.children(recursive=True)]
            process.send_signal(signal.SIGINT)
            assert survivors(family, within_s=5) == []
        assert "Traceback" not in (tmp_path / "stderr.log").read_text()
        embedder.is_hung = False
        embedder.released.set()
        with opened_world(tmp_path, **settings) as world:
            ended = Rag(world, reader, embedder).finished(job["job_id"])
            assert (ended["status"], ended["attempts"], ended["error"]) == ("done", 1, None)


def items_of(rag: Rag, name: str):
    items, cursor = [], None
    while True:
        page = rag.call("/vdb/get", {"name": name, "limit": 200, "cursor": cursor})
        items += page["items"]
        cursor = page["cursor"]
        if cursor is None:
            return items
