"""As little HTTP client as the suite needs: it sends what a test says, also what no sane client would."""

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import repeat
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = {"local": 60, "aws": 180}  # emulated functions start one after the other where many come at once


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # lower-case names
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def answer_of(response: http.client.HTTPResponse) -> Answer:
    return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())


@dataclass(frozen=True)
class Api:
    base_url: str
    key: str | None = None
    platform: str = "local"

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.send("GET", path, None, headers)

    def post(self, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """`body` is sent as JSON; bytes are sent as they are."""
        return self.send("POST", path, body, headers)

    def send(self, method: str, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
        with closing(self._connection()) as connection:
            response = self._exchange(connection, method, path, body, headers)
            return answer_of(response)

    def events(self, path: str, body: Any) -> Iterator[str]:
        """The data of each server-sent event, as it arrives."""
        with closing(self._connection()) as connection:
            response = self._exchange(connection, "POST", path, body, None)
            assert response.status == 200, response.read()
            assert (response.getheader("content-type") or "").startswith("text/event-stream")
            while line := response.readline():
                if line.startswith(b"data:"):
                    yield line[5:].strip().decode()

    def announce(self, path: str, length_bytes: int) -> Answer:
        """The answer to a POST whose body is announced and never sent."""
        with closing(self._connection()) as connection:
            connection.putrequest("POST", self._path(path))
            key = {"authorization": f"Bearer {self.key}"} if self.key else {}
            for header, value in {**key, "content-type": "application/json", "content-length": length_bytes}.items():
                connection.putheader(header, str(value))
            connection.endheaders()
            return answer_of(connection.getresponse())

    def pour(self, path: str, chunk: bytes, count: int) -> Answer | None:
        """The answer to a body of unannounced length; None if the server hung up on it instead."""
        with closing(self._connection()) as connection:
            headers = {"content-type": "application/json", "transfer-encoding": "chunked"}
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request("POST", self._path(path), repeat(chunk, count), headers, encode_chunked=True)
            with suppress(ConnectionError):
                return answer_of(connection.getresponse())
        return None

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.base_url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=TIMEOUT_S[self.platform])

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: Any,
        headers: Mapping[str, str] | None,
    ) -> http.client.HTTPResponse:
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = {"content-type": "application/json", **(headers or {})}
        if self.key and "authorization" not in sent:
            sent["authorization"] = f"Bearer {self.key}"
        connection.request(method, self._path(path), content, sent)
        return connection.getresponse()

    def _path(self, path: str) -> str:
        return urlsplit(self.base_url).path.rstrip("/") + path
