"""How a body comes in: piece by piece, slowly, half, or too many at once."""

import asyncio
from functools import partial

import pytest

from llmanager.files.entities import MAX_UPLOADS_AT_ONCE
from tests.fakes.asgi import Reply, exchange
from tests.unit.api.files_house import BOTH, House, path_of, scope_of


@pytest.fixture
def house():
    return House()


def test_a_body_comes_piece_by_piece_and_is_never_held_whole(house):
    made = house.made(b"x" * 1000)
    seen = []

    def put(key, pieces):
        seen.extend(len(piece) for piece in pieces)
        return 1000

    house.blobs.put = put
    reply = asyncio.run(exchange(house.app, "PUT", path_of(made["put_url"]), body=[b"x" * 100] * 10))
    assert (reply.status, seen) == (200, [100] * 10)


def test_a_client_that_goes_away_leaves_nothing_and_no_thread_waits_for_it(house):
    made = house.made()

    async def go_away():
        messages = [{"type": "http.request", "body": b"hel", "more_body": True}, {"type": "http.disconnect"}]

        async def receive():
            return messages.pop(0)

        reply = Reply()
        await house.app(scope_of(made), receive, reply.send)
        return reply

    assert asyncio.run(go_away()).status == 400
    assert house.all_threads_end()
    assert house.kept() == []
    assert house.put(made["put_url"], b"hello").status_code == 200


def test_a_server_that_stops_waits_for_no_body(house):
    made = house.made()

    async def stop():
        begun = asyncio.Event()
        first = [{"type": "http.request", "body": b"hel", "more_body": True}]

        async def receive():
            if first:
                return first.pop()
            begun.set()
            return await asyncio.Event().wait()

        reply = Reply()
        request = asyncio.create_task(house.app(scope_of(made), receive, reply.send))
        await begun.wait()
        request.cancel()
        await request
        assert await asyncio.to_thread(house.all_threads_end), "a thread waits for a body that nobody wants"
        return reply

    assert asyncio.run(asyncio.wait_for(stop(), 10)).status == 503
    assert house.kept() == []


def test_silence_is_what_ends_a_slow_upload_not_its_length(house):
    house.serve(BOTH, body_s=0.2)
    made = house.made(b"xxx")

    async def drip():
        left = [{"type": "http.request", "body": b"x", "more_body": n < 2} for n in range(3)]

        async def receive():
            await asyncio.sleep(0.1)
            return left.pop(0)

        reply = Reply()
        await house.app(scope_of(made), receive, reply.send)
        return reply

    assert asyncio.run(drip()).status == 200


def test_an_upload_that_falls_silent_is_given_up_and_told_so(house):
    house.serve(BOTH, body_s=0.02)
    made = house.made()

    async def fall_silent():
        first = [{"type": "http.request", "body": b"hel", "more_body": True}]

        async def receive():
            return first.pop() if first else await asyncio.Event().wait()

        reply = Reply()
        await house.app(scope_of(made), receive, reply.send)
        return reply

    reply = asyncio.run(asyncio.wait_for(fall_silent(), 10))
    assert (reply.status, reply.error["code"]) == (400, "body_stalled")
    assert house.kept() == []


def test_one_upload_more_than_may_come_in_at_once_is_sent_away_for_now(house):
    made = [house.made(filename=f"{n}") for n in range(MAX_UPLOADS_AT_ONCE + 1)]

    async def crowd():
        begun, go_on = asyncio.Semaphore(0), asyncio.Event()

        async def receive(pieces):
            begun.release()
            await go_on.wait()
            return pieces.pop(0)

        async def upload(one):
            reply = Reply()
            body = [{"type": "http.request", "body": b"hello", "more_body": False}]
            await house.app(scope_of(one), partial(receive, body), reply.send)
            return reply

        first = [asyncio.create_task(upload(one)) for one in made[:-1]]
        for _ in first:
            await begun.acquire()
        late = await upload(made[-1])
        go_on.set()
        return late, await asyncio.gather(*first), await upload(made[-1])

    late, first, again = asyncio.run(asyncio.wait_for(crowd(), 20))
    assert (late.status, late.error["code"], late.headers["retry-after"]) == (429, "uploads_busy", "5")
    assert {reply.status for reply in (*first, again)} == {200}
