"""The deployed API over HTTP."""

import json
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from tools.verification.evidence import Probe

TIMEOUT_S = 120.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    took_s: float = 0.0

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def error(self) -> Mapping[str, Any]:
        found = self.body.get("error", {}) if isinstance(self.body, dict) else {}
        return found if isinstance(found, dict) else {}

    def probe(self) -> Probe:
        return Probe(self.status, str(self.error.get("message", "")), str(self.error.get("code", "")), self.took_s)


class StepFailed(Exception):
    """A step of the walk did not do what it should: the walk ends, and what it made is removed."""


class Api(Protocol):
    @property
    def has_key(self) -> bool: ...

    def send(self, method: str, path: str, body: Any = None, *, with_key: bool = True) -> Answer: ...

    def stream(self, path: str, body: Any) -> list[float]:
        """Seconds from the request to each event."""
        ...

    def put(self, url: str, content: bytes) -> int: ...


def post(api: Api, path: str, **body: Any) -> Any:
    """What is answered. Raises StepFailed where that is an error."""
    answer = api.send("POST", path, body)
    if not answer.is_ok:
        raise StepFailed(f"POST {path} answered {answer.status}: {answer.error.get('message', answer.body)}")
    return answer.body


@dataclass(frozen=True)
class HttpApi:
    url: str
    key: str | None = field(default=None, repr=False)

    @property
    def has_key(self) -> bool:
        return self.key is not None

    def send(self, method: str, path: str, body: Any = None, *, with_key: bool = True) -> Answer:
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        began_s = time.monotonic()
        try:
            with self._open(self._request(method, self.url + path, content, with_key=with_key)) as response:
                return Answer(response.status, read(response.read()), time.monotonic() - began_s)
        except urllib.error.HTTPError as error:
            return Answer(error.code, read(error.read()), time.monotonic() - began_s)
        except OSError as error:  # a server that refuses a large body may close before it is sent
            return Answer(0, {"error": {"message": str(error)}}, time.monotonic() - began_s)

    def stream(self, path: str, body: Any) -> list[float]:
        began_s = time.monotonic()
        times: list[float] = []
        try:
            with self._open(self._request("POST", self.url + path, json.dumps(body).encode())) as response:
                times += [time.monotonic() - began_s for line in response if line.startswith(b"data:")]
        except urllib.error.HTTPError as error:
            raise StepFailed(f"POST {path} answered {error.code} to a request for a stream") from error
        except OSError as error:
            raise StepFailed(f"POST {path}: the stream broke ({error})") from error
        return times

    def put(self, url: str, content: bytes) -> int:
        request = urllib.request.Request(url, content, method="PUT")
        try:
            with self._open(request) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code

    def _request(
        self, method: str, url: str, content: bytes | None, *, with_key: bool = True
    ) -> urllib.request.Request:
        headers = {"content-type": "application/json"}
        if self.key is not None and with_key:
            headers["authorization"] = f"Bearer {self.key}"
        return urllib.request.Request(url, content, headers, method=method)

    def _open(self, request: urllib.request.Request) -> Any:
        # A proxy that the environment names is for other machines, never for this one.
        is_here = urlsplit(request.full_url).hostname in LOOPBACK
        tls = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))  # what boto3 trusts
        no_proxy = [urllib.request.ProxyHandler({})] if is_here else []
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=tls), *no_proxy)
        return opener.open(request, timeout=TIMEOUT_S)


def read(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")[:500]
