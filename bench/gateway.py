"""What the data path adds to a request: latency at one connection, CPU per request and per streamed event.

The engine is a stub that answers at once, so that only the gateway is seen; all three parts are processes of their own.
Direct and through the gateway take turns, and the ratio is of the same run: absolute figures belong to this machine.
"""

import asyncio
import json
import socket
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import uvicorn
import uvloop

from llmanager.adapters.remote.aiohttp_upstreams import AiohttpUpstreams
from llmanager.api.errors import render
from llmanager.gateway.app import Gateway
from llmanager.gateway.policy import Limits
from llmanager.gateway.ports import Upstream
from llmanager.kernel.clock import SystemClock
from tests.fakes.data_path import FakeKeyring, FakeMeter
from tests.fakes.directory import FakeDirectory, chat_route
from tests.fakes.upstream_server import chunk, completion, encoded, usage_chunk

ROUNDS = 7
REQUESTS = 300
STREAMS = 40
EVENTS = 100
MESSAGES = [{"role": "user", "content": "x" * 220}] * 5

_WHOLE = json.dumps(completion("Hello")).encode()
_EVENTS = [encoded(chunk(f" token{i}")) for i in range(EVENTS)]
_EVENTS += [encoded(chunk(None, finish="stop")), encoded(usage_chunk()), b"data: [DONE]\n\n"]


class Engine(asyncio.Protocol):
    """Answers each request on a connection without looking at more of it than "stream"."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, blank, body = self.received.partition(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]) if blank else 1
        if len(body) < length:
            return
        self.received = b""
        if b'"stream":true' not in body:
            size = str(len(_WHOLE)).encode()
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: " + size)
            self.transport.write(b"\r\n\r\n" + _WHOLE)
            return
        self.transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        for event in _EVENTS:
            self.transport.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
        self.transport.write(b"0\r\n\r\n")


async def engine(listening: socket.socket) -> None:
    await (await asyncio.get_running_loop().create_server(Engine, sock=listening)).serve_forever()


async def gateway(listening: socket.socket, engine_port: int) -> None:
    class Forgetful(FakeMeter):
        def served(self, record: object) -> None:
            pass

    route = chat_route(Upstream(id="r0", base_url=f"http://127.0.0.1:{engine_port}"))
    app = Gateway(
        directory=FakeDirectory(route),
        upstreams=AiohttpUpstreams(),
        keyring=FakeKeyring(),
        meter=Forgetful(),
        render=render,
        limits=Limits(),
        clock=SystemClock(),
    )
    await uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off")).serve(sockets=[listening])


class Peer:
    """A part in a process of its own, one keep-alive connection to it, and the CPU time it took."""

    def __init__(self, stack: ExitStack, role: str, *args: str) -> None:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
        self.port = listening.getsockname()[1]
        command = [sys.executable, "-m", "bench.gateway", role, str(listening.fileno()), *args]
        self.process = subprocess.Popen(command, pass_fds=[listening.fileno()])
        stack.callback(self.process.wait)
        stack.callback(self.process.terminate)
        self.connection = stack.enter_context(socket.create_connection(("127.0.0.1", self.port)))

    def ask(self, request: bytes, end: bytes) -> float:
        """Seconds until the answer's last bytes."""
        began = time.perf_counter()
        self.connection.sendall(request)
        received = b""
        while not received.endswith(end):
            received = received[-len(end) :] + self.connection.recv(1 << 20)
        return time.perf_counter() - began

    def cpu_s(self) -> float:
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def _request(*, is_stream: bool) -> bytes:
    asked = {"model": "m", "stream": is_stream, "messages": MESSAGES}
    body = json.dumps(asked, separators=(",", ":")).encode()
    lines = [
        "POST /v1/chat/completions HTTP/1.1",
        "host: x",
        "authorization: Bearer acme",
        f"content-length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _measured(direct: Peer, through: Peer, request: bytes, end: bytes, count: int) -> tuple[float, float, float]:
    """Median seconds direct and through the gateway, and the gateway's CPU seconds per request (least of rounds)."""
    times: dict[Peer, list[float]] = {direct: [], through: []}
    cpu_s = []
    for _ in range(ROUNDS):
        for peer in (direct, through):
            before_s = peer.cpu_s()
            times[peer] += [peer.ask(request, end) for _ in range(count)]
            if peer is through:
                cpu_s.append((peer.cpu_s() - before_s) / count)
    return statistics.median(times[direct]), statistics.median(times[through]), min(cpu_s)


def run() -> list[tuple[str, float | str, str]]:
    with ExitStack() as stack:
        direct = Peer(stack, "engine")
        through = Peer(stack, "gateway", str(direct.port))
        whole, stream = _request(is_stream=False), _request(is_stream=True)
        _measured(direct, through, whole, b"}}", 50)  # warms up both
        whole_direct_s, whole_s, whole_cpu_s = _measured(direct, through, whole, b"}}", REQUESTS)
        stream_direct_s, stream_s, stream_cpu_s = _measured(direct, through, stream, b"0\r\n\r\n", STREAMS)
    return [
        ("whole answer, p50 through the gateway over direct", round(whole_s / whole_direct_s, 2), "ratio"),
        ("whole answer, p50 added", round((whole_s - whole_direct_s) * 1e6), "us"),
        ("whole answer, gateway CPU", round(whole_cpu_s * 1e6), "us/request"),
        (f"stream of {EVENTS} events at once, p50 over direct", round(stream_s / stream_direct_s, 2), "ratio"),
        ("stream, gateway CPU", round(stream_cpu_s / EVENTS * 1e6, 2), "us/event"),
    ]


def main(role: str, *args: str) -> None:
    if role == "rows":
        for what, value, unit in run():
            print(f"{what}: {value} {unit}")
        return
    listening = socket.socket(fileno=int(args[0]))
    uvloop.run(engine(listening) if role == "engine" else gateway(listening, int(args[1])))


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["rows"]))
