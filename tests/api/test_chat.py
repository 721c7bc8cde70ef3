"""Chat over HTTP: with passages, with what was said before, as a stream, as a model's name."""

import json

import pytest

from tests.api.shape import assert_error

FACTS = [
    {"id": "cu", "text": "Copper conducts electricity well.", "metadata": {"kind": "metal", "source": "metals.txt"}},
    {"id": "bee", "text": "Bees dance to tell where flowers are.", "metadata": {"kind": "insect"}},
]
SHORT = {"max_tokens": 4, "temperature": 0}


@pytest.fixture
def facts(api, name, embedding_model):
    assert api.post("/vdb/create", {"name": name}).status == 202
    assert api.post("/vdb/add", {"name": name, "model": embedding_model, "documents": FACTS}).status == 200
    yield name
    assert api.post("/vdb/delete", {"name": name}).status in (200, 404)


@pytest.fixture
def ask(api, chat_model):
    def asked(status=200, **body):
        answer = api.post("/chat", {"model": chat_model, "query": "What conducts?", "parameters": SHORT, **body})
        assert answer.status == status, answer
        return assert_error(answer, status) if status >= 400 else answer.json

    return asked


def turns(api, chat_id):
    return api.post("/history/get", {"chat_id": chat_id}).json


def test_an_answer_cites_its_passages_and_is_kept_as_a_turn(api, ask, facts):
    first = ask(vdb=facts, k=1)
    assert [(one["id"], one["source"]) for one in first["citations"]] == [("cu", "metals.txt")]
    second = ask(query="And who dances?", vdb=facts, chat_id=first["chat_id"], filter={"kind": "insect"})
    assert [one["id"] for one in second["citations"]] == ["bee"]
    assert second["usage"]["prompt_tokens"] > 0
    assert [turn["q"] for turn in turns(api, first["chat_id"])] == ["What conducts?", "And who dances?"]


def test_a_stream_begins_with_the_citations_and_ends_with_the_whole(api, chat_model, facts):
    body = {"model": chat_model, "query": "What conducts?", "vdb": facts, "stream": True, "parameters": SHORT}
    first, *deltas, last = map(json.loads, api.events("/chat", body))
    assert first["citations"] == last["citations"]
    assert "".join(event["delta"] for event in deltas) == last["response"]
    assert turns(api, last["chat_id"]) == [{"q": "What conducts?", "a": last["response"]}]


LIBRARY = [{"id": "hours", "text": "# Library\n\nIt opens at 9 in the morning. It closes at 5. A card is free."}]


@pytest.fixture
def library(api, name, embedding_model):
    assert api.post("/vdb/create", {"name": name}).status == 202
    assert api.post("/vdb/add", {"name": name, "model": embedding_model, "documents": LIBRARY}).status == 200
    yield name
    assert api.post("/vdb/delete", {"name": name}).status in (200, 404)


def test_a_request_chooses_between_sentences_and_whole_chunks(ask, library):
    (chunk,) = ask(query="When does the library close?", vdb=library, context="chunks")["citations"]
    assert (chunk["id"], chunk["text"], chunk["span"]) == ("hours", LIBRARY[0]["text"], None)
    first, *others = ask(query="When does the library close?", vdb=library, context="sentences")["citations"]
    assert (first["id"], first["text"]) == ("hours", "It closes at 5.")
    assert LIBRARY[0]["text"][slice(*first["span"])] == first["text"]
    assert {one["id"] for one in others} <= {"hours"}


def test_a_short_question_is_understood_from_the_one_before(ask, library):
    first = ask(query="When does the library open?", vdb=library, context="sentences")
    assert first["citations"][0]["text"] == "It opens at 9 in the morning."
    second = ask(query="And close?", vdb=library, context="sentences", chat_id=first["chat_id"])
    assert second["citations"][0]["text"] == "It closes at 5."


def test_a_model_that_may_only_quote_does_so_in_every_way_to_ask(api, ask, chat_model, library):
    known = {entry["alias"]: entry for entry in api.get("/model/catalog").json["models"]}
    of_model = known.get(api.post("/model/status", {"name": chat_model}).json["model"], {})
    if not of_model.get("quotes_only"):
        pytest.skip("the chat model of this run may say anything")
    allowed = {"parameters": {"temperature": 1, "max_tokens": 100}, "vdb": library}
    whole = ask(query="When does the library close?", **allowed)
    body = {"model": chat_model, "query": "When does the library close?", **allowed, "stream": True}
    *_, streamed = map(json.loads, api.events("/chat", body))
    messages = [{"role": "user", "content": "When does the library close?"}]
    named = api.post("/v1/chat/completions", {"model": f"{chat_model}@chat:{library}", "messages": messages}).json
    said = [(told["response"], told["citations"]) for told in (whole, streamed)]
    for text, cited in [*said, (named["choices"][0]["message"]["content"], named["citations"])]:
        quotes = [f'According to [{n}]: "{one["text"]}"' for n, one in enumerate(cited, start=1)]
        assert text in ["I don't know.", *quotes]


@pytest.mark.parametrize(
    ("wrong", "status", "param"),
    [
        ({"vdb": "no-such-vdb"}, 404, None),
        ({"chat_id": "nothing"}, 404, None),
        ({"model": "no-such-model"}, 404, None),
        ({"k": 3}, 422, None),
        ({"context": "sentences"}, 422, None),
        ({"vdb": "any", "context": "pages"}, 422, "context"),
        ({"vdb": "any", "k": 51}, 422, "k"),
        ({"query": ""}, 422, "query"),
        ({"query": "x" * 50_001}, 422, "query"),
        ({"query": "x " * 20_000}, 422, "query"),
        ({"parameters": {"temperature": 5}}, 422, "parameters.temperature"),
    ],
    ids=lambda value: str(value)[:30],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_answered_has_its_status_streamed_or_not(ask, wrong, status, param, stream):
    assert ask(status, **wrong, stream=stream)["param"] == param


def test_a_length_is_told_in_characters(ask):
    assert "at least 1 character" in str(ask(422, query="")["message"])


def test_a_refused_question_leaves_the_chat_as_it_was(api, ask, facts):
    chat_id = ask()["chat_id"]
    assert ask(422, chat_id=chat_id, vdb=facts, filter={"nowhere": 1})["code"] == "unknown_field"
    assert len(turns(api, chat_id)) == 1


def test_it_is_a_model_on_the_openai_surface_too(api, chat_model, facts):
    body = {"model": f"{chat_model}@chat:{facts}", "messages": [{"role": "user", "content": "What conducts?"}], **SHORT}
    answer = api.post("/v1/chat/completions", body).json
    assert answer["citations"][0]["id"] == "cu"
    first, *_, done = api.events("/v1/chat/completions", {**body, "stream": True})
    assert json.loads(first)["citations"] == answer["citations"]
    assert done == "[DONE]"
    assert_error(api.post("/v1/chat/completions", {**body, "model": f"{chat_model}@chat:no-such-vdb"}), 404)
    assert_error(api.post("/v1/chat/completions", {**body, "tools": [{"type": "function"}]}), 400)


def test_a_database_and_a_chat_of_another_tenant_read_as_absent(keyed, name):
    assert keyed.owner.post("/vdb/create", {"name": name, "dim": 2}).status == 202
    chat_id = keyed.owner.post("/history/new", {"q": "Who?", "a": "You."}).json["chat_id"]
    for theirs in ({"vdb": name}, {"chat_id": chat_id}):
        assert_error(keyed.rival.post("/chat", {"model": "any", "query": "Hello", **theirs}), 404)
    body = {"model": f"any@chat:{name}", "messages": [{"role": "user", "content": "Hello"}]}
    assert_error(keyed.rival.post("/v1/chat/completions", body), 404)
