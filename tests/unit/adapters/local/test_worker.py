"""What a real worker answers, to its gateway and to everybody else."""

import http.client
import json
from urllib.parse import urlsplit

import pytest

from llmanager.adapters.local.liveness import is_at_work
from tests.unit.adapters.local.conftest import CHAT, EMBED, ask

JSON = "application/json"
HELLO = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 4}
DOORS = ["/v1/models", "/props", "/slots", "/metrics", "/lora-adapters", "/tools", "/api/show", "/cors-proxy"]


@pytest.fixture
def chat(local):
    return local.run()


def test_it_chats_under_a_neutral_name(chat):
    status, _, text = ask(chat.base_url, "/v1/chat/completions", HELLO, chat.authorization)

    assert status == 200
    answer = json.loads(text)
    assert answer["usage"]["completion_tokens"] == 4
    assert answer["model"] == "local"
    assert "gguf" not in text


def test_without_its_key_it_answers_nobody(chat):
    for path in DOORS:
        assert ask(chat.base_url, path)[0] == 401, path
        assert ask(chat.base_url, path, authorization="Bearer guess")[0] == 401, path
    for path in ("/v1/chat/completions", "/completion", "/v1/embeddings", "/tokenize", "/slots/0?action=save"):
        assert ask(chat.base_url, path, HELLO)[0] == 401, path


def test_what_it_tells_without_a_key_is_that_it_lives(chat):
    status, _, text = ask(chat.base_url, "/health")

    assert (status, json.loads(text)) == (200, {"status": "ok"})


def test_no_page_of_the_web_may_read_it(chat):
    page = {"origin": "https://a.example"}
    for path, body in (("/health", None), ("/v1/chat/completions", HELLO)):
        _, headers, _ = ask(chat.base_url, path, body, chat.authorization, page)
        assert not headers.get("access-control-allow-origin"), path
        assert "access-control-allow-credentials" not in headers, path


def test_there_is_no_page_to_look_at(chat):
    assert ask(chat.base_url, "/", authorization=chat.authorization)[0] == 404


def test_each_slot_has_the_whole_context(chat):
    slots = json.loads(ask(chat.base_url, "/slots", authorization=chat.authorization)[2])

    assert [slot["n_ctx"] for slot in slots] == [2048] * CHAT.scaling.target_concurrency


def test_while_it_streams_it_tells_that_it_is_at_work(chat):
    parts = urlsplit(chat.base_url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
    endless = json.dumps({**HELLO, "max_tokens": 2000, "stream": True})
    connection.request(
        "POST", "/v1/chat/completions", endless, {"authorization": chat.authorization, "content-type": JSON}
    )
    assert connection.getresponse().readline().startswith(b"data: ")
    slots = json.loads(ask(chat.base_url, "/slots", authorization=chat.authorization)[2])
    connection.close()

    assert is_at_work(slots)
    assert not is_at_work([{**slot, "is_processing": False} for slot in slots])


def test_it_embeds(local):
    embedder = local.run(spec=EMBED)
    status, _, text = ask(embedder.base_url, "/v1/embeddings", {"input": ["a b", "c"]}, embedder.authorization)

    assert status == 200
    assert [len(item["embedding"]) for item in json.loads(text)["data"]] == [32, 32]


def test_a_text_as_long_as_the_context_is_embedded(local):
    embedder = local.run(spec=EMBED)
    status, _, text = ask(embedder.base_url, "/v1/embeddings", {"input": "a " * 500}, embedder.authorization)

    assert status == 200, text


def test_a_chat_models_weights_can_embed_too(local, tmp_path):
    """They name no pooling, so the worker has to."""
    local.weights.here("embed", tmp_path / "chat.gguf")
    embedder = local.run(spec=EMBED)
    status, _, text = ask(embedder.base_url, "/v1/embeddings", {"input": "hello"}, embedder.authorization)

    assert status == 200, text
    assert len(json.loads(text)["data"][0]["embedding"]) == 32
