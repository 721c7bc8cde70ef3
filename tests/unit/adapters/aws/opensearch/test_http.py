"""Requests: signed as AWS's own signer signs, repeated while a collection wakes up, and given up in time."""

import json

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError, UnauthorizedSSOTokenError

from llmanager.adapters.aws.opensearch_errors import Refused
from llmanager.adapters.aws.opensearch_http import OpenSearch, signer, unsigned
from llmanager.adapters.aws.opensearch_kind import Patience
from llmanager.kernel.deadline import TooLate, deadline
from llmanager.kernel.errors import OutOfSpace, Throttled, Unavailable
from llmanager.vdb.errors import WriteTooLarge
from tests.fakes.clock import FakeClock

URL = "https://abc.aoss.eu-west-1.on.aws"
WAKING = Patience(call_s=60, refused_s=20, visible_s=30)
KEYS = Credentials("AKIDEXAMPLE", "secret", "session-token")


class Answer:
    def __init__(self, status, body=b"{}"):
        self.status_code, self.content = status, body if isinstance(body, bytes) else json.dumps(body).encode()

    def __repr__(self):
        """As the name of a test: the same in every process."""
        return f"answer {self.status_code}"


class Session:
    """Answers with what it was given, the last of it for ever; each takes `takes_s`."""

    def __init__(self, clock, *answers, takes_s=0.0):
        self.clock, self.answers, self.takes_s, self.requests = clock, list(answers), takes_s, []

    def send(self, request):
        self.requests.append(request)
        self.clock.advance(self.takes_s)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def clock():
    return FakeClock()


def connected(clock, *answers, takes_s=0.0, sign=unsigned):
    session = Session(clock, *answers, takes_s=takes_s)
    return OpenSearch(URL, session, sign, clock, patience=WAKING, pause=clock.advance), session


@pytest.mark.parametrize("service", ["aoss", "es"])
def test_a_request_carries_the_signature_that_botocore_makes_of_it(clock, service):
    http, session = connected(clock, Answer(200), sign=signer(KEYS, service, "eu-west-1"))
    http.ask("POST", "lm-dev-books-1/_search", {"size": 1}, what="search")
    (sent,) = session.requests
    expected = AWSRequest("POST", sent.url, dict(sent.headers), b'{"size":1}')
    for name in ("Authorization", "Content-Length"):  # the length is added behind the signature
        del expected.headers[name]
    expected.context["timestamp"] = sent.headers["X-Amz-Date"]
    auth = SigV4Auth(KEYS.get_frozen_credentials(), service, "eu-west-1")
    canonical = auth.canonical_request(expected)
    auth._inject_signature_to_request(expected, auth.signature(auth.string_to_sign(expected, canonical), expected))
    assert sent.headers["Authorization"] == expected.headers["Authorization"]
    assert f"/eu-west-1/{service}/aws4_request" in sent.headers["Authorization"]
    assert "x-amz-content-sha256" in sent.headers["Authorization"]
    assert sent.headers["X-Amz-Security-Token"] == "session-token"


def test_the_digest_that_serverless_wants_is_that_of_the_body(clock):
    http, session = connected(clock, Answer(200), sign=signer(KEYS, "aoss", "eu-west-1"))
    http.ask("GET", "_mapping", what="list")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert session.requests[0].headers["X-Amz-Content-SHA256"] == empty


def test_credentials_that_ran_out_are_said_to_be_that(clock):
    class RanOut:
        def get_frozen_credentials(self):
            raise UnauthorizedSSOTokenError()

    http, _ = connected(clock, Answer(200), sign=signer(RanOut(), "aoss", "eu-west-1"))
    with pytest.raises(Unavailable, match="credentials"):
        http.ask("GET", "_mapping", what="list")


def test_nothing_is_signed_for_an_open_one(clock):
    http, session = connected(clock, Answer(200, {"a": 1}))
    assert http.ask("GET", "_mapping", what="list").body == {"a": 1}
    assert "Authorization" not in session.requests[0].headers


@pytest.mark.parametrize(
    "asleep",
    [Answer(503), Answer(502), Answer(504, b"<html>"), Answer(429), Answer(403), ReadTimeoutError(endpoint_url=URL)],
    ids=repr,
)
def test_a_collection_that_wakes_up_is_waited_for(clock, asleep):
    http, session = connected(clock, asleep, asleep, asleep, Answer(200, {"awake": True}))
    assert http.ask("POST", "x/_search", {}, what="search").body == {"awake": True}
    assert len(session.requests) == 4


@pytest.mark.parametrize(
    ("answer", "error", "after_s"),
    [
        (Answer(503), Unavailable, 60),
        (Answer(429), Throttled, 60),
        (Answer(403), Unavailable, 20),
        (ConnectTimeoutError(endpoint_url=URL), Unavailable, 60),
    ],
    ids=repr,
)
def test_one_that_does_not_wake_is_given_up_in_time_and_the_error_says_what_to_do(clock, answer, error, after_s):
    http, _ = connected(clock, answer, takes_s=1)
    with pytest.raises(error, match=r"[Tt]ry again|tried again") as raised:
        http.ask("POST", "x/_search", {}, what="search")
    assert after_s - 5 <= clock.monotonic_s() <= after_s + 1
    assert raised.value.retry_after_s > 0


def test_a_timeout_is_not_waited_for_longer_than_a_call_may_take(clock):
    http, session = connected(clock, ReadTimeoutError(endpoint_url=URL), takes_s=30)
    with pytest.raises(Unavailable):
        http.ask("POST", "x/_search", {}, what="search")
    assert len(session.requests) == 2


@pytest.mark.parametrize("status", [400, 404, 405, 409])
def test_an_answer_that_nobody_expects_is_raised_at_once_as_it_is(clock, status):
    http, session = connected(clock, Answer(status, {"error": {"type": "odd_exception", "reason": "because"}}))
    with pytest.raises(Refused, match=f"refused to search: {status} odd_exception: because"):
        http.ask("POST", "x/_search", {}, what="search")
    assert len(session.requests) == 1
    assert http.ask("POST", "x/_search", {}, what="search", expected=(status,)).status == status


def test_a_full_disk_and_a_body_too_large_are_told_as_such(clock):
    blocked = {"type": "cluster_block_exception", "reason": "index [x] blocked: read-only / allow delete"}
    http, _ = connected(clock, Answer(429, {"error": blocked}))
    with pytest.raises(OutOfSpace):
        http.ask("POST", "x/_bulk", b"", what="write")
    http, _ = connected(clock, Answer(413, b"too large"))
    with pytest.raises(WriteTooLarge):
        http.ask("POST", "x/_bulk", b"", what="write")


@pytest.mark.parametrize(("method", "path"), [("PUT", "x"), ("DELETE", "x"), ("POST", "x/_bulk")])
def test_nothing_is_changed_after_the_deadline_and_looking_is_always_allowed(clock, method, path):
    http, session = connected(clock, Answer(503))
    with deadline(clock.monotonic_s() + 5), pytest.raises(TooLate):
        http.ask(method, path, b"", what="change something")
    assert clock.monotonic_s() <= 10
    session.answers = [Answer(200)]
    with deadline(clock.monotonic_s()):
        http.ask("POST", "x/_search", {}, what="search")


def test_waiting_to_be_seen_ends(clock):
    http, _ = connected(clock, Answer(200))
    assert not http.until(lambda: False)
    assert 25 <= clock.monotonic_s() <= 30
    seen = iter([False, False, True])
    assert http.until(lambda: next(seen))
