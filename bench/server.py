"""The local server as a user meets it: from asleep to the first token, what it takes while idle, what the hop costs."""

import contextlib
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil

Row = tuple[str, float | str, str]
WAKES = 15


class Server:
    """A server of its own in an empty home."""

    def __init__(self, home: Path) -> None:
        env = {k: v for k, v in os.environ.items() if not k.startswith("LLMANAGER_")}
        env |= {"LLMANAGER_HOME": str(home), "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "llmanager.cli", "local", "--port", "0"], env=env, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        ready = next(line for line in self.process.stdout if line.startswith("ready "))
        self.address = urlsplit(ready.split()[1])

    def post(self, path: str, body: object) -> tuple[int, bytes]:
        connection = self.connect()
        with contextlib.closing(connection):
            connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.address.hostname or "", self.address.port, timeout=60)

    def first_token_s(self, model: str) -> float:
        """From sending the request to the first event that carries text."""
        body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4, "stream": True}
        connection = self.connect()
        with contextlib.closing(connection):
            started = time.perf_counter()
            connection.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"})
            response = connection.getresponse()
            for line in response:
                if line.startswith(b"data: {") and json.loads(line[6:])["choices"][0]["delta"].get("content"):
                    return time.perf_counter() - started
        raise RuntimeError(f"no token from {model}: {response.status}")

    def until(self, model: str, status: str) -> None:
        ends_at = time.monotonic() + 60
        while time.monotonic() < ends_at:
            found = json.loads(self.post("/model/status", {"name": model})[1])
            if found["status"] == status and (status != "asleep" or not found["replicas"]):
                return
            time.sleep(0.02)
        raise RuntimeError(f"{model} did not become {status}")


@contextlib.contextmanager
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as home:
        running = Server(Path(home))
        try:
            yield running
        finally:
            running.process.send_signal(signal.SIGTERM)
            running.process.wait(timeout=30)
            assert running.process.stdout is not None
            running.process.stdout.close()


def run() -> list[Row]:
    with server() as s:
        process = psutil.Process(s.process.pid)
        s.post("/history/list", {})
        fresh_mib = process.memory_info().rss / 2**20
        s.post("/model/create", {"name": "tiny", "model": "demo-tiny", "wait_s": 60})
        s.until("tiny", "ready")
        s.first_token_s("tiny")
        awake = [s.first_token_s("tiny") for _ in range(WAKES)]
        woken = []
        for _ in range(WAKES):
            s.post("/model/sleep", {"name": "tiny"})
            s.until("tiny", "asleep")
            woken.append(s.first_token_s("tiny"))
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
