"""The real engine in a child process: llama.cpp's own HTTP server on a loopback port. For tests of model files."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = """
import sys, os
import xllamacpp
path, is_embedding = sys.argv[1], sys.argv[2] == "embedding"
params = xllamacpp.CommonParams()
params.model.path = path
params.hostnames = ["127.0.0.1"]
params.port = 0
params.n_parallel = 1
params.n_ctx = 512
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.verbosity = 0
params.ui = False
if is_embedding:
    params.embedding = True
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
os._exit(0)
"""
ENVIRONMENT = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}


class Engine:
    def __init__(self, base_url: str) -> None:
        self._base_url = base_url

    def post(self, route: str, body: dict[str, Any]) -> Any:
        with self._open(route, body) as answer:
            return json.load(answer)

    def stream(self, route: str, body: dict[str, Any]) -> list[Any]:
        """The events of a streamed answer, without the closing [DONE]."""
        with self._open(route, body | {"stream": True}) as answer:
            lines = [line.decode().strip() for line in answer]
        assert lines[-2] == "data: [DONE]", lines[-3:]
        return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]

    def _open(self, route: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            self._base_url + route, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        return urllib.request.urlopen(request, timeout=60)


@contextmanager
def engine(path: Path, *, is_embedding: bool = False) -> Iterator[Engine]:
    command = [sys.executable, "-c", PROGRAM, str(path), "embedding" if is_embedding else "chat"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENVIRONMENT, text=True
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address, "the engine did not start"
        try:
            yield Engine(address)
        finally:
            process.kill()
