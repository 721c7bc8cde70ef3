"""The surface that OpenAI's clients know, spoken to as they speak."""

import base64
import json
import struct

import openai
import pytest

from tests.api.shape import assert_error

MESSAGES = [{"role": "user", "content": "Hello, who are you?"}]
DIMENSIONS = 384  # of minilm


def chunks(events):
    """The events as objects. The last one must be [DONE]."""
    *data, done = list(events)
    assert done == "[DONE]"
    return [json.loads(event) for event in data]


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True)) / (sum(x * x for x in a) * sum(y * y for y in b)) ** 0.5


@pytest.fixture
def client(api):
    with openai.OpenAI(base_url=f"{api.base_url}/v1", api_key=api.key or "none", max_retries=0) as client:
        yield client


def test_models_are_listed_and_found_by_id(api, chat_model, embedding_model):
    listed = api.get("/v1/models").json
    assert listed["object"] == "list"
    assert {chat_model, embedding_model} <= {model["id"] for model in listed["data"]}
    found = api.get(f"/v1/models/{chat_model}").json
    assert (found["id"], found["object"]) == (chat_model, "model")
    assert found["created"] > 0
    assert_error(api.get("/v1/models/no-such-model"), 404)


def test_a_chat_is_completed(api, chat_model):
    answer = api.post("/v1/chat/completions", {"model": chat_model, "messages": MESSAGES, "max_tokens": 8})
    assert answer.status == 200
    said = answer.json
    assert (said["object"], said["model"]) == ("chat.completion", chat_model)
    assert said["choices"][0]["message"]["role"] == "assistant"
    assert isinstance(said["choices"][0]["message"]["content"], str)
    assert said["choices"][0]["finish_reason"] in ("stop", "length")
    assert 0 < said["usage"]["completion_tokens"] <= 8


def test_the_same_seed_gives_the_same_answer(api, chat_model):
    body = {"model": chat_model, "messages": MESSAGES, "max_tokens": 16, "seed": 7, "temperature": 0}
    first, second = (api.post("/v1/chat/completions", body).json["choices"][0]["message"] for _ in range(2))
    assert first == second


def test_a_streamed_chat_is_well_formed_from_first_to_last(api, chat_model):
    body = {"model": chat_model, "messages": MESSAGES, "max_tokens": 8, "stream": True}
    seen = chunks(api.events("/v1/chat/completions", body))
    assert all(chunk["object"] == "chat.completion.chunk" for chunk in seen)
    assert {chunk["model"] for chunk in (seen[0], seen[-1])} == {chat_model}
    assert all(len(chunk["choices"]) == 1 for chunk in seen), "usage was not asked for"
    assert all(chunk["choices"][0]["delta"].get("content", "") is not None for chunk in seen)
    assert [c["choices"][0]["finish_reason"] for c in seen if c["choices"][0]["finish_reason"]] in (
        ["stop"],
        ["length"],
    )
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in seen)


def test_usage_ends_a_stream_that_asked_for_it(api, chat_model):
    body = {"model": chat_model, "messages": MESSAGES, "max_tokens": 8, "stream": True}
    seen = chunks(api.events("/v1/chat/completions", {**body, "stream_options": {"include_usage": True}}))
    *_, last = seen
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] > 0
    assert all(chunk["choices"] for chunk in seen[:-1])


def test_a_text_is_completed(api, chat_model):
    answer = api.post("/v1/completions", {"model": chat_model, "prompt": "Once", "max_tokens": 8})
    assert answer.status == 200
    assert (answer.json["object"], answer.json["model"]) == ("text_completion", chat_model)
    assert isinstance(answer.json["choices"][0]["text"], str)


def test_a_streamed_text_is_completed(api, chat_model):
    body = {"model": chat_model, "prompt": "Once", "max_tokens": 8, "stream": True}
    assert all("text" in chunk["choices"][0] for chunk in chunks(api.events("/v1/completions", body)))


def test_embeddings_are_alike_for_like_texts(api, embedding_model):
    texts = ["A cat sat on the mat.", "A kitten was sitting on a rug.", "The stock market fell sharply."]
    answer = api.post("/v1/embeddings", {"model": embedding_model, "input": texts})
    assert answer.status == 200
    data = answer.json["data"]
    assert [item["index"] for item in data] == [0, 1, 2]
    cat, kitten, market = (item["embedding"] for item in data)
    assert len(cat) == DIMENSIONS
    assert cosine(cat, kitten) > cosine(cat, market) + 0.2


def test_embeddings_tell_how_many_tokens_they_took(api, embedding_model):
    answer = api.post("/v1/embeddings", {"model": embedding_model, "input": ["A cat sat on the mat."]})
    assert answer.json["usage"]["prompt_tokens"] > 0


def test_base64_holds_the_same_numbers(api, embedding_model):
    body = {"model": embedding_model, "input": "A cat sat on the mat."}
    plain = api.post("/v1/embeddings", body).json["data"][0]["embedding"]
    packed = api.post("/v1/embeddings", {**body, "encoding_format": "base64"}).json["data"][0]["embedding"]
    numbers = struct.unpack(f"<{DIMENSIONS}f", base64.b64decode(packed, validate=True))
    assert cosine(plain, numbers) > 0.9999


def test_unknown_fields_are_ignored_as_the_original_does(api, chat_model):
    body = {"model": chat_model, "messages": MESSAGES, "max_tokens": 2, "wholly_unknown": {"a": 1}}
    assert api.post("/v1/chat/completions", body).status == 200


def test_an_unknown_model_is_not_found_streaming_or_not(api):
    for stream in (False, True):
        body = {"model": "no-such-model", "messages": MESSAGES, "stream": stream}
        assert_error(api.post("/v1/chat/completions", body), 404)


def test_a_model_of_another_kind_says_so(api, chat_model, embedding_model):
    chat = {"model": embedding_model, "messages": MESSAGES}
    assert_error(api.post("/v1/chat/completions", chat), 400, 422, 501)
    assert_error(api.post("/v1/embeddings", {"model": chat_model, "input": "a"}), 400, 422, 501)


@pytest.mark.parametrize("path", ["/v1/images/generations", "/v1/audio/speech"])
def test_what_is_not_there_is_said_to_be_not_there(api, path):
    assert_error(api.post(path, {"model": "any", "prompt": "A cat", "input": "A cat"}), 501)


@pytest.mark.parametrize(
    "bad",
    [
        {"messages": []},
        {"messages": [3]},
        {"messages": [{"role": "user"}]},
        {"max_tokens": "8"},
        {"max_tokens": -1},
        {"temperature": "hot"},
        {"stream": "yes"},
        {"n": 0},
        {"n": 10**9},
    ],
    ids=str,
)
def test_a_chat_that_makes_no_sense_is_an_input_error(api, chat_model, bad):
    body = {"model": chat_model, "messages": MESSAGES, "max_tokens": 2, **bad}
    assert_error(api.post("/v1/chat/completions", body), 400, 422)


def test_the_client_library_chats(client, chat_model):
    answer = client.chat.completions.create(model=chat_model, messages=MESSAGES, max_tokens=8)
    assert answer.model == chat_model
    assert answer.choices[0].message.content


def test_the_client_library_streams(client, chat_model):
    with client.chat.completions.create(model=chat_model, messages=MESSAGES, max_tokens=8, stream=True) as stream:
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream)


def test_the_client_library_embeds(client, embedding_model):
    answer = client.embeddings.create(model=embedding_model, input=["one", "two"])
    assert [len(item.embedding) for item in answer.data] == [DIMENSIONS, DIMENSIONS]


def test_the_client_library_lists_models(client, chat_model):
    assert chat_model in {model.id for model in client.models.list()}


def test_the_client_library_knows_our_errors(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="no-such-model", messages=MESSAGES)
    assert caught.value.code
    assert "no-such-model" in caught.value.message
