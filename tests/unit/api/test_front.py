import asyncio
import json

import pytest
import structlog
from fastapi import FastAPI, Request
from structlog.testing import capture_logs

from llmanager.api.front import Front
from llmanager.api.validation import install_error_handlers
from llmanager.kernel.errors import NotFound
from tests.fakes.asgi import call, exchange

HOST = ("host", "localhost:8080")


def front(app, **settings):
    return Front(
        app, **({"allowed_hosts": ["localhost"], "max_body_bytes": 100, "new_id": lambda: "made-here"} | settings)
    )


class Inner:
    """An app that notes what reached it and answers with the body's size."""

    def __init__(self):
        self.scopes = []
        self.bodies = []

    async def __call__(self, scope, receive, send):
        self.scopes.append(scope)
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message["body"], message["more_body"]
        self.bodies.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"X-Request-Id", b"from-below")]})
        await send({"type": "http.response.body", "body": str(len(body)).encode()})


def error_of(body):
    return json.loads(body)["error"]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ([], 400, "bad_request"),
        ([HOST, HOST], 400, "bad_request"),
        ([("host", "localhost/health?x=")], 400, "bad_request"),
        ([("host", "evil.example")], 421, "misdirected_request"),
        ([HOST, ("origin", "http://evil.example")], 403, "foreign_origin"),
        ([HOST, ("x", "a" * 20_000)], 431, "headers_too_large"),
        ([HOST, *[(f"x{n}", "") for n in range(5_000)]], 431, "headers_too_large"),
        ([HOST, ("content-length", "101")], 413, "body_too_large"),
    ],
)
def test_what_no_route_should_see_is_refused_in_the_contracts_shape(headers, status, code):
    inner = Inner()
    met, answered, body = call(front(inner), "POST", "/x", headers)
    assert (met, error_of(body)["code"]) == (status, code)
    assert set(error_of(body)) == {"message", "type", "code", "param"}
    assert answered[b"x-request-id"] == b"made-here"
    assert answered[b"connection"] == b"close"  # a body may lie unread
    assert inner.scopes == []


def test_a_long_path_counts_like_a_long_header():
    assert call(front(Inner()), "GET", "/" + "a" * 20_000, [HOST])[0] == 431
    assert call(front(Inner()), "GET", "/x?" + "a" * 20_000, [HOST])[0] == 431


def test_a_good_request_passes_with_its_body_and_one_request_id():
    inner = Inner()
    answer = asyncio.run(exchange(front(inner), "POST", "/x", [HOST], [b"a" * 60, b"b" * 40]))
    assert (answer.status, answer.body) == (200, b"100")
    assert [value for name, value in answer.pairs if name.lower() == b"x-request-id"] == [b"made-here"]
    assert inner.scopes[0]["state"]["request_id"] == "made-here"


def test_the_callers_request_id_is_kept_if_it_is_harmless():
    assert call(front(Inner()), "GET", "/", [HOST, ("x-request-id", "trace-0001")])[1][b"x-request-id"] == b"trace-0001"
    assert call(front(Inner()), "GET", "/", [HOST, ("x-request-id", "a b")])[1][b"x-request-id"] == b"made-here"


def test_a_body_that_grows_over_the_limit_is_cut_whoever_reads_it():
    inner = Inner()
    status, _, body = call(front(inner), "POST", "/x", [HOST], [b"a" * 60, b"b" * 41, b"c" * 1000])
    assert (status, error_of(body)["code"]) == (413, "body_too_large")
    assert inner.bodies == []


def test_a_body_that_comes_in_drops_is_given_up_and_told_so():
    sent = []

    async def drop():
        await asyncio.sleep(0.001)
        return {"type": "http.request", "body": b"", "more_body": True}

    async def note(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/x", "headers": [(b"host", b"localhost")]}
    asyncio.run(front(Inner(), body_s=0.02)(scope, drop, note))
    assert (sent[0]["status"], error_of(sent[1]["body"])["code"]) == (400, "body_too_slow")
    assert (b"connection", b"close") in sent[0]["headers"]


def test_a_client_that_waits_for_its_answer_is_not_slow():
    async def patient(scope, receive, send):
        await receive()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.03):
                await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    assert call(front(patient, body_s=0.01), "POST", "/x", [HOST], b"a")[0] == 200


def test_fastapi_turns_a_cut_body_into_no_other_answer():
    app = FastAPI()
    install_error_handlers(app)

    @app.post("/x")
    async def read(request: Request):
        return len(await request.body())

    assert call(front(app), "POST", "/x", [HOST], [b"a" * 60, b"b" * 41])[0] == 413
    assert call(front(app), "POST", "/x", [HOST], [b"a" * 60, b"b" * 40])[2] == b"100"


def test_an_app_that_crashes_on_a_cut_body_is_not_a_failure_of_ours():
    async def fragile(scope, receive, send):
        raise ValueError((await receive())["type"])

    with capture_logs() as logs:
        assert call(front(fragile), "POST", "/x", [HOST], [b"a" * 101])[0] == 413
    assert logs == []


def test_stage_alias_and_slash_lead_to_the_same_route():
    inner = Inner()
    call(front(inner, stage="dev"), "POST", "/dev/models/create/", [HOST])
    assert inner.scopes[0]["path"] == "/model/create"
    assert inner.scopes[0]["raw_path"] == b"/model/create"


def crash(secret):
    raise RuntimeError(f"could not use {secret}") from KeyError(secret)


def test_a_crash_is_a_500_that_tells_its_request_id_and_nothing_of_the_cause():
    async def broken(scope, receive, send):
        crash("canary-1234")

    headers = [HOST, ("authorization", "Bearer canary-1234")]
    with capture_logs() as logs:
        status, answered, body = call(front(broken), "POST", "/x?q=canary-1234", headers, b"canary-1234")
    assert (status, error_of(body)["code"]) == (500, "internal_error")
    assert answered[b"x-request-id"].decode() in error_of(body)["message"]
    assert "canary" not in f"{body}{logs}"
    [line] = logs
    assert (line["error"], line["cause"], line["path"]) == ("RuntimeError", "KeyError", "/x")
    assert line["where"][-1].endswith(" crash")


def test_log_lines_of_a_request_carry_its_id():
    async def talkative(scope, receive, send):
        structlog.get_logger().info("hello")
        raise NotFound("Nothing here.")

    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        call(front(talkative), "GET", "/x", [HOST])
        structlog.get_logger().info("after")
    assert [line.get("request_id") for line in logs] == ["made-here", None]


def test_a_crash_inside_fastapi_has_the_same_shape():
    app = FastAPI()
    install_error_handlers(app)

    @app.get("/x")
    def broken():
        crash("canary-1234")

    with capture_logs() as logs:
        status, _, body = call(front(app), "GET", "/x", [HOST])
    assert (status, error_of(body)["code"]) == (500, "internal_error")
    assert "made-here" in error_of(body)["message"]
    assert [line["error"] for line in logs] == ["RuntimeError"]
    assert "canary" not in f"{body}{logs}"


def test_our_own_error_from_a_raw_app_keeps_its_status_and_is_not_logged():
    async def strict(scope, receive, send):
        raise NotFound("There is no model 'x'.")

    with capture_logs() as logs:
        status, _, body = call(front(strict), "GET", "/x", [HOST])
    assert (status, error_of(body)["message"]) == (404, "There is no model 'x'.")
    assert logs == []


def test_a_request_that_the_stopping_server_cuts_off_is_told_so():
    async def cut_off():
        started = asyncio.Event()

        async def endless(scope, receive, send):
            started.set()
            await asyncio.Event().wait()

        request = asyncio.create_task(exchange(front(endless), "POST", "/x", [HOST]))
        await started.wait()
        request.cancel()
        return await request

    answer = asyncio.run(cut_off())
    assert (answer.status, answer.error["code"]) == (503, "server_stops")


def test_an_answer_that_has_begun_stays_unfinished_so_that_the_server_closes():
    async def half(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError

    with capture_logs() as logs:
        answer = asyncio.run(exchange(front(half), "GET", "/x", [HOST]))
    assert (answer.status, answer.body, answer.is_ended) == (200, b"half", False)
    assert [line["error"] for line in logs] == ["RuntimeError"]


def test_websockets_are_refused_and_lifespan_passes():
    met, sent = [], []

    async def inner(scope, receive, send):
        met.append(scope["type"])

    async def send(message):
        sent.append(message["type"])

    asyncio.run(front(inner)({"type": "websocket", "headers": []}, None, send))
    asyncio.run(front(inner)({"type": "lifespan"}, None, send))
    assert (met, sent) == (["lifespan"], ["websocket.close"])
