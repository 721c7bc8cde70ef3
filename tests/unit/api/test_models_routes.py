"""POST /model/* for models that there are, and GET /model/catalog."""

from dataclasses import replace

import pytest

from llmanager.kernel.errors import Unavailable
from llmanager.models.entities import Scaling
from llmanager.models.usecases.use import hold, let_go
from tests.unit.api.models_house import SCOPES, empty_house, error_of
from tests.unit.models.usecases.world import GREETER


@pytest.fixture
def house():
    return empty_house()


def test_a_status_is_as_fresh_as_a_look_at_the_host(house):
    house.up()
    house.host.fail(house.model().resource, "It broke.")
    seen = house.post("status", name="greeter")
    assert (seen["status"], seen["replicas"][0]["reason"]) == ("waking", "It broke.")
    house.host.progress(house.model().resource, "loading")
    assert house.post("status", name="greeter")["reason"] == "loading"


def test_a_status_tells_use_sleep_and_price(house):
    house.up()
    assert house.post("status", name="greeter")["sleeps_at"] == "2026-11-20T12:15:00.000Z"
    house.clock.advance(60)
    hold(house.registry, GREETER, "gateway", 60)
    house.clock.advance(30)
    held = house.post("status", name="greeter")
    assert held["last_used_at"] == "2026-11-20T12:01:00.000Z"
    assert held["sleeps_at"] == "2026-11-20T12:16:30.000Z", "an open request is use"
    let_go(house.registry, GREETER, "gateway")
    house.clock.advance(5)
    assert house.post("status", name="greeter")["sleeps_at"] == "2026-11-20T12:16:30.000Z"
    house.post("create", 202, name="gpt", model="gpt", backend="remote")
    priced = house.post("status", name="gpt")
    assert (priced["usd_per_hour"], priced["usd_spent"]) == ("1.212", "0")


def test_a_list_is_of_one_tenant_in_pages(house):
    for n in range(3):
        house.post("create", 202, name=f"m{n}", model="demo-tiny")
    first = house.post("list", limit=2)
    rest = house.post("list", limit=2, cursor=first["cursor"])
    assert [m["name"] for m in first["models"] + rest["models"]] == ["m0", "m1", "m2"]
    assert rest["cursor"] is None
    assert house.post("list", headers={"authorization": "Bearer rival"})["models"] == []
    assert error_of(house.post("list", 422, cursor="?")) == ("invalid_input", "cursor")


def test_an_update_changes_what_was_sent_and_nothing_else(house):
    house.make(scaling={"min": 1, "target_concurrency": 9}, delete_after_s=50, wait_s=5)
    house.post("update", 202, name="greeter", scaling={"min": 2}, delete_after_s=None)
    spec = house.model().spec
    assert (spec.scaling, spec.delete_after_s) == (Scaling(2, 2, 9), None)
    house.settle()
    assert [call[0] for call in house.host.calls] == ["start", "start"], "the first replica stays"
    house.post("update", 202, name="greeter", sleep_after_s=5, context_tokens=512)
    assert (house.model().spec.sleep_after_s, house.model().spec.context_tokens) == (5, 512)
    updating = house.post("status", name="greeter")
    assert (updating["status"], updating["is_up"]) == ("updating", True)
    house.post("update", 422, name="greeter", scaling={"min": 3, "max": 2})


def test_sleep_wake_and_delete(house):
    house.up()
    assert house.post("sleep", 202, name="greeter")["status"] == "asleep"
    house.settle()
    assert house.post("wake", 202, name="greeter")["status"] == "waking"
    house.settle()
    house.post("sleep", 202, name="greeter")
    assert house.post("wake", 202, name="greeter", wait_s=9)["status"] == "ready"
    assert house.waits == [], "it had not begun to stop"
    house.post("sleep", 202, name="greeter")
    house.settle()
    assert house.post("wake", 202, name="greeter", wait_s=9)["status"] == "ready"
    assert house.waits == [(GREETER, 9)]
    assert house.post("delete", 202, name="greeter") == {"name": "greeter", "status": "deleting"}
    assert house.post("delete", 202, name="greeter")["status"] == "deleting"
    assert error_of(house.post("wake", 409, name="greeter"))[0] == "model_being_deleted"
    house.settle()
    house.post("status", 404, name="greeter")


@pytest.mark.parametrize("verb", ["status", "update", "sleep", "wake", "delete"])
def test_anothers_model_is_as_absent_as_none(house, verb):
    house.make()
    theirs = house.post(verb, 404, headers={"authorization": "Bearer rival"}, name="greeter")
    house.registry.table.delete("model#acme", "greeter")
    assert house.post(verb, 404, name="greeter") == theirs


def test_the_catalog_tells_size_price_and_fit_as_far_as_known(house):
    house.host.unknown.add("minilm")
    answer = house.client.get("/model/catalog").json()["models"]
    by_alias = {entry["alias"]: entry for entry in answer}
    assert by_alias["demo-tiny"]["fit"]["fits"] is True
    assert (by_alias["minilm"]["fit"], by_alias["minilm"]["usd_per_hour"]) == (None, None)
    house.host.raises["quote"] = Unavailable("The hub is away.")
    chats = house.client.get("/model/catalog?kind=chat").json()["models"]
    assert {entry["kind"] for entry in chats} == {"chat"}
    assert chats[0]["fit"] is None


def test_a_server_without_a_local_host_lists_its_catalog_and_refuses_that_backend(house):
    house.registry = replace(house.registry, hosts={})
    house.serve(SCOPES)
    assert house.client.get("/model/catalog").json()["models"][0]["fit"] is None
    refused = house.post("create", 422, name="m", model="demo-tiny")
    assert (
        refused["error"]["message"]
        == "The backend 'local' is not set up on this server. Its operator does that in the settings."
    )


@pytest.mark.parametrize(
    ("verb", "scope"),
    [
        ("create", "model:write"),
        ("update", "model:write"),
        ("sleep", "model:write"),
        ("wake", "model:write"),
        ("delete", "model:write"),
        ("plan", "model:read"),
        ("status", "model:read"),
        ("list", "model:read"),
    ],
)
def test_every_route_wants_its_scope(house, verb, scope):
    house.serve(SCOPES - {scope})
    bodies = {"list": {}, "create": {"name": "m", "model": "demo-tiny"}, "plan": {"name": "m", "model": "demo-tiny"}}
    house.post(verb, 403, **bodies.get(verb, {"name": "m"}))
