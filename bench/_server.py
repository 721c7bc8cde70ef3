"""The local server as its users start it: a process of its own, which may be killed and started again on its home."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import psutil

ROOT = Path(__file__).resolve().parent.parent
READY_S = 60
CLIENT_S = 60
JSON = {"content-type": "application/json"}
WORKER = "llmanager.adapters.local.worker"


class Server:
    """Started at once; `ready` waits until it listens. `errors` takes its standard error."""

    def __init__(self, home: Path, errors: IO[bytes] | None = None, **settings: str) -> None:
        env = {k: v for k, v in os.environ.items() if not k.startswith("LLMANAGER_")}
        env |= {"LLMANAGER_HOME": str(home), "PYTHONPATH": str(ROOT), **settings}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, "-m", "llmanager.cli", "local", "--port", "0"]
        self.process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=errors, text=True)
        self.address = urlsplit("")
        self.was_killed = False

    def ready(self) -> "Server":
        """Raises RuntimeError if it ends instead, or takes too long."""
        assert self.process.stdout is not None
        too_long = threading.Timer(READY_S, self.process.kill)
        too_long.start()
        try:
            for line in self.process.stdout:
                if line.startswith("ready "):
                    self.address = urlsplit(line.split()[1])
                    return self
        finally:
            too_long.cancel()
        raise RuntimeError("the server did not become ready")

    def kill(self) -> list[psutil.Process]:
        """`kill -9`, and what must end with it. It is stopped first, so that it starts nothing after our look."""
        self.process.send_signal(signal.SIGSTOP)
        family = self.family()
        self.was_killed = True
        self.process.kill()
        self.wait()
        return family

    def stop(self) -> None:
        self.process.terminate()
        self.wait()

    def wait(self) -> None:
        self.process.wait(timeout=30)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def family(self) -> list[psutil.Process]:
        """The processes that it started, and theirs."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def workers(self) -> list[psutil.Process]:
        """The processes that hold its replicas."""
        found = []
        for child in self.family():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if WORKER in child.cmdline():
                    found.append(child)
        return found

    def post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        with contextlib.closing(self.connect()) as connection:
            connection.request("POST", path, json.dumps(body), {**JSON, **(headers or {})})
            response = connection.getresponse()
            return response.status, response.read()

    def ask(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
        """`post`, with the answer decoded."""
        status, answer = self.post(path, body, headers)
        return status, json.loads(answer)

    def connect(self, timeout_s: float = CLIENT_S) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.address.hostname or "", self.address.port, timeout=timeout_s)

    def until(self, model: str, status: str, within_s: float = 60) -> None:
        """Asleep: and no replica is left. Raises RuntimeError where it takes longer."""
        ends_at = time.monotonic() + within_s
        while time.monotonic() < ends_at:
            _, found = self.ask("/model/status", {"name": model})
            if found["status"] == status and (status != "asleep" or not found["replicas"]):
                return
            time.sleep(0.02)
        raise RuntimeError(f"{model} did not become {status}")
