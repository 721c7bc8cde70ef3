"""A stand-in for an OpenAI-compatible engine: in a test's process, or as a program for the guard.

python -m tests.fakes.openai_engine --port 40123 [--key-env NAME] [--family] [--exit-status N] [--say TEXT]
    [--load-s N] [--token-s N] [--status N] [--hung]
"""

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from llmanager.adapters.local.engines import EngineCommand
from llmanager.adapters.local.processes import PACKAGE_ROOT

EMBEDDING_DIM = 32


class OpenAIEngine(ThreadingHTTPServer):
    """slots     what /slots answers; None: 404, as vllm does
    is_hung   generation requests wait until it is released
    status    of generations
    token_s   between two tokens of a stream
    embed_s   for each text of /v1/embeddings
    asked     (path, body) of every request
    """

    daemon_threads = True

    def __init__(self, port: int = 0, key: str | None = None) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.key = key
        self.slots: list[dict[str, Any]] | None = None
        self.is_hung = False
        self.released = threading.Event()
        self.status = 200
        self.token_s = 0.0
        self.embed_s = 0.0
        self.asked: list[tuple[str, Any]] = []

    def __enter__(self) -> "OpenAIEngine":
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.released.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that did not wait for its answer is no news."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: OpenAIEngine

    def do_GET(self) -> None:
        self.server.asked.append((self.path, None))
        if self.path == "/health":
            self._answer(200, {"status": "ok"})
        elif self._may() and self.path == "/slots" and self.server.slots is not None:
            self._answer(200, self.server.slots)
        else:
            self._answer(404, {"error": {"message": "no such thing"}})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append((self.path, body))
        if not self._may():
            self._answer(401, {"error": {"message": "who are you?"}})
            return
        if self.server.is_hung:
            self.server.released.wait(30)
        if self.path == "/v1/embeddings":
            self._embed(body)
            return
        if body.get("stream"):
            self._stream(body)
            return
        message = {"role": "assistant", "content": "hello"}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        self._answer(self.server.status, {"object": "chat.completion", "model": "stand-in", "choices": choices})

    def _embed(self, body: Any) -> None:
        """The same text has the same vector; another one nearly surely has not."""
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        time.sleep(self.server.embed_s * len(texts))
        data = [{"object": "embedding", "index": n, "embedding": vector_of(text)} for n, text in enumerate(texts)]
        usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
        self._answer(self.server.status, {"object": "list", "model": "stand-in", "data": data, "usage": usage})

    def _stream(self, body: Any) -> None:
        """As many tokens as are asked for, one every `token_s`."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for number in range(body.get("max_tokens", 3)):
            self._event({"choices": [{"index": 0, "delta": {"content": f"{number} "}, "finish_reason": None}]})
            time.sleep(self.server.token_s)
        self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, chunk: Any) -> None:
        event = {"object": "chat.completion.chunk", "model": "stand-in", **chunk}
        self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")

    def _may(self) -> bool:
        return self.server.key is None or self.headers["authorization"] == f"Bearer {self.server.key}"

    def _answer(self, status: int, body: Any) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def vector_of(text: str) -> list[float]:
    """EMBEDDING_DIM numbers, as unrelated to another text's as a hash."""
    digest = hashlib.sha256(text.encode()).digest()
    return [byte / 128 - 1 for byte in digest[:EMBEDDING_DIM]]


def engine(*arguments: str, key_env: str | None = "ENGINE_KEY", served_name: str | None = None) -> EngineCommand:
    """This file as a configured command."""
    argv = [sys.executable, "-m", "tests.fakes.openai_engine", "--port", "{port}", *arguments]
    if key_env is not None:
        argv += ["--key-env", key_env]
    return EngineCommand(
        tuple(argv), {"PYTHONPATH": str(PACKAGE_ROOT), "PATH": "/usr/bin:/bin"}, key_env, served_name=served_name
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--key-env")
    parser.add_argument("--family", action="store_true", help="ignore SIGTERM and have a child that does too")
    parser.add_argument("--exit-status", type=int, help="end with it instead of serving")
    parser.add_argument("--say", default="", help="a line for the log")
    parser.add_argument("--load-s", type=float, default=0, help="before it listens")
    parser.add_argument("--token-s", type=float, default=0, help="between two tokens of a stream")
    parser.add_argument("--status", type=int, default=200, help="of generations")
    parser.add_argument("--hung", action="store_true", help="generations wait for ever")
    args, _ = parser.parse_known_args()
    print(args.say, flush=True)
    if args.family:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen(["sleep", "600"])
    if args.exit_status is not None:
        sys.exit(args.exit_status)
    time.sleep(args.load_s)
    server = OpenAIEngine(args.port, os.environ[args.key_env] if args.key_env else None)
    server.token_s, server.status, server.is_hung = args.token_s, args.status, args.hung
    server.serve_forever()


if __name__ == "__main__":
    main()
