"""The local server as a user meets it: from asleep to the first token, what it takes while idle, what the hop costs."""

import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from bench._server import JSON, Server

Row = tuple[str, float | str, str]
WAKES = 15


def first_token_s(server: Server, model: str) -> float:
    """From sending the request to the first event that carries text."""
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4, "stream": True}
    with contextlib.closing(server.connect()) as connection:
        started = time.perf_counter()
        connection.request("POST", "/v1/chat/completions", json.dumps(body), JSON)
        response = connection.getresponse()
        for line in response:
            if line.startswith(b"data: {") and json.loads(line[6:])["choices"][0]["delta"].get("content"):
                return time.perf_counter() - started
    raise RuntimeError(f"no token from {model}: {response.status}")


@contextlib.contextmanager
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as home:
        running = Server(Path(home))
        try:
            yield running.ready()
        finally:
            running.stop()


def run() -> list[Row]:
    with server() as s:
        process = psutil.Process(s.process.pid)
        s.post("/history/list", {})
        fresh_mib = process.memory_info().rss / 2**20
        s.post("/model/create", {"name": "tiny", "model": "demo-tiny", "wait_s": 60})
        s.until("tiny", "ready")
        first_token_s(s, "tiny")
        awake = [first_token_s(s, "tiny") for _ in range(WAKES)]
        woken = []
        for _ in range(WAKES):
            s.post("/model/sleep", {"name": "tiny"})
            s.until("tiny", "asleep")
            woken.append(first_token_s(s, "tiny"))
        s.post("/model/sleep", {"name": "tiny"})
        s.until("tiny", "asleep")
        idle_mib = process.memory_info().rss / 2**20
    return [
        ("first token, model awake, p50 (s)", statistics.median(awake), ""),
        ("first token, model asleep, p50 (s)", statistics.median(woken), "goal <= 0.5"),
        ("first token, model asleep, worst (s)", max(woken), ""),
        ("server memory, fresh (MiB RSS)", fresh_mib, "goal <= 120"),
        ("server memory, idle after use (MiB RSS)", idle_mib, "goal <= 120"),
    ]
