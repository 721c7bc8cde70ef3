"""Streams of SageMaker's containers, cut at any byte."""

import asyncio
import json
import struct
from binascii import crc32
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmanager.adapters.aws.sagemaker_stream import LINES, MAX_LINE_BYTES, WRAPPED, Events, Unwrapped, as_events
from llmanager.gateway.sse import DONE, event
from llmanager.kernel.errors import UpstreamFailed, UpstreamTimeout

CHUNK = {"choices": [{"index": 0, "delta": {"content": "é"}, "finish_reason": None}]}


def wrapped(payload: bytes, **headers: str) -> bytes:
    """One message as AWS sends it: https://smithy.io/2.0/aws/amazon-eventstream.html"""
    more = {f":{name.replace('_', '-')}": value for name, value in headers.items()}
    told = {":message-type": "event", ":event-type": "PayloadPart"} | more
    head = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for name, value in told.items()
    )
    prelude = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    body = prelude + struct.pack(">I", crc32(prelude)) + head + payload
    return body + struct.pack(">I", crc32(body))


def cut(data: bytes, at: list[int]) -> list[bytes]:
    ends = sorted({end % (len(data) + 1) for end in at} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(ends)]


@given(st.lists(st.binary(max_size=50), max_size=5), st.lists(st.integers(0, 10_000), max_size=20))
def test_what_was_wrapped_comes_out_wherever_it_is_cut(payloads, at):
    one = Unwrapped()
    pieces = cut(b"".join(wrapped(payload) for payload in payloads), at)
    assert b"".join(one.feed(piece) for piece in pieces) + one.end() == b"".join(payloads)


texts = st.text(max_size=20)


@given(st.lists(texts, min_size=1, max_size=6), st.lists(st.integers(0, 10_000), max_size=20), st.booleans())
def test_lines_of_json_become_events_wherever_they_are_cut(said, at, ends_with_newline):
    lines = [json.dumps({"said": text}, ensure_ascii=False).encode() for text in said]
    one = Events()
    pieces = cut(b"\n".join(lines) + (b"\r\n" if ends_with_newline else b""), at)
    assert b"".join(one.feed(piece) for piece in pieces) + one.end() == b"".join(map(event, lines)) + DONE


@given(st.lists(st.integers(0, 10_000), max_size=20))
def test_events_stay_as_they_are(at):
    data = event(json.dumps(CHUNK, ensure_ascii=False).encode()) + b": a comment\n\n" + DONE
    one = Events()
    assert b"".join(one.feed(piece) for piece in cut(data, at)) + one.end() == data


def test_a_line_without_an_end_is_not_kept_for_ever():
    with pytest.raises(UpstreamFailed, match="a line of more than"):
        Events().feed(b"{" + b"x" * MAX_LINE_BYTES)


@pytest.mark.parametrize(
    ("code", "error"),
    [("ModelInvocationTimeExceeded", UpstreamTimeout), ("StreamBroken", UpstreamFailed), (None, UpstreamFailed)],
)
def test_a_failure_within_the_stream_is_told_as_what_it_is(code, error):
    payload = b"no json" if code is None else json.dumps({"ErrorCode": code, "Message": "at 10.0.0.7"}).encode()
    broken = wrapped(payload, message_type="exception", exception_type="ModelStreamError")
    with pytest.raises(error) as told:
        Unwrapped().feed(broken)
    assert "10.0.0.7" not in str(told.value)


def test_bytes_that_are_no_message_are_a_broken_stream():
    good = bytearray(wrapped(b"hello"))
    good[-5] ^= 1
    with pytest.raises(UpstreamFailed, match="broke its stream off"):
        Unwrapped().feed(bytes(good))


class Response:
    status, headers = 200, {}

    def __init__(self, content_type, *chunks: bytes) -> None:
        self.content_type, self._chunks, self.is_closed = content_type, chunks, False

    async def chunks(self):
        for chunk in self._chunks:
            yield chunk

    async def close(self):
        self.is_closed = True


def test_a_response_is_events_all_the_way():
    line = json.dumps(CHUNK).encode()
    plain = Response(WRAPPED, wrapped(line[:7]), wrapped(line[7:] + b"\n"), wrapped(line))
    response = as_events(plain)
    assert response.content_type == "text/event-stream"
    assert asyncio.run(response.read(10_000)) == event(line) + event(line) + DONE
    asyncio.run(response.close())
    assert plain.is_closed


@pytest.mark.parametrize("kind", [LINES[0], f"{LINES[0]}; charset=utf-8"])
def test_lines_without_a_wrapper_are_taken_too(kind):
    assert asyncio.run(as_events(Response(kind, b'{"a":1}\n')).read(100)) == event(b'{"a":1}') + DONE


def test_more_than_the_limit_is_refused():
    with pytest.raises(UpstreamFailed, match="more than 3 bytes"):
        asyncio.run(as_events(Response(LINES[0], b'{"a":1}\n')).read(3))


def test_any_other_answer_is_left_alone():
    plain = Response("application/json", b"{}")
    assert as_events(plain) is plain
