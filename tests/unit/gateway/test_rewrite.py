import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmanager.gateway.errors import ContextLengthExceeded
from llmanager.gateway.ports import Usage
from llmanager.gateway.rewrite import StreamRewriter
from llmanager.kernel.errors import LLManagerError, UpstreamFailed
from tests.fakes.upstream_server import chunk, encoded, usage_chunk

DONE = b"data: [DONE]\n\n"


def rewritten(*events: bytes, name: str = "m", wants_usage: bool = False) -> list[bytes]:
    rewriter = StreamRewriter(name, wants_usage=wants_usage)
    outs = []
    for event in events:
        rewriter.take(event)
        outs.append(rewriter.drain())
    return outs


def data(event: bytes) -> dict[str, Any]:
    return json.loads(event[6:])


@given(st.text())
def test_an_event_with_nothing_to_change_is_passed_on_as_received(text: str):
    event = encoded(chunk(text, system_fingerprint="b1"))
    assert rewritten(event) == [event]
    spaced = b"data: " + json.dumps(chunk(text)).encode() + b"\r\n\r\n"
    assert rewritten(spaced) == [spaced]


@given(st.text(min_size=1), st.text())
def test_only_the_models_name_is_changed_and_all_else_keeps_its_bytes(name: str, text: str):
    event = encoded(chunk(text, model="/srv/w.gguf"))
    said = json.dumps("/srv/w.gguf").encode()
    (out,) = rewritten(event, name=name)
    assert data(out) == chunk(text, model=name)
    if "model" not in text:
        before, after = event.split(b'"model":' + said)
        assert out.startswith(before)
        assert out.endswith(after)


@pytest.mark.parametrize("text", ['"model":"up"', '\\"model":"up"', '","model":"up","x":"'])
def test_a_models_name_in_somebodys_text_is_left_alone(text: str):
    (out,) = rewritten(encoded(chunk(text, model="up")))
    assert data(out) == chunk(text, model="m")


def test_spaces_around_members_or_a_missing_name_make_no_difference():
    (out,) = rewritten(b"data: " + json.dumps(chunk("a", model="up")).encode() + b"\n\n")
    assert data(out) == chunk("a")
    nameless = chunk("a")
    del nameless["model"]
    assert data(rewritten(encoded(nameless))[0]) == chunk("a")


def test_content_is_never_null():
    role = chunk(None)
    role["choices"][0]["delta"] = {"role": "assistant", "content": None}
    assert data(rewritten(encoded(role))[0])["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    text = chunk(None) | {"choices": [{"text": None, "index": 0}]}
    assert data(rewritten(encoded(text))[0])["choices"][0]["text"] == ""


def test_tool_calls_pass_with_no_content():
    call = chunk(None)
    call["choices"][0]["delta"] = {"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]}
    assert rewritten(encoded(call)) == [encoded(call)]


def test_usage_nobody_asked_for_is_noted_and_hidden():
    rewriter = StreamRewriter("m", wants_usage=False)
    rewriter.take(encoded(chunk(None, finish="stop", usage={"prompt_tokens": 1, "completion_tokens": 9})))
    rewriter.take(encoded(usage_chunk(7, 9)))
    rewriter.take(DONE)
    last, done = rewriter.drain().split(b"\n\n")[:2]
    assert "usage" not in data(last)
    assert done + b"\n\n" == DONE
    assert rewriter.usage == Usage(7, 9)


def test_usage_that_was_asked_for_stays():
    finish, usage = encoded(chunk(None, finish="stop")), encoded(usage_chunk())
    assert rewritten(finish, usage, DONE, wants_usage=True) == [finish, usage, DONE]


@pytest.mark.parametrize("wants_usage", [True, False])
def test_empty_choices_without_usage_are_dropped(wants_usage: bool):
    empty = chunk("") | {"choices": [], "prompt_filter_results": []}
    assert rewritten(encoded(empty), b": ping\n\n", b"\n\n", wants_usage=wants_usage) == [b"", b"", b""]


def test_nothing_comes_after_done():
    stop = encoded(chunk(None, finish="stop"))
    assert rewritten(stop, DONE, encoded(chunk("more")), DONE) == [stop, DONE, b"", b""]


def test_done_needs_a_finish_reason():
    with pytest.raises(UpstreamFailed, match="finish_reason"):
        rewritten(encoded(chunk("a")), DONE)


@pytest.mark.parametrize(
    "event",
    [
        b"data: \n\n",
        b"data: no\n\n",
        b"data: []\n\n",
        b"data: [DONE]]\n\n",
        b'data: {"choices":[{"delta":5}]}\n\n',
        b'data: {"choices":[{"delta":{"content":5}}]}\n\n',
        b'data: {"choices":[],"x":"\xff"}\n\n',
        b'data: {"choices":' + b"[" * 100_000 + b"\n\n",
        b'data: {"error":"text"}\n\n',
    ],
)
def test_what_is_no_event_of_the_api_is_an_error(event: bytes):
    with pytest.raises(UpstreamFailed):
        rewritten(event)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "boom in /srv/x", "code": 500, "type": "server_error"}, UpstreamFailed),
        ({"message": "boom", "code": "weird", "type": 7}, UpstreamFailed),
        ({"code": 400, "type": "exceed_context_size_error", "n_ctx": "x"}, ContextLengthExceeded),
    ],
)
def test_an_error_event_is_raised_as_ours(error: dict[str, Any], kind: type[LLManagerError]):
    with pytest.raises(kind) as caught:
        rewritten(b"data: " + json.dumps({"error": error}).encode() + b"\n\n")
    assert "/srv" not in str(caught.value)
