"""Chat, vector databases, files and jobs over the events that their functions get, beside reconciler and reaper.

The models run on the emulated SageMaker; rows, blobs and messages are moto's.
"""

import json
import threading
from urllib.parse import urlsplit

import pytest

from tests.fakes.eventually import eventually
from tests.lambdas.events import records, request, schedule
from tests.lambdas.stack import answered, called
from tests.lambdas.test_models import Fleet

ASK = {"model": "greeter", "messages": [{"role": "user", "content": "hi"}]}
EMBEDDER = {"name": "vectors", "model": "gte-large", "kind": "embedding", "backend": "sagemaker", "sleep_after_s": 600}


class House(Fleet):
    """All functions, each loaded when it is first called, as AWS does."""

    def __init__(self, stack) -> None:
        self.stack = stack

    def __getattr__(self, name):
        loaded = self.stack.function(name)
        setattr(self, name, loaded)
        return loaded

    def ask(self, function, path, status=200, method="POST", **body):
        sent = request(method, path, body if method == "POST" else None, key=self.stack.key)
        return answered(getattr(self, function), sent, status)

    def minutes_after_a_message(self):
        """What the other functions do, once one was told of a model."""
        eventually(self.deliver)
        for _ in range(3):
            self.minute()

    def work(self):
        """What is in the queue of jobs, as the event source mapping delivers it."""
        bodies = self.stack.messages("jobs")
        assert called(self.worker, records(*bodies, queue="lm-test-jobs"), left_ms=900_000) == {"batchItemFailures": []}
        return len(bodies)


@pytest.fixture
def house(stack):
    return House(stack)


def test_a_model_is_asked_over_api_gateway(house):
    house.make()
    answer = house.ask("chat", "/v1/chat/completions", **ASK)
    assert (answer["model"], answer["choices"][0]["message"]["content"]) == ("greeter", "You said hi")
    assert house.ask("chat", "/model/query", model="greeter", query="hi")["response"] == "You said hi"
    path, authorization = house.stack.runtime.asked[0]
    assert path.endswith("/openai/v1/chat/completions")
    assert authorization.startswith("Bearer sagemaker-api-key-")


def test_its_use_keeps_it_awake_and_an_idle_ones_next_request_is_answered(house):
    house.make()
    for _ in range(3):
        for _ in range(5):
            house.minute()
        house.ask("chat", "/v1/chat/completions", **ASK)
        assert house.status() == "ready", "ten minutes idle is what puts it to sleep, and it was five"
    house.until("asleep")
    elsewhere = threading.Thread(target=house.minutes_after_a_message)
    elsewhere.start()
    waking = called(house.chat, request("POST", "/v1/chat/completions", ASK, key=house.stack.key))
    elsewhere.join()
    assert waking["statusCode"] == 503, waking["body"]
    said = json.loads(waking["body"])["error"]["message"]
    assert (
        "still waking" in said or "What a model wakes for goes on" in said
    )  # a busy machine comes to the second first
    assert int(waking["headers"]["retry-after"]) > 0
    house.until("ready")
    assert house.ask("chat", "/v1/chat/completions", **ASK)["choices"][0]["message"]["content"] == "You said hi"


def test_strangers_are_turned_away_by_every_function(house):
    for function, path in (("chat", "/v1/models"), ("vdb", "/files/x"), ("jobs", "/jobs/list")):
        method = "POST" if function == "jobs" else "GET"
        sent = request(method, path, {} if method == "POST" else None, key="lm-nobody")
        assert answered(getattr(house, function), sent, 401)["error"]["code"]


def test_a_document_goes_to_s3_becomes_passages_and_is_found(house):
    house.post("/model/create", 202, **EMBEDDER)
    house.deliver()
    for _ in range(40):
        if house.post("/model/status", name="vectors")["status"] == "ready":
            break
        house.minute()
    house.ask("vdb", "/vdb/create", 202, name="docs", model="vectors")
    text = b"The moon is made of green cheese."
    announced = house.ask("vdb", "/files", filename="notes.txt", bytes=len(text))
    address = urlsplit(announced["put_url"])
    assert "X-Amz-Signature" in address.query
    house.stack.s3.put_object(Bucket="lm-test-blobs", Key=address.path.lstrip("/"), Body=text)
    assert house.ask("vdb", f"/files/{announced['file_id']}", method="GET")["status"] == "ready"
    job = house.ask("vdb", "/vdb/embed", 202, model="vectors", src="notes.txt", vdb="docs")
    assert house.work() == 1
    done = house.ask("jobs", "/jobs/status", job_id=job["job_id"])
    assert done["status"] == "done", done["error"]
    assert done["result"]["chunks"] == 1
    found = house.ask("vdb", "/vdb/query", name="docs", query="green cheese", k=1)
    assert "cheese" in found["data"][0]
    assert any(path.endswith("/invocations") for path, _ in house.stack.runtime.asked)


def test_a_pass_of_the_reaper_tells_the_workers_of_a_job_whose_message_was_lost(house):
    house.ask("vdb", "/vdb/create", 202, name="docs", dim=4)
    house.ask("vdb", "/vdb/add", 202, name="docs", src="embedded.jsonl")
    assert house.stack.messages("jobs")  # taken, and lost
    called(house.reaper, schedule(), left_ms=300_000)
    assert len(house.stack.messages("jobs")) == 1
