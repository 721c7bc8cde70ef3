import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from structlog.testing import capture_logs

from llmanager.api.idempotency import KEEP_S, LEASE_S, MAX_KEPT_BYTES, Idempotency, StillRunning
from llmanager.api.validation import install_error_handlers
from llmanager.auth.errors import BadKey
from llmanager.kernel.errors import Conflict, Forbidden, Throttled, Unauthenticated, Unavailable
from llmanager.kernel.principal import SCOPES, Principal
from tests.fakes.asgi import call, exchange
from tests.fakes.clock import FakeClock
from tests.fakes.table import FakeTable


class Names:
    """A Keyring: the header's value is the key, 'tenant/key'."""

    error = None

    async def principal(self, authorization):
        if self.error:
            raise self.error
        if not authorization:
            raise BadKey
        tenant, _, key_id = authorization.partition("/")
        return Principal(tenant, key_id, SCOPES)


class Shop:
    """Counts its orders. `finish` is waited for, `during` acts in an order's middle, `fails` is raised."""

    def __init__(self):
        self.clock = FakeClock()
        self.table = FakeTable(self.clock)
        self.keyring = Names()
        self.orders = 0
        self.fails = None
        self.during = None
        self.begun = self.finish = None
        self.app = self.server(None)

    def server(self, sole_server):
        """A server on the table that there is."""
        app = FastAPI()
        install_error_handlers(app)
        parts = {"table": self.table, "keyring": self.keyring, "clock": self.clock}
        app.add_middleware(Idempotency, **parts, sole_server=sole_server)
        for path in ("/order", "/other", "/secret", "/long", "/stream"):
            app.post(path, status_code=202)(self.order)
        app.get("/order")(self.order)
        return app

    async def order(self, request: Request, response: Response):
        self.orders += 1
        number = self.orders
        if self.finish:
            self.begun.set()
            await self.finish.wait()
        if self.during:
            self.during()
        if self.fails:
            raise self.fails
        if request.url.path == "/secret":
            response.headers["cache-control"] = "no-store"
        if request.url.path == "/long":
            return "x" * MAX_KEPT_BYTES
        if request.url.path == "/stream":
            return StreamingResponse(iter(["a", "b"]), media_type="text/event-stream")
        return {"order": number}

    def post(self, key="k1", body=b'{"n": 1}', path="/order", who="acme/k", method="POST"):
        return call(self.app, method, path, self.headers(key, who), body)

    @staticmethod
    def headers(key, who):
        pairs = [("host", "localhost"), ("content-type", "application/json")]
        pairs += [("authorization", who)] if who else []
        return [*pairs, ("idempotency-key", key)] if key is not None else pairs


@pytest.fixture
def shop():
    return Shop()


def code(answer):
    return json.loads(answer[2])["error"]["code"]


def test_the_same_key_and_body_get_the_first_answer_again_and_nothing_is_done_twice(shop):
    first = shop.post()
    again = shop.post()
    assert (first[0], first[2]) == (again[0], again[2]) == (202, b'{"order":1}')
    assert again[1][b"content-type"] == first[1][b"content-type"]
    assert again[1][b"idempotent-replayed"] == b"true"
    assert b"idempotent-replayed" not in first[1]
    assert shop.orders == 1


def test_an_answer_is_kept_for_a_day(shop):
    shop.post()
    shop.clock.advance(KEEP_S - 1)
    assert shop.post()[2] == b'{"order":1}'
    shop.clock.advance(1)
    assert shop.post()[2] == b'{"order":2}'


@pytest.mark.parametrize("other", [{"body": b'{"n": 2}'}, {"path": "/order?dry=1"}, {"who": "acme/other-key"}])
def test_the_same_key_for_something_else_is_refused(shop, other):
    shop.post()
    answer = shop.post(**other)
    assert (answer[0], code(answer)) == (422, "idempotency_key_reused")
    assert shop.orders == 1


@pytest.mark.parametrize("other", [{"path": "/other"}, {"who": "rival/k"}, {"key": "k2"}])
def test_another_route_tenant_or_key_is_another_request(shop, other):
    shop.post()
    assert shop.post(**other)[2] == b'{"order":2}'


def test_without_a_key_or_on_get_every_request_is_carried_out(shop):
    shop.post(key=None)
    shop.post(key=None)
    shop.post(method="GET", body=b"")
    shop.post(method="GET", body=b"")
    assert shop.orders == 4
    assert shop.table.scan().rows == ()


@pytest.mark.parametrize("key", ["", "a b", "é", "a" * 256])
def test_a_key_that_is_none_is_refused(shop, key):
    assert shop.post(key=key)[0] == 422
    assert shop.orders == 0


def test_two_keys_are_none(shop):
    headers = [*shop.headers("k1", "acme/k"), ("idempotency-key", "k2")]
    assert call(shop.app, "POST", "/order", headers, b"{}")[0] == 422


def test_a_second_request_while_the_first_runs_is_told_to_come_back(shop):
    async def scenario():
        shop.begun, shop.finish = asyncio.Event(), asyncio.Event()
        first = asyncio.create_task(exchange(shop.app, "POST", "/order", shop.headers("k1", "acme/k"), b"{}"))
        await shop.begun.wait()
        second = await exchange(shop.app, "POST", "/order", shop.headers("k1", "acme/k"), b"{}")
        shop.finish.set()
        return await first, second

    first, second = asyncio.run(scenario())
    assert first.status == 202
    assert (second.status, second.headers["retry-after"]) == (409, "1")
    assert json.loads(second.body)["error"]["code"] == "idempotency_still_running"
    assert shop.orders == 1


def test_of_two_that_claim_a_key_at_the_same_moment_one_is_carried_out(shop):
    shop.table.before_write = lambda _: shop.post()  # it is through before the other's claim is written
    assert shop.post()[2] == b'{"order":1}'
    assert shop.orders == 1


def cut_off(shop):
    """A request that has begun, and of which nobody will know how it ended."""

    async def scenario():
        shop.begun, shop.finish = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(exchange(shop.app, "POST", "/order", shop.headers("k1", "acme/k"), b'{"n": 1}'))
        await shop.begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        shop.finish = None

    asyncio.run(scenario())


def test_a_request_that_was_cut_off_is_not_carried_out_a_second_time(shop):
    cut_off(shop)
    shop.clock.advance(LEASE_S - 1)
    assert code(shop.post()) == "idempotency_still_running"
    shop.clock.advance(1)
    assert code(shop.post()) == "idempotency_cut_off"
    assert shop.orders == 1
    assert shop.post(key="k2")[2] == b'{"order":2}'


def test_the_server_after_a_crash_knows_at_once_that_the_request_was_cut_off(shop):
    shop.app = shop.server("first run")
    cut_off(shop)
    assert code(shop.post()) == "idempotency_still_running"
    shop.app = shop.server("second run")
    assert code(shop.post()) == "idempotency_cut_off"


def test_of_several_servers_none_takes_anothers_request_for_one_that_was_cut_off(shop):
    cut_off(shop)
    shop.app = shop.server(None)
    assert code(shop.post()) == "idempotency_still_running"


def test_a_request_that_outlives_its_lease_is_carried_out_once_and_its_answer_kept(shop):
    def overtaken():
        shop.during = None
        shop.clock.advance(LEASE_S)
        with ThreadPoolExecutor() as aside:  # this thread's event loop is busy with the first
            assert code(aside.submit(shop.post).result(timeout=10)) == "idempotency_cut_off"

    shop.during = overtaken
    assert shop.post()[2] == shop.post()[2] == b'{"order":1}'


PASSING = [Throttled("Later."), Unavailable("Down."), Forbidden("No."), Unauthenticated("No."), StillRunning()]


@pytest.mark.parametrize("error", PASSING, ids=lambda error: error.code)
def test_what_may_turn_out_differently_next_time_is_not_kept(shop, error):
    shop.fails = error
    assert shop.post()[0] in (401, 403, 409, 429, 503)
    assert shop.table.scan().rows == ()
    shop.fails = None
    assert shop.post()[0] == 202


def test_a_crash_in_the_route_frees_the_key(shop):
    shop.fails = RuntimeError()
    with pytest.raises(RuntimeError):
        shop.post()
    assert shop.table.scan().rows == ()


def test_a_final_refusal_is_kept_like_any_answer(shop):
    shop.fails = Conflict("It exists.")
    first = shop.post()
    shop.fails = None
    again = shop.post()
    assert (first[0], first[2]) == (again[0], again[2])
    assert again[0] == 409


@pytest.mark.parametrize("path", ["/secret", "/long", "/stream"])
def test_secrets_long_answers_and_streams_are_carried_out_once_and_never_repeated(shop, path):
    first = shop.post(path=path)
    again = shop.post(path=path)
    assert first[0] in (200, 202)
    assert (again[0], code(again)) == (409, "idempotency_not_replayed")
    assert shop.orders == 1
    assert "text" not in shop.table.scan().rows[0].body


def test_a_stream_is_not_held_back(shop):
    assert shop.post(path="/stream")[2] == b"ab"


def test_an_unknown_caller_gets_the_routes_own_answer_and_leaves_no_row(shop):
    shop.fails = BadKey()
    assert shop.post(who=None)[0] == 401
    assert shop.table.scan().rows == ()


def test_when_the_caller_cannot_be_known_nothing_is_carried_out(shop):
    shop.keyring.error = Unavailable("Down.")
    assert shop.post()[0] == 503
    assert shop.orders == 0


def test_when_the_key_cannot_be_claimed_nothing_is_carried_out(shop):
    shop.table.down = Unavailable("Down.")
    assert shop.post()[0] == 503
    assert shop.orders == 0


def test_when_the_answer_cannot_be_kept_it_goes_out_all_the_same(shop):
    shop.during = lambda: setattr(shop.table, "down", Unavailable("Down."))
    with capture_logs() as logs:
        assert shop.post()[2] == b'{"order":1}'
    assert [line["event"] for line in logs] == ["idempotency_not_settled"]
    shop.table.down, shop.during = None, None
    assert code(shop.post()) == "idempotency_still_running"
    shop.clock.advance(LEASE_S)
    assert code(shop.post()) == "idempotency_cut_off"


def test_a_key_that_others_claim_and_free_all_the_time_is_still_running(shop):
    shop.table.get = lambda partition, sort: None
    shop.table.put = lambda row, expect="any": (_ for _ in ()).throw(Conflict("Taken."))
    assert code(shop.post()) == "idempotency_still_running"


def test_no_row_holds_the_key_the_body_or_the_caller_in_clear(shop):
    shop.post(key="canary-key", body=b'{"n": "canary-body"}', who="acme/canary-id")
    assert "canary" not in repr(shop.table.scan().rows)
