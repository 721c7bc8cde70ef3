import json
import time
from typing import Any

import msgspec
import pytest

from llmanager.gateway import head
from llmanager.kernel.errors import InvalidInput

CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


def sent(body: dict[str, Any]) -> dict[str, Any]:
    """What an upstream would get of this chat request."""
    return msgspec.json.decode(msgspec.json.encode(head.chat(json.dumps(body).encode())))


def refused(body: bytes | dict[str, Any], read: Any = head.chat) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        read(body if isinstance(body, bytes) else json.dumps(body).encode())
    return caught.value


def test_openai_fields_pass_and_all_others_are_dropped():
    allowed = CHAT | {
        "max_tokens": 5,
        "n": 2,
        "stop": ["a"],
        "seed": -1,
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "tool_choice": {"type": "function"},
        "response_format": {"type": "json_schema", "json_schema": {"a": [1, None, "ü"]}},
        "logit_bias": {"1": -100.0},
    }
    assert sent(allowed | {"cache_salt": "x", "n_discard": -1, "id_slot": 3, "api_base": "http://evil"}) == allowed


def test_messages_stay_the_callers_bytes():
    raw = b'[{"role" : "user","content":"\\u00fc \\/ {\\"a\\":1}","x":[1.50e0]}]'
    assert raw[1:-1] in msgspec.json.encode(head.chat(b'{"model":"m","messages":' + raw + b"}"))


def test_null_means_absent():
    assert sent(CHAT | {"max_tokens": None, "stop": None, "tools": None, "stream": None}) == CHAT


def test_of_a_repeated_key_only_the_checked_value_is_sent():
    body = b'{"max_tokens": 999, "messages": [{}], "max_tokens": 5, "model": "a", "model": "b"}'
    assert msgspec.json.encode(head.chat(body)).count(b"max_tokens") == 1
    assert (head.chat(body).max_tokens, head.chat(body).model) == (5, "b")


BAD_NUMBERS = [-1, 0, 2**31, 2**63, -(2**63) - 1, 10**400, 1.0, 1.5, 1e2, True, "5", [], {}]
OUT_OF_BOUNDS = (
    [(name, value) for name in ("max_tokens", "max_completion_tokens", "n") for value in BAD_NUMBERS]
    + [("seed", value) for value in (2**63, -(2**63) - 1, 1.5, False, "1")]
    + [("temperature", value) for value in (-0.1, 2.1, True, "1", 10**400)]
    + [("top_p", value) for value in (-0.1, 1.1)]
    + [(name, value) for name in ("presence_penalty", "frequency_penalty") for value in (-2.1, 2.1)]
    + [("top_logprobs", value) for value in (-1, 21)]
    + [("n", 129)]
    + [("stop", value) for value in (["x"] * 17, "x" * 513, ["x" * 513], [1], 5)]
    + [("logit_bias", value) for value in ({"1": 101}, {"1": "a"}, {str(i): 0 for i in range(1025)}, [])]
    + [("tools", value) for value in ([{}] * 129, {}, "x", ["f"], [5], [[]])]
    + [("stream", 1), ("model", 5), ("model", "x" * 513), ("response_format", "json"), ("stream_options", [])]
)


@pytest.mark.parametrize(("name", "value"), OUT_OF_BOUNDS, ids=lambda value: str(value)[:20])
def test_what_is_out_of_bounds_is_refused_by_name(name: str, value: Any):
    assert refused(CHAT | {name: value}).param == name


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"01", b"+1", b"0x1"])
def test_numbers_that_are_not_json_are_refused(number: bytes):
    refused(b'{"model":"m","messages":[{}],"temperature":' + number + b"}")


@pytest.mark.parametrize("messages", [None, [], {}, "Hi", ["Hi"], [{}, 5], [[]]])
def test_messages_are_a_non_empty_array_of_objects(messages: Any):
    assert refused(CHAT | {"messages": messages}).param == "messages"


def test_a_missing_member_is_named():
    assert refused({"model": "m"}).param == "messages"


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b'"m"', b'{"messages":[{}]} x', b'{"messages":[{}]}{}', b'{"a":'])
def test_what_is_no_json_object_is_refused(body: bytes):
    refused(body)


@pytest.mark.parametrize("body", [b'{"messages":[{"a":"\xff"}]}', b'{"model":"\xc3","messages":[{}]}', b"\xfe\xff{}"])
def test_what_is_not_utf_8_is_refused_even_inside_raw_members(body: bytes):
    assert "UTF-8" in str(refused(body))


def nested(levels: int) -> bytes:
    """A request nested that deep: the body, the array of messages and a message make three."""
    inner = levels - 3
    return b'{"model":"m","messages":[{"a":' + b"[" * inner + b"]" * inner + b"}]}"


def test_64_levels_pass_and_65_do_not():
    padding = b', "p": "' + b"[" * 100 + b'"}'  # brackets in a text are no levels, but make the exact count run
    head.chat(nested(64)[:-1] + padding)
    assert "64 levels" in str(refused(nested(65)[:-1] + padding))
    refused(nested(100_000))


@pytest.mark.parametrize("body", [b'"' + b'\\"' * 1_000_000, b"[{" * 1_000_000, b'["' * 1_000_000, b"\\" * 2_000_000])
def test_hostile_bodies_cost_little(body: bytes):
    began = time.process_time()
    refused(body)
    assert time.process_time() - began < 1


def test_tokens_are_capped_by_the_context():
    chat = head.chat(json.dumps(CHAT | {"max_tokens": 48_000, "max_completion_tokens": 10}).encode())
    head.cap_tokens(chat, 512)
    assert (chat.max_tokens, chat.max_completion_tokens) == (512, 10)
    head.cap_tokens(chat, None)
    assert chat.max_tokens == 512


@pytest.mark.parametrize(
    ("sent", "kept"), [({}, (512, None)), ({"max_tokens": 9}, (9, None)), ({"max_completion_tokens": 9}, (None, 9))]
)
def test_an_answer_is_bounded_where_the_request_sets_no_bound(
    sent: dict[str, int], kept: tuple[int | None, int | None]
):
    chat = head.chat(json.dumps(CHAT | sent).encode())
    head.bound_answer(chat, None)
    assert (chat.max_tokens, chat.max_completion_tokens) == (sent.get("max_tokens"), sent.get("max_completion_tokens"))
    head.bound_answer(chat, 512)
    assert (chat.max_tokens, chat.max_completion_tokens) == kept


# Completions and embeddings.


@pytest.mark.parametrize("prompt", ["Hi", ["a", "b"], [1, 2, 3], [[1], [2, 3]]])
def test_a_prompt_is_text_texts_or_tokens(prompt: Any):
    assert head.completion(json.dumps({"model": "m", "prompt": prompt, "best_of": 2}).encode()).prompt == prompt


@pytest.mark.parametrize(
    "value", [[], "", [""], [[]], ["a", 1], [1, [1]], [-1], [2**31], [True], 5, None, {}, ["a"] * 2049]
)
def test_inputs_that_make_no_sense_are_refused(value: Any):
    assert refused({"model": "m", "input": value}, head.embedding).param == "input"


def test_a_long_list_of_tokens_is_one_input():
    assert head.embedding(json.dumps({"model": "m", "input": [1] * 5000}).encode()).input == [1] * 5000


@pytest.mark.parametrize(("name", "value"), [("dimensions", 0), ("dimensions", True), ("encoding_format", "int8")])
def test_other_embedding_members_are_checked(name: str, value: Any):
    assert refused({"model": "m", "input": "a", name: value}, head.embedding).param == name


# Our own one-question form.


def test_a_query_is_a_chat_of_one_message():
    chat = head.query(b'{"name": "m", "query": "Hi \\"you\\"", "parameters": {"temperature": 0, "max_tokens": 5}}')
    assert msgspec.json.decode(msgspec.json.encode(chat)) == {
        "model": "m",
        "messages": [{"role": "user", "content": 'Hi "you"'}],
        "temperature": 0.0,
        "max_tokens": 5,
        "stream": False,
    }


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"query": "Hi", "model": "m", "x": 1}, "x"),
        ({"query": "Hi", "model": "m", "parameters": {"x": 1}}, "parameters"),
        ({"query": "Hi", "model": "m", "parameters": {"messages": []}}, "parameters"),
        ({"query": "Hi", "model": "m", "parameters": {"n": 0}}, "parameters"),
        ({"query": "", "model": "m"}, "query"),
        ({"model": "m"}, "query"),
        ({"query": "Hi", "model": "m", "name": "o"}, "name"),
        ({"query": "Hi", "model": "m", "stream": None}, "stream"),
    ],
)
def test_a_query_is_strict(body: dict[str, Any], param: str):
    assert refused(body, head.query).param == param
