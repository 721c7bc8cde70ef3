"""A model of the hub, from its name to its answer, with a hub that is there, slow, or gone."""

import pytest

from tests.e2e.crowd import Stream
from tests.e2e.world import opened_world
from tests.fakes.eventually import eventually
from tests.fakes.hub_server import FakeHub, Repo
from tests.fakes.tiny_gguf import write_tiny_chat

pytestmark = pytest.mark.e2e

MODEL = "acme/small:small.gguf"
PAUSE_AT = 20_000  # bytes of 42 KB


@pytest.fixture(scope="module")
def repos(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "small.gguf"
    write_tiny_chat(path)
    return {f"acme/{name}": Repo({"small.gguf": path.read_bytes()}) for name in ("small", "other")}


def hub_at(port, repos):
    hub = FakeHub(port)
    hub.repos = repos
    return hub


def begin(world, name, model):
    world.made.append(name)
    created = world.api.post("/model/create", {"name": name, "model": model})
    assert created.status == 202, created
    assert created.json["plan"]["actions"] == ["fetch 1 MiB", "start replica 0"]


def test_a_model_of_the_hub_is_fetched_in_sight_and_answers(repos, tmp_path):
    with (
        hub_at(0, repos) as hub,
        opened_world(tmp_path, HF_ENDPOINT=hub.endpoint, LLMANAGER_HOLD_SILENT_S="0.1") as world,
    ):
        hub.hold_after = PAUSE_AT
        begin(world, "small", MODEL)
        assert hub.held.wait(10)
        seen = eventually(lambda: world.status("small"), lambda seen: "fetching" in seen["reason"], within_s=10)
        assert seen["status"] == "creating"
        waiting = Stream.open(world.api.base_url, "small")
        waiting.until(b": waking small: fetching 4")
        hub.go_on.set()
        assert b"[DONE]" in waiting.to_end()
        assert world.status("small")["status"] == "ready"

        hub.go_on.clear()
        hub.held.clear()
        begin(world, "other", "acme/other:small.gguf")
        assert hub.held.wait(10)
        world.made.remove("small")
        assert world.api.post("/model/delete", {"name": "other"}).status == 202
        eventually(
            lambda: world.api.post("/model/status", {"name": "other"}).status, lambda status: status == 404, within_s=10
        )
        eventually(world.workers, lambda left: len(left) == 1, within_s=10)


def test_a_hub_that_is_gone_is_told_of_and_once_it_is_back_the_rest_is_fetched_unasked(repos, tmp_path):
    with hub_at(0, repos) as hub, opened_world(tmp_path, HF_ENDPOINT=hub.endpoint) as world:
        hub.hold_after, hub.cuts = PAUSE_AT, [PAUSE_AT + 1000]
        begin(world, "small", MODEL)
        assert hub.held.wait(10)

    with opened_world(tmp_path, HF_ENDPOINT=hub.endpoint, LLMANAGER_WAKE_TIMEOUT_S="1") as world:
        replica = eventually(
            lambda: world.status("small")["replicas"], lambda seen: seen and seen[0]["reason"], within_s=10
        )[0]
        assert "Check the network or HF_ENDPOINT" in replica["reason"]
        assert world.chat("small").status == 503
        with hub_at(hub.port, repos) as back:
            world.until_status("small", "ready")
            assert world.chat("small").status == 200
            (transfer,) = back.transfers
            assert transfer[1] is not None, "only the rest was asked for"
