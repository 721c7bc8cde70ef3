"""./run.sh fleet: a plain table of what /admin/fleet answers."""

import io
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from llmanager.cli import fleet
from llmanager.cli.fleet_table import drawn
from llmanager.kernel.errors import Forbidden, InvalidInput, Unauthenticated, Unavailable, UpstreamFailed

MEMBER = {
    "tenant": "acme",
    "name": "big",
    "model": "qwen",
    "backend": "sagemaker",
    "status": "ready",
    "why": "ready",
    "since": "2026-11-20T09:50:00.000Z",
    "instance_type": "ml.g6.xlarge",
    "replicas": 1,
    "instances": 1,
    "usd_per_hour": "1.212",
    "usd_per_hour_max": "3.636",
    "usd_spent": "2.6261",
    "last_used_at": "2026-11-20T11:59:48.000Z",
    "sleeps_at": "2026-11-20T12:14:48.000Z",
    "expires_at": None,
    "alarms": [],
}
VDB = {
    "tenant": "acme",
    "name": "facts",
    "status": "asleep",
    "why": "hibernated: idle",
    "since": "2026-11-17T12:00:00.000Z",
    "last_used_at": None,
    "sleeps_at": None,
    "expires_at": "2026-11-23T13:00:00.000Z",
}
TOTAL = {
    "models": 1,
    "instances": 1,
    "usd_per_hour": "1.212",
    "usd_spent": "2.6261",
    "unpriced": 0,
    "alarms": 0,
    "instances_max": 3,
    "usd_per_hour_max": "3.636",
}
CAPS = {"max_models": 200, "max_instances": 4, "max_usd_per_hour": "5", "instance_types": None}
FLEET = {"at": "2026-11-20T12:00:00.000Z", "models": [MEMBER], "vdbs": [VDB], "total": TOTAL, "caps": CAPS}


def lines(width=200, **changes):
    return drawn({**FLEET, **changes}, width).splitlines()


def test_the_whole_table():
    assert lines() == [
        "NAME   STATUS       SINCE  INSTANCE        $/H  SPENT $  LAST USED  SLEEPS IN  ENDS IN  WHY",
        "big    ready   2 h 10 min  ml.g6.xlarge  1.212     2.63       12 s     14 min        -  ready",
        "facts  asleep         3 d  vdb               -        -          -          -      3 d  hibernated: idle",
        "",
        "1 of 200 models, 1 billed instances, 1.212 $/h now, 2.63 $ spent",
        "at worst 3 of 4 instances, 3.636 of 5 $/h",
    ]


def test_several_instances_unknown_prices_and_no_limit():
    member = {**MEMBER, "instances": 2, "usd_per_hour": None, "usd_spent": None}
    told = lines(
        models=[member], total={**TOTAL, "unpriced": 1, "instances": 2}, caps={**CAPS, "max_usd_per_hour": None}
    )
    assert "2 x ml.g6.xlarge    ?        ?" in told[1]
    assert "1.212 $/h now and 1 at an unknown price, " in told[4]
    assert told[5] == "at worst 3 of 4 instances, 3.636 $/h"


def test_tenants_are_named_where_there_are_several():
    told = lines(vdbs=[{**VDB, "tenant": "rival"}], models=[{**MEMBER, "alarms": ["failed: no capacity"]}])
    assert told[1].startswith("acme/big ")
    assert told[2].startswith("rival/facts ")
    assert told[-1] == "! acme/big: failed: no capacity"


def test_a_limit_that_has_passed_is_due_now():
    assert " 0 s " in lines(models=[{**MEMBER, "sleeps_at": "2026-11-20T11:00:00.000Z"}])[1]


@pytest.mark.parametrize(
    ("since", "told"),
    [
        ("2026-11-20T11:59:01Z", "59 s"),
        ("2026-11-20T11:59:00Z", "1 min"),
        ("2026-11-20T11:00:01Z", "59 min"),
        ("2026-11-20T11:00:00Z", "1 h 00 min"),
        ("2026-11-19T12:00:01Z", "23 h 59 min"),
        ("2026-11-19T12:00:00Z", "1 d"),
        ("2026-11-20T12:00:09Z", "0 s"),
    ],
)
def test_spans(since, told):
    assert f" {told} " in lines(models=[{**MEMBER, "since": since}])[1]


def test_a_narrow_screen_cuts_and_nothing_draws_on_it():
    member = {**MEMBER, "why": "failed: \x1b[31m" + "x" * 100, "alarms": ["a\nb"]}
    told = lines(60, models=[member])
    assert max(map(len, told)) == 60
    assert told[1].endswith("…")
    assert "! big: a b" in told
    assert "\x1b" not in "".join(lines(models=[member]))


def test_exactly_as_wide_is_not_cut():
    assert lines(len(lines()[2]))[2] == lines()[2]


class Screen(io.StringIO):
    def isatty(self):
        return True


class Shell:
    def __init__(self, out, answers):
        self.out, self.answers, self.asked, self.pauses = out, iter(answers), [], []

    def ask(self, base_url, key):
        self.asked.append((base_url, key))
        answer = next(self.answers)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def run(self, *argv):
        url = "http://127.0.0.1:8080"
        return fleet.main(argv, url=url, key="lmk_x", out=self.out, width=120, pause=self.pauses.append, ask=self.ask)


@pytest.mark.parametrize(("out", "argv"), [(io.StringIO, ()), (Screen, ("--once",))])
def test_shown_once_where_nobody_watches_or_as_asked(out, argv):
    shell = Shell(out(), [FLEET])
    assert shell.run(*argv) == 0
    assert shell.out.getvalue() == drawn(FLEET, 120)
    assert shell.asked == [("http://127.0.0.1:8080", "lmk_x")]


def test_on_a_screen_it_is_drawn_anew_until_ctrl_c():
    shell = Shell(Screen(), [FLEET, FLEET, KeyboardInterrupt()])
    assert shell.run("--url", "https://llm.example/") == 0
    assert shell.pauses == [2.0, 2.0]
    assert shell.out.getvalue() == 2 * ("\x1b[H\x1b[2J" + drawn(FLEET, 120))
    assert shell.asked[0] == ("https://llm.example", "lmk_x")


def test_an_address_that_is_none_is_refused():
    with pytest.raises(InvalidInput, match="--url must be an http"):
        Shell(io.StringIO(), []).run("--url", "file:///etc/passwd")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),
        ("::", "http://127.0.0.1:8080"),
        ("::1", "http://[::1]:8080"),
        ("10.0.0.7", "http://10.0.0.7:8080"),
    ],
)
def test_this_machines_own_server(host, url):
    assert fleet.url_of(host, 8080) == url


@contextmanager
def answering(status, body):
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["content-length"])
            seen.append((self.path, self.headers["authorization"], self.rfile.read(length)))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_server_is_asked_with_the_key_and_past_a_proxy(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with answering(200, json.dumps(FLEET).encode()) as (url, seen):
        assert fleet.ask(url, "lmk_x") == FLEET
        assert fleet.ask(url, None) == FLEET
    assert seen == [("/admin/fleet", "Bearer lmk_x", b"{}"), ("/admin/fleet", None, b"{}")]


@pytest.mark.parametrize(
    ("status", "body", "error", "told"),
    [
        (401, b"", Unauthenticated, "LLMANAGER_API_KEY"),
        (403, b"", Forbidden, "scope admin"),
        (404, b"", UpstreamFailed, "answered 404"),
        (500, b"", UpstreamFailed, "answered 500"),
        (200, b"<html>", UpstreamFailed, "is no LLManager"),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(status, body, error, told):
    with answering(status, body) as (url, _), pytest.raises(error, match=told):
        fleet.ask(url, None)


def test_no_server_is_told():
    with answering(200, b"") as (url, _):
        pass
    with pytest.raises(Unavailable, match=r"No server answers at .* Start one with ./run.sh local"):
        fleet.ask(url, None)
