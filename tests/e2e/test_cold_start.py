"""How long a first answer takes when nothing runs: the promise of sleeping models hangs on it."""

import time

import pytest

from llmanager.adapters.local.liveness import Target, is_alive
from llmanager.adapters.local.llama_cpp import LlamaCppModelHost
from llmanager.models.entities import Kind, ModelSpec
from tests.fakes.changes import Changes
from tests.fakes.orders import order
from tests.fakes.tiny_gguf import write_tiny_chat
from tests.fakes.weights import FakeWeights

pytestmark = pytest.mark.e2e


def test_a_small_model_gives_its_first_token_within_two_seconds_of_its_start(tmp_path, record_property):
    write_tiny_chat(tmp_path / "chat.gguf")
    changes, weights = Changes(), FakeWeights()
    weights.here("chat", tmp_path / "chat.gguf")
    host = LlamaCppModelHost(weights=weights, home=tmp_path, memory_budget_mib=1000, cores=2, on_change=changes)
    try:
        began = time.monotonic()
        host.start(order("lm-a", ModelSpec("chat")), 0)
        changes.until(lambda: host.endpoints("lm-a") != ())
        ready_s = time.monotonic() - began
        (endpoint,) = host.endpoints("lm-a")
        assert is_alive(Target(endpoint.base_url, endpoint.authorization, Kind.CHAT, None), 5)
        first_token_s = time.monotonic() - began
    finally:
        host.close()
    record_property("ready_s", round(ready_s, 3))
    record_property("first_token_s", round(first_token_s, 3))
    assert first_token_s < 2
