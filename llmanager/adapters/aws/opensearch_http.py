"""All that is said to an OpenSearch: requests, signed where it wants that, repeated while it wakes up.

By botocore's own HTTP and signature, which the AWS adapters have loaded anyway. opensearch-py would add 300 ms to a
cold start and tens of megabytes to a function, for a handful of requests.
"""

import hashlib
import socket
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import msgspec
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ConnectionError as ConnectionFailed
from botocore.exceptions import HTTPClientError
from botocore.httpsession import URLLib3Session

from llmanager.adapters.aws.errors import translated
from llmanager.adapters.aws.opensearch_errors import FORBIDDEN, WORTH_REPEATING, error_of, no_answer
from llmanager.adapters.aws.opensearch_kind import Patience
from llmanager.kernel.clock import Clock
from llmanager.kernel.deadline import check_deadline

Sign = Callable[[AWSRequest], None]

FIRST_PAUSE_S: Final = 0.25
MAX_PAUSE_S: Final = 3.0
MAX_CONNECTIONS: Final = 32
_CHANGES: Final = ("PUT", "DELETE")
_JSON: Final = "application/json"
_LINES: Final = "application/x-ndjson"


class Session(Protocol):
    """What sends a prepared request, such as botocore's URLLib3Session."""

    def send(self, request: Any) -> Any: ...


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any  # decoded; None where it is no JSON


def unsigned(_: AWSRequest) -> None: ...


def signer(credentials: Any, service: str, region: str) -> Sign:
    """Signature version 4. `credentials`: botocore's, which renew themselves."""

    def sign(request: AWSRequest) -> None:
        with translated("sign a request to OpenSearch"):
            frozen = credentials.get_frozen_credentials()
        # Serverless wants the digest of the body as a header that is signed.
        request.headers["X-Amz-Content-SHA256"] = hashlib.sha256(request.body or b"").hexdigest()
        SigV4Auth(frozen, service, region).add_auth(request)

    return sign


def http_session(patience: Patience) -> URLLib3Session:
    """botocore's, with TCP_NODELAY: it sends head and body apart, and would wait 40 ms between them."""
    return URLLib3Session(
        timeout=(patience.connect_s, patience.read_s),
        max_pool_connections=MAX_CONNECTIONS,
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)],
    )


class OpenSearch:
    """One endpoint. Blocks; thread-safe. `pause` waits between attempts."""

    def __init__(
        self,
        url: str,
        session: Session,
        sign: Sign,
        clock: Clock,
        *,
        patience: Patience,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = url.rstrip("/")
        self._host = urlsplit(url).netloc
        self._session, self._sign, self._clock = session, sign, clock
        self.patience = patience
        self._pause = pause

    def ask(
        self, method: str, path: str, body: Any = None, *, what: str, query: str = "", expected: Collection[int] = ()
    ) -> Answer:
        """One request, repeated while that may help: all are safe to repeat.

        `body`: JSON, or lines of it as bytes. Answers of other than the `expected` and good statuses raise kernel
        errors, or Refused where nothing is known of them.
        """
        data = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        url = f"{self._url}/{path}" + (f"?{query}" if query else "")
        content_type = _LINES if isinstance(body, bytes) else _JSON
        started_s, pause_s = self._clock.monotonic_s(), FIRST_PAUSE_S
        while True:
            if method in _CHANGES or path.endswith("/_bulk"):
                check_deadline(self._clock.monotonic_s())
            answer = self._send(method, url, data, content_type)
            waited_s = self._clock.monotonic_s() - started_s
            if answer is not None and (answer.status < 300 or answer.status in expected):
                return answer
            if waited_s + pause_s > self._worth_s(answer):
                raise no_answer(what) if answer is None else error_of(answer.status, answer.body, what)
            self._pause(pause_s)
            pause_s = min(pause_s * 2, MAX_PAUSE_S)

    def until(self, is_so: Callable[[], bool]) -> bool:
        """Ask again until it is so; False after patience.visible_s."""
        started_s, pause_s = self._clock.monotonic_s(), FIRST_PAUSE_S
        while not is_so():
            if self._clock.monotonic_s() - started_s + pause_s > self.patience.visible_s:
                return False
            self._pause(pause_s)
            pause_s = min(pause_s * 2, MAX_PAUSE_S)
        return True

    def _send(self, method: str, url: str, data: bytes, content_type: str) -> Answer | None:
        """None: no answer came. Signed anew each time, for a signature is good for five minutes."""
        headers = {"Host": self._host, "Content-Type": content_type}
        request = AWSRequest(method=method, url=url, data=data, headers=headers)
        self._sign(request)
        try:
            response = self._session.send(request.prepare())
            return Answer(int(response.status_code), _decoded(response.content))
        except (HTTPClientError, ConnectionFailed):  # refused, broken, timed out
            return None

    def _worth_s(self, answer: Answer | None) -> float:
        """How long to go on after this answer."""
        if answer is None or answer.status in WORTH_REPEATING:
            return self.patience.call_s
        return self.patience.refused_s if answer.status in FORBIDDEN else 0.0


def _decoded(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content) if content else None
    except msgspec.DecodeError:
        return None
