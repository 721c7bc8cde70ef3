"""LLManager's namesake: the calls of its README and example, and those of its Lambdas, unmodified.

What differs by necessity: the aliases of its catalogue are models for the cloud, so `demo-tiny` and `minilm` stand in
their place, and the buckets are those of /files. Its example waits for nothing; here jobs and models do their work
between two calls, so a test polls where an answer needs them done.
"""

from uuid import uuid4

import pytest

from tests.fakes.eventually import eventually

TEXT = (
    "Paris is the capital of France.\n\nThe Eiffel Tower is the tallest building in Paris, 330 metres high.\n\n"
    "Berlin is the capital of Germany.\n\nSalmon swim up rivers to spawn.\n"
)
WITHIN_S = 60


@pytest.fixture
def names():
    return {part: f"{part}-{uuid4().hex[:8]}" for part in ("llm", "embed", "vdb", "src", "target")}


@pytest.fixture
def call(api, names):
    def call(path, body, expect=(200, 202)):
        answer = api.post(path, body)
        assert answer.status in expect, answer
        return answer.json

    yield call
    for path, part in (("/model/delete", "llm"), ("/model/delete", "embed"), ("/vdb/delete", "vdb")):
        api.post(path, {"name": names[part]})


def upload(api, bucket, key, content):
    """What its users do with S3 before they call it."""
    announced = api.post("/files", {"filename": f"{bucket}/{key}", "bytes": len(content)}).json
    path = announced["put_url"].removeprefix(api.base_url)
    assert api.send("PUT", path, content).status == 200


def data_of(call, body):
    """The passages, as soon as what was added is there."""
    return eventually(lambda: call("/vdb/query", body)["data"], bool, within_s=WITHIN_S)


@pytest.mark.parametrize("prefix", ["/model", "/models"])
def test_the_flow_of_its_example(api, call, names, prefix):
    llm, embed, vdb = names["llm"], names["embed"], names["vdb"]
    upload(api, names["src"], "t8.shakespeare.txt", TEXT.encode())

    call(f"{prefix}/create", {"name": llm, "model": "demo-tiny"})
    call(f"{prefix}/create", {"name": embed, "model": "minilm"})
    call("/vdb/create", {"name": vdb})
    for path in (f"{prefix}/status", f"{prefix}/status", "/vdb/status"):
        assert isinstance(call(path, {"name": vdb if path == "/vdb/status" else llm})["is_up"], bool)

    call("/vdb/embed", {"model": embed, "src": names["src"], "target": names["target"], "vdb": vdb})
    call("/vdb/add", {"name": vdb, "src": names["target"]})

    question = "What is the capital of France?"
    data = data_of(call, {"model": embed, "query": question, "name": vdb})
    assert "Paris is the capital of France." in data[0]
    assert len(data) <= 10
    answer = call(f"{prefix}/query", {"model": llm, "query": question, "parameters": {"max_tokens": 8}})["response"]
    assert isinstance(answer, str)
    chat_id = call("/history/new", {"q": question, "a": answer})["chat_id"]

    assert call("/history/get", {"chat_id": chat_id}) == [{"q": question, "a": answer}]
    question = "And what is the tallest building in that city?"
    assert any("Eiffel" in text for text in data_of(call, {"model": embed, "query": question, "name": vdb}))
    answer = call(f"{prefix}/query", {"model": llm, "query": question, "parameters": {"max_tokens": 8}})["response"]
    call("/history/append", {"q": question, "a": answer, "chat_id": chat_id})
    assert len(call("/history/get", {"chat_id": chat_id})) == 2

    for path, part in ((f"{prefix}/delete", llm), (f"{prefix}/delete", embed), ("/vdb/delete", vdb)):
        call(path, {"name": part})


def test_what_its_lambdas_take(api, call, names):
    """name for model, id for chat_id, s3_* for src and target, an index named as its collection."""
    llm, embed, vdb = names["llm"], names["embed"], names["vdb"]
    upload(api, names["src"], "text.txt", TEXT.encode())

    created = call(
        "/model/create",
        {"name": llm, "model": "demo-tiny", "enableTimeout": True, "timeoutGPUThreshold": 0.05, "timeout": 300},
    )
    assert created["name"] == llm
    call("/model/create", {"name": embed, "model": "minilm"})
    call("/vdb/create", {"name": vdb})
    call("/vdb/add_index", {"name": vdb, "dim": 384})
    call(
        "/vdb/embed",
        {
            "model": embed,
            "s3_src_bucket": names["src"],
            "s3_src_key": "text.txt",
            "s3_dest_bucket": names["target"],
            "s3_dest_key": "text.json",
        },
    )
    call("/vdb/add", {"name": vdb, "index": vdb, "s3_src_bucket": names["target"], "s3_src_key": "text.json"})

    data = data_of(call, {"name": vdb, "index": vdb, "query": "Which fish swim up rivers?"})
    assert "Salmon" in data[0]
    asked = {"name": llm, "query": "Hello", "parameters": {"max_tokens": 8}}
    assert isinstance(call("/model/query", asked)["response"], str)
    chat_id = call("/history/new", {"q": "Hello", "a": "Hi"})["id"]
    call("/history/append", {"id": chat_id, "q": "How are you?", "a": "Well"})
    assert [turn["a"] for turn in call("/history/get", {"id": chat_id})] == ["Hi", "Well"]


def test_its_stage_prefix_is_tolerated(api, names, call):
    call("/dev/vdb/create", {"name": names["vdb"]})
    assert isinstance(call("/dev/vdb/status", {"name": names["vdb"]})["is_up"], bool)
    call("/dev/vdb/delete", {"name": names["vdb"]})


def test_an_idle_timeout_becomes_sleep_and_then_deletion(call, names):
    call(
        "/model/create",
        {"name": names["llm"], "model": "demo-tiny", "enableTimeout": True, "timeout": 600, "wait_s": 60},
    )
    assert call("/model/status", {"name": names["llm"]})["sleeps_at"] is not None
