"""Servers that are not ours: a configured command in the worker's place, and a remote one behind a key."""

import asyncio
import json
import threading

import pytest

from tests.api.shape import assert_error
from tests.e2e.crowd import Stream
from tests.e2e.world import HELLO, opened_world
from tests.fakes.upstream_server import Call, UpstreamServer, speak

pytestmark = pytest.mark.e2e

REMOTE_KEY = "remote-secret-0123456789abcdef"
CALLER_KEY = "callers-own-secret-0123456789"


async def guarded(call: Call) -> None:
    if call.headers.get("authorization") != f"Bearer {REMOTE_KEY}":
        await call.answer(401, {"error": {"message": f"bad key {call.headers.get('authorization')}"}})
    else:
        await speak(call, "Hel", "lo", model=call.json["model"])


async def redirecting(call: Call) -> None:
    await call.answer(307, {}, location=f"http://127.0.0.1:{call.headers['host'].rpartition(':')[2]}/elsewhere")


@pytest.fixture(scope="module")
def remote():
    """The server of somebody else, on an event loop of its own. A test sets its script."""
    loop, server = asyncio.new_event_loop(), UpstreamServer(guarded)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
    yield server
    asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="module")
def routed(remote, tmp_path_factory):
    base_url = f"http://127.0.0.1:{remote.port}/v1"
    remotes = {
        "right": {"base_url": base_url, "key": REMOTE_KEY, "served_name": "their-name"},
        "wrong": {"base_url": base_url, "key": "wrong-secret-0123456789abcdef", "served_name": "their-name"},
        "gone": {"base_url": "http://127.0.0.1:9"},
    }
    with opened_world(tmp_path_factory.mktemp("routed"), LLMANAGER_REMOTES=json.dumps(remotes)) as world:
        for name in remotes:
            world.create(name, name, backend="remote", accept_unknown_price=True)
        yield world


@pytest.fixture(autouse=True)
def _as_usual(remote):
    remote.script = guarded
    remote.calls.clear()


def ask(world, model, **more):
    headers = {"authorization": f"Bearer {CALLER_KEY}"}
    return world.api.post("/v1/chat/completions", {"model": model, "messages": HELLO, **more}, headers)


def test_their_name_goes_up_ours_comes_down_and_the_callers_key_stays_here(routed, remote):
    whole = ask(routed, "right")
    assert (whole.status, whole.json["model"]) == (200, "right")
    text = Stream.open(routed.api.base_url, "right").to_end()
    assert text.count(b'"model":"right"') == text.count(b"data: {") > 0
    assert b"their-name" not in text
    assert [call.json["model"] for call in remote.calls] == ["their-name"] * 2
    assert all(CALLER_KEY not in str(call.headers) for call in remote.calls)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_key_that_the_remote_refuses_is_a_502_that_tells_nothing_of_it(routed, stream):
    answer = ask(routed, "wrong", stream=stream)
    error = assert_error(answer, 502)
    assert "status 401" in error["message"]
    assert "secret" not in answer.body.decode()


def test_a_redirect_is_not_followed(routed, remote):
    remote.script = redirecting
    assert_error(ask(routed, "right"), 502)
    assert [call.path for call in remote.calls] == ["/v1/chat/completions"]


def test_a_remote_that_is_not_there_is_a_502(routed):
    assert_error(ask(routed, "gone"), 502)


def test_a_configured_command_serves_in_the_workers_place(world):
    world.create("outside", "long.gguf", engine="named")
    whole = world.chat("outside").json
    assert (whole["model"], whole["choices"][0]["message"]["content"]) == ("outside", "hello")
    text = Stream.open(world.api.base_url, "outside", max_tokens=3).to_end()
    assert text.count(b'"model":"outside"') == 4
    assert b"stand-in" not in text
    world.sleep("outside")
    assert world.chat("outside").status == 200
