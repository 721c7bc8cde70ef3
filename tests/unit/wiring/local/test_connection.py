"""Connections that misbehave below HTTP, at a real server on a free port."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn

from llmanager.wiring.local import connection
from tests.api.client import Answer
from tests.api.shape import assert_error

DEADLINE_S = 10


async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@contextmanager
def serving() -> Iterator[tuple[str, int]]:
    config = uvicorn.Config(app, http=connection.Connection, ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            server.should_exit = True
            thread.join(DEADLINE_S)


def sent(address: tuple[str, int], data: bytes) -> bytes:
    """All that comes back until the server closes."""
    with socket.create_connection(address, timeout=DEADLINE_S) as client:
        client.sendall(data)
        received = b""
        while chunk := client.recv(4096):
            received += chunk
        return received


@pytest.mark.parametrize(
    "noise", [b"\x16\x03\x01\x02\x00", b"NO SUCH METHOD\r\n\r\n", b"GET / HTTP/1.1\r\na\x00: b\r\n\r\n"]
)
def test_what_is_no_http_is_refused_in_the_one_shape(noise):
    with serving() as address:
        head, _, body = sent(address, noise).partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    assert_error(Answer(int(lines[0].split()[1]), headers, body), 400)
    assert headers["connection"] == "close"


@pytest.mark.parametrize("beginning", [b"", b"GET / HTTP/1.1\r\nhost: localhost\r\n"])
def test_a_connection_on_which_no_request_becomes_whole_is_closed(beginning, monkeypatch):
    monkeypatch.setattr(connection, "HEAD_S", 0.05)
    with serving() as address:
        assert sent(address, beginning) == b""


def test_the_second_request_of_a_connection_has_as_little_time(monkeypatch):
    monkeypatch.setattr(connection, "HEAD_S", 0.05)
    with serving() as address:
        received = sent(address, b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\nGET / HTTP/1.1\r\n")
    assert received.startswith(b"HTTP/1.1 204")
