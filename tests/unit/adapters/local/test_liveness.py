import pytest

from llmanager.adapters.local.liveness import Target, is_alive
from llmanager.models.entities import Kind
from tests.fakes.openai_engine import OpenAIEngine

IDLE, BUSY = {"id": 0, "is_processing": False}, {"id": 1, "is_processing": True}


@pytest.fixture
def engine():
    with OpenAIEngine(key="k") as engine:
        yield engine


def target(engine, kind=Kind.CHAT, served_name=None, key="k"):
    return Target(engine.url, f"Bearer {key}", kind, served_name)


def test_an_idle_engine_is_asked_for_one_token(engine):
    engine.slots = [IDLE]

    assert is_alive(target(engine), 5)
    path, body = engine.asked[-1]
    assert (path, body["max_tokens"]) == ("/v1/completions", 1)


def test_an_embedder_is_asked_for_an_embedding(engine):
    assert is_alive(target(engine, Kind.EMBEDDING, served_name="bge"), 5)
    assert engine.asked[-1] == ("/v1/embeddings", {"model": "bge", "input": "."})


def test_an_engine_that_answers_and_has_a_slot_at_work_is_left_in_peace(engine):
    engine.slots, engine.is_hung = [IDLE, BUSY], True

    assert is_alive(target(engine), 5)
    assert [path for path, _ in engine.asked] == ["/slots"]


def test_an_idle_engine_that_generates_nothing_is_dead_though_its_port_answers(engine):
    engine.slots, engine.is_hung = [IDLE], True

    assert not is_alive(target(engine), 0.05)


def test_an_engine_without_slots_is_asked_for_a_token(engine):
    assert is_alive(target(engine), 5)
    engine.status = 500
    assert not is_alive(target(engine), 5)


def test_an_engine_that_refuses_the_question_is_alive(engine):
    for status in (400, 404, 429, 501):
        engine.status = status
        assert is_alive(target(engine), 5), status


def test_an_engine_that_does_not_know_us_is_not_ours(engine):
    assert not is_alive(target(engine, key="another"), 5)


def test_nobody_listening_is_dead(engine):
    assert not is_alive(Target("http://127.0.0.1:1", None, Kind.CHAT, None), 5)
