"""SageMaker's runtime as the functions ask it: chats in OpenAI's words, vectors in those of text-embeddings-inference.

What runs is told by `cloud`, our emulator of the rest: a model without a copy is refused as AWS does.
"""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.exceptions import ClientError

DIM = 1024  # as gte-large


class Runtime(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, invoke) -> None:
        """`invoke(endpoint, component)` raises ClientError."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.invoke = invoke
        self.asked: list[tuple[str, str]] = []  # path, authorization

    def __enter__(self) -> "Runtime":
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.shutdown()
        self.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Runtime
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append((self.path, self.headers["authorization"]))
        endpoint = self.path.split("/")[2]
        try:
            self.server.invoke(endpoint, endpoint)
        except ClientError as refusal:
            self._answer(400, {"message": refusal.response["Error"]["Message"]})
            return
        if self.path.endswith("/invocations"):
            self._answer(200, [_vector(text) for text in body["inputs"]])
        else:
            message = {"role": "assistant", "content": f"You said {body['messages'][-1]['content']}"}
            choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
            self._answer(200, {"object": "chat.completion", "model": body["model"], "choices": choices})

    def _answer(self, status, content) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


def _vector(text: str) -> list[float]:
    """The same text has the same vector; another one nearly surely has not."""
    return [byte / 256 for byte in hashlib.shake_128(text.encode()).digest(DIM)]
