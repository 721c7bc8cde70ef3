"""An answer in time, whatever works on it."""

import asyncio
import json

import pytest

from llmanager.api.within import AnswerTooSlow, Within
from tests.fakes.asgi import exchange

FAST_S = 0.02
EVENTS, PLAIN = ((b"content-type", b"text/event-stream; charset=utf-8"),), ((b"content-type", b"text/plain"),)


def start(headers):
    return {"type": "http.response.start", "status": 200, "headers": list(headers)}


def answered(app, limit_s=FAST_S, **more):
    return asyncio.run(exchange(Within(app, limit_s, **more), "GET", "/"))


def slow_after(*messages):
    async def app(scope, receive, send):
        for message in messages:
            await send(message)
        await asyncio.sleep(60)

    return app


def test_what_is_quick_passes_as_it_is():
    async def app(scope, receive, send):
        await send(start(PLAIN))
        await send({"type": "http.response.body", "body": b"quick"})

    assert answered(app).body == b"quick"


def test_where_nothing_was_sent_it_is_an_error_for_whoever_renders_errors():
    with pytest.raises(AnswerTooSlow, match=r"within 0\.02 s") as told:
        answered(slow_after())
    assert told.value.retry_after_s > 0


def test_a_stream_of_events_ends_with_one_that_tells_why():
    part = {"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True}
    reply = answered(slow_after(start(EVENTS), part))
    assert reply.is_ended
    assert reply.body.startswith(b"data: 1\n\ndata: ")
    assert json.loads(reply.body.split(b"data: ")[2])["error"]["code"] == "answer_too_slow"


def test_any_other_stream_just_ends():
    reply = answered(slow_after(start(PLAIN), {"type": "http.response.body", "body": b"half", "more_body": True}))
    assert (reply.is_ended, reply.body) == (True, b"half")


def test_what_goes_on_after_the_answer_is_ended_without_a_word():
    reply = answered(slow_after(start(PLAIN), {"type": "http.response.body", "body": b"all"}))
    assert reply.body == b"all"


def test_what_says_nothing_is_ended_sooner_than_what_has_begun():
    """API Gateway ends a stream of which nothing came for five minutes, in words of its own."""
    with pytest.raises(AnswerTooSlow, match=r"within 0\.02 s"):
        answered(slow_after(), limit_s=60, silent_s=FAST_S)

    async def begun(scope, receive, send):
        await send(start(PLAIN))
        await asyncio.sleep(3 * FAST_S)
        await send({"type": "http.response.body", "body": b"late"})

    assert answered(begun, limit_s=60, silent_s=FAST_S).body == b"late"


def test_a_timeout_of_the_apps_own_is_not_taken_for_ours():
    async def app(scope, receive, send):
        raise TimeoutError

    with pytest.raises(TimeoutError):
        answered(app, limit_s=60)


def test_each_request_is_told_of_as_it_begins():
    began = []
    with pytest.raises(AnswerTooSlow):
        answered(slow_after(), began=lambda: began.append(1))
    assert began == [1]


def test_what_is_no_request_passes():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    asyncio.run(Within(app, FAST_S)({"type": "lifespan"}, None, None))
    assert seen == ["lifespan"]
