"""POST /admin/*: the fleet of all tenants, and what is reaped of it."""

from dataclasses import replace
from decimal import Decimal

import pytest
from starlette.testclient import TestClient

from llmanager.api.app import control_plane
from llmanager.api.routes.admin import admin_routes
from llmanager.kernel.errors import Unavailable
from llmanager.models.caps import Caps
from llmanager.vdb.entities import Collection, Event, Index, IndexState
from llmanager.vdb.usecases.status import Standing
from tests.fakes.clock import NOON
from tests.fakes.data_path import FakeKeyring
from tests.unit.api.models_house import empty_house
from tests.unit.models.samples import at
from tests.unit.models.usecases.world import GREETER


class Office:
    """The admin routes beside a house of models."""

    def __init__(self, scopes=frozenset({"admin"})):
        self.house, self.vdbs = empty_house(), []
        # Priced as its plan says, and billed.
        self.house.cloud.usd_per_hour = Decimal("1.2120")
        routes = admin_routes(
            registry=self.house.registry,
            vdbs=lambda: self.vdbs,
            keyring=FakeKeyring(scopes=scopes),
            new_id=lambda: "id",
        )
        self.client = TestClient(control_plane([routes], lambda: None, "1"), headers={"authorization": "Bearer acme"})

    def post(self, verb, status=200, **body):
        answer = self.client.post(f"/admin/{verb}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def up(self, **more):
        self.house.post("create", 202, name="greeter", model="qwen", backend="sagemaker", **more)
        self.house.settle()


@pytest.fixture
def office():
    return Office()


def test_the_fleet_tells_of_each_model_what_why_since_when_and_what_it_costs(office):
    office.up(scaling={"max": 3})
    office.house.clock.advance(1800)
    fleet = office.post("fleet")
    assert fleet["at"] == "2026-11-20T12:30:00.000Z"
    assert fleet["models"] == [
        {
            "tenant": "acme",
            "name": "greeter",
            "model": "qwen",
            "backend": "sagemaker",
            "status": "ready",
            "why": "ready",
            "since": "2026-11-20T12:00:00.000Z",
            "instance_type": "fake",
            "replicas": 1,
            "instances": 1,
            "usd_per_hour": "1.212",
            "usd_per_hour_max": "3.636",
            "usd_spent": "0.606",
            "last_used_at": None,
            "sleeps_at": "2026-11-20T12:15:00.000Z",
            "expires_at": None,
            "alarms": [],
        }
    ]
    assert fleet["total"] == {
        "models": 1,
        "instances": 1,
        "usd_per_hour": "1.212",
        "usd_spent": "0.606",
        "unpriced": 0,
        "alarms": 0,
        "instances_max": 3,
        "usd_per_hour_max": "3.636",
    }
    assert fleet["caps"] == {
        "max_models": 1000,
        "max_instances": 4,
        "max_usd_per_hour": "5",
        "instance_types": None,
    }


def test_the_fleet_tells_why_a_model_is_as_it_is(office):
    office.up()
    office.house.clock.advance(900)
    office.house.settle()
    (member,) = office.post("fleet")["models"]
    assert (member["status"], member["why"]) == ("asleep", "asleep: idle for 900 s")
    assert (member["instances"], member["usd_per_hour"]) == (0, "0")


def test_caps_without_a_limit_and_with_named_types():
    office = Office()
    caps = Caps(max_usd_per_hour=None, instance_types=frozenset({"b", "a"}))
    routes = admin_routes(
        registry=replace(office.house.registry, caps=caps),
        vdbs=list,
        keyring=FakeKeyring(scopes=frozenset({"admin"})),
        new_id=lambda: "id",
    )
    office.client = TestClient(control_plane([routes], lambda: None, "1"), headers={"authorization": "Bearer acme"})
    told = office.post("fleet")["caps"]
    assert (told["max_usd_per_hour"], told["instance_types"]) == (None, ["a", "b"])


def standing(tenant, **changes):
    collection = Collection(tenant, "facts", "lm-dev-facts-x", NOON, is_deleting=changes.pop("is_deleting", False))
    fields = {"last_used_at": at(5), "sleeps_at": at(65), "deletes_at": None, "expires_at": None, "events": ()}
    return Standing(collection, Index(IndexState.READY, last_seq=1), **{**fields, **changes})


def test_the_fleet_tells_of_vector_databases_too(office):
    office.vdbs = [
        standing("acme", events=(Event(at(1), "hibernated"), Event(at(2), "restored", "a query"))),
        standing("rival", is_deleting=True),
    ]
    mine, theirs = office.post("fleet")["vdbs"]
    assert mine == {
        "tenant": "acme",
        "name": "facts",
        "status": "ready",
        "why": "restored: a query",
        "since": "2026-11-20T12:00:02.000Z",
        "last_used_at": "2026-11-20T12:00:05.000Z",
        "sleeps_at": "2026-11-20T12:01:05.000Z",
        "expires_at": None,
    }
    assert (theirs["status"], theirs["why"], theirs["since"]) == ("deleting", "", "2026-11-20T12:00:00.000Z")


def test_one_tenants_part_of_it(office):
    office.up()
    office.vdbs = [standing("acme"), standing("rival")]
    fleet = office.post("fleet", tenant="rival")
    assert (fleet["models"], [vdb["tenant"] for vdb in fleet["vdbs"]]) == ([], ["rival"])
    assert fleet["total"]["models"] == 1


def test_a_dry_reap_tells_and_a_real_one_does(office):
    office.up()
    office.house.clock.advance(900)
    dry = office.post("reap", dry_run=True)
    assert dry["dry_run"] is True
    assert dry["due"] == [
        {
            "tenant": "acme",
            "name": "greeter",
            "deed": "sleep",
            "why": "idle for 900 s",
            "idle_since": "2026-11-20T12:00:00.000Z",
            "usd_per_hour_saved": "1.212",
            "is_begun": False,
        }
    ]
    assert office.house.status().value == "ready"
    real = office.post("reap")
    assert (real["dry_run"], real["due"]) == (False, [{**dry["due"][0], "is_begun": True}])
    assert office.house.status().value == "asleep"


def test_a_reap_tells_what_goes_and_what_failed(office):
    office.up(ttl_s=60)
    office.house.clock.advance(60)
    office.house.cloud.raises["observe"] = Unavailable("The cloud is away.")
    failed = office.post("reap")
    assert failed["failures"] == [{"tenant": "acme", "name": "greeter", "why": "The cloud is away."}]
    assert failed["due"] == []
    assert [due["deed"] for due in office.post("reap")["due"]] == ["delete"]
    assert office.house.model(GREETER).desired.value == "deleted"


def test_orphans_are_listed_with_what_will_be_done_and_left_alone(office):
    office.up()
    office.house.host.become_ready("lm-dev-stray-aaaaaaaa")
    office.house.cloud.become_ready("lm-dev-orphan-aaaaaaaa")
    local, remote, cloud = office.post("orphans")["hosts"]
    assert (local["backend"], local["removed"], local["is_stopped"]) == ("local", ["lm-dev-stray-aaaaaaaa"], False)
    assert (remote["removed"], remote["errors"]) == ([], [])
    assert (cloud["suspicious"], cloud["is_stopped"]) == (["lm-dev-orphan-aaaaaaaa"], True)
    assert "more than one in five" in cloud["why"]
    assert office.house.host.calls == []
    office.house.cloud.raises["resources"] = Unavailable("The cloud is away.")
    assert office.post("orphans")["hosts"][2]["errors"] == ["The cloud is away."]


@pytest.mark.parametrize("verb", ["fleet", "reap", "orphans"])
def test_only_admins_may(verb):
    refused = Office(frozenset({"model:read", "model:write"})).post(verb, 403)
    assert refused["error"]["code"] == "forbidden"


@pytest.mark.parametrize(
    ("verb", "body"), [("fleet", {"tenant": 3}), ("reap", {"dry_run": "yes"}), ("orphans", {"dry_run": True})]
)
def test_what_is_not_understood_is_refused(office, verb, body):
    assert office.post(verb, 422, **body)["error"]["code"] == "invalid_input"
