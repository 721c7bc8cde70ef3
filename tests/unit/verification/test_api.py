"""The deployed API as verify asks it, over a real socket."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tools.verification.api import HttpApi, StepFailed, post

ERROR = {"error": {"message": "No such thing. Make it.", "code": "not_found", "type": "x", "param": None}}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/stream":
            return self.answer(200, b'data: {"a": 1}\n\n: comment\n\ndata: [DONE]\n\n')
        if self.path == "/page":
            return self.answer(502, b"<html>Bad gateway</html>")
        if self.path == "/absent":
            return self.answer(404, json.dumps(ERROR).encode())
        told = {"key": self.headers.get("authorization"), "body": json.loads(body)}
        return self.answer(200, json.dumps(told).encode())

    def do_PUT(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.answer(403 if self.headers.get("authorization") else 200, b"")

    def answer(self, status, content):
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def api():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield HttpApi(f"http://127.0.0.1:{server.server_port}", "lm_key")
        server.shutdown()


def test_the_key_goes_along_unless_it_is_left_out(api):
    assert api.has_key
    assert post(api, "/model/list", limit=1) == {"key": "Bearer lm_key", "body": {"limit": 1}}
    assert api.send("POST", "/model/list", {}, with_key=False).body["key"] is None


def test_a_refusal_is_an_answer_and_for_a_step_the_end(api):
    answer = api.send("POST", "/absent", {})
    assert (answer.status, answer.is_ok, answer.probe().code) == (404, False, "not_found")
    with pytest.raises(StepFailed, match="POST /absent answered 404: No such thing"):
        post(api, "/absent")


def test_what_is_no_json_is_told_as_it_is(api):
    answer = api.send("POST", "/page", {})
    assert (answer.body, answer.error) == ("<html>Bad gateway</html>", {})


def test_a_stream_is_its_events_times(api):
    first, last = api.stream("/stream", {})
    assert 0 <= first <= last
    with pytest.raises(StepFailed, match="404"):
        api.stream("/absent", {})


def test_an_upload_shows_no_key(api):
    assert api.put(f"{api.url}/bucket/file", b"content") == 200


def test_where_nobody_answers_the_status_is_zero():
    answer = HttpApi("http://127.0.0.1:1").send("GET", "/health")
    assert answer.status == 0
    assert "refused" in answer.error["message"].lower()
