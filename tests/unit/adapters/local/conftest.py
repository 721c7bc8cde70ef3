"""A local host with real workers around a tiny model, and HTTP as its clients speak it."""

import http.client
import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from llmanager.adapters.local.llama_cpp import LlamaCppModelHost
from llmanager.adapters.local.replica import Timing
from llmanager.models.entities import Kind, ModelSpec, Replica, ReplicaState, Scaling
from llmanager.models.ports import Endpoint
from tests.fakes.changes import Changes
from tests.fakes.orders import order
from tests.fakes.tiny_gguf import write_tiny_chat, write_tiny_embedding
from tests.fakes.weights import FakeWeights

CHAT = ModelSpec("chat", scaling=Scaling(max=4, target_concurrency=2))
EMBED = ModelSpec("embed", kind=Kind.EMBEDDING, scaling=Scaling(target_concurrency=2))
QUICK = Timing(liveness_s=0.1, probe_timeout_s=0.5, load_timeout_s=20.0, fetch_look_s=0.01)


def ask(base_url, path, body=None, authorization=None, headers=None):
    """Status, headers and body of one request."""
    parts = urlsplit(base_url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
    headers = {"content-type": "application/json", **(headers or {})}
    if authorization is not None:
        headers["authorization"] = authorization
    try:
        connection.request("GET" if body is None else "POST", path, body and json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()
    finally:
        connection.close()


@dataclass
class LocalHost:
    host: LlamaCppModelHost
    weights: FakeWeights
    changes: Changes
    home: Path

    def start(self, resource: str = "lm-a", spec: ModelSpec = CHAT, replica: int = 0) -> None:
        self.host.start(order(resource, spec), replica)

    def run(self, resource: str = "lm-a", spec: ModelSpec = CHAT, replica: int = 0) -> Endpoint:
        self.start(resource, spec, replica)
        self.changes.until(lambda: self.seen(resource, replica).state is not ReplicaState.STARTING)
        assert self.seen(resource, replica).state is ReplicaState.READY, self.seen(resource, replica)
        return next(e for e in self.host.endpoints(resource) if e.replica == replica)

    def seen(self, resource: str = "lm-a", replica: int = 0) -> Replica:
        return next(r for r in self.host.observe(resource).replicas if r.index == replica)

    def until_failed(self, resource: str = "lm-a", replica: int = 0) -> Replica:
        self.changes.until(lambda: self.seen(resource, replica).state is ReplicaState.FAILED)
        return self.seen(resource, replica)


@pytest.fixture
def make_local(tmp_path):
    """Makes hosts, and closes them."""
    made = []
    write_tiny_chat(tmp_path / "chat.gguf")
    write_tiny_embedding(tmp_path / "embed.gguf")

    def make(**settings) -> LocalHost:
        weights, changes = FakeWeights(), Changes()
        weights.here("chat", tmp_path / "chat.gguf")
        weights.here("embed", tmp_path / "embed.gguf")
        settings = {"memory_budget_mib": 4000, "cores": 2, **settings}
        host = LlamaCppModelHost(weights=weights, home=tmp_path / "home", on_change=changes, **settings)
        made.append(host)
        return LocalHost(host, weights, changes, tmp_path / "home")

    yield make
    for host in made:
        host.close()


@pytest.fixture
def local(make_local):
    return make_local()
