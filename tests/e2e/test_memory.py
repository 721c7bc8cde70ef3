"""Memory for one model at a time: those who are not used make room for those who are."""

import time

import pytest

from tests.api.shape import assert_error
from tests.e2e.world import opened_world
from tests.fakes.tiny_gguf import write_tiny_chat

pytestmark = pytest.mark.e2e

MODEL_MIB = 98  # of tiny.gguf: 1 of weights, 1 of keys and values, 96 of the engine


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("memory")
    (home / "models-own").mkdir(parents=True)
    write_tiny_chat(home / "models-own" / "tiny.gguf")
    return home


def test_two_models_take_turns_in_memory_for_one(home, record_property):
    with opened_world(home, LLMANAGER_MEMORY_MIB=f"{MODEL_MIB + 50}") as world:
        world.create("one", "tiny.gguf")
        world.made.append("two")
        assert world.api.post("/model/create", {"name": "two", "model": "tiny.gguf"}).status == 202
        took_s = []
        for name in ["two", "one"] * 10:
            began_s = time.monotonic()
            assert world.chat(name).status == 200
            took_s.append(time.monotonic() - began_s)
            assert len(world.workers()) == 1
        record_property("swap_s", round(sorted(took_s)[10], 3))
        assert sorted(took_s)[10] < 1

        too_large = {"name": "three", "model": "tiny.gguf", "scaling": {"min": 2, "max": 2}}
        error = assert_error(world.api.post("/model/create", too_large), 422)
        assert error["code"] == "does_not_fit"
        assert f"{2 * MODEL_MIB} MiB of this host's {MODEL_MIB + 50} MiB" in error["message"]
        world.clear()


def test_the_least_recently_used_one_sleeps_first_and_one_in_use_never(home):
    with opened_world(home, LLMANAGER_MEMORY_MIB=f"{3 * MODEL_MIB + 50}") as world:
        for name in ("a", "b", "c"):
            world.create(name, "tiny.gguf")
        for name in ("b", "c", "a"):
            assert world.chat(name).status == 200
        world.create("d", "tiny.gguf")
        assert {name: world.status(name)["status"] for name in "abcd"} == {
            "a": "ready",
            "b": "asleep",
            "c": "ready",
            "d": "ready",
        }
        assert "to make room for 'd'" in {event["why"] for event in world.status("b")["events"]}
        world.clear()
