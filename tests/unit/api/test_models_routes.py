"""POST /model/*, GET /model/catalog over the ASGI app, with fakes for table, host and time."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from starlette.testclient import TestClient

from llmanager.api.app import control_plane
from llmanager.api.routes.models import model_routes
from llmanager.kernel.errors import Unavailable
from llmanager.models.entities import Backend, Scaling
from llmanager.models.usecases.use import hold, let_go
from tests.fakes.clock import FakeClock
from tests.fakes.data_path import FakeKeyring
from tests.fakes.model_host import FakeModelHost
from tests.unit.models.usecases.world import GREETER, World

SCOPES = frozenset({"model:read", "model:write"})


class PricedHost(FakeModelHost):
    """Everything costs; nothing of it is known where `price` is None."""

    price: Decimal | None = Decimal("1.2120")

    def quote(self, spec):
        return replace(super().quote(spec), usd_per_hour=self.price, usd_per_month=self.price, download_mib=350)


class House(World):
    """The routes; `wait` is what a request waits with."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.remote = PricedHost()
        self.registry = replace(self.registry, hosts={Backend.LOCAL: self.host, Backend.REMOTE: self.remote})
        self.waits: list[tuple[tuple[str, str], float]] = []
        self.meanwhile = self.settle
        self.serve(SCOPES)

    def serve(self, scopes) -> None:
        """Anew, over the registry as it is now."""
        keyring = FakeKeyring(scopes=scopes)
        routes = model_routes(registry=self.registry, keyring=keyring, until=self.wait, sleep_after_s=900)
        self.app = control_plane([routes], lambda: None, "1")
        self.client = TestClient(self.app, headers={"authorization": "Bearer acme"})

    async def wait(self, key, is_so, timeout_s) -> None:
        if is_so():
            return
        self.waits.append((key, timeout_s))
        await asyncio.to_thread(self.meanwhile)
        assert is_so()

    def post(self, verb, status=200, headers=None, **body):
        answer = self.client.post(f"/model/{verb}", json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    def make(self, **more):
        return self.post("create", 202, name="greeter", model="demo-tiny", **more)


@pytest.fixture
def house():
    return House(FakeClock(), FakeModelHost(), [])


def error_of(answer):
    return answer["error"]["code"], answer["error"]["param"]


def test_a_create_answers_at_once_with_status_and_plan(house):
    made = house.make()
    assert (made["name"], made["status"], made["is_up"]) == ("greeter", "creating", False)
    assert made["plan"]["actions"] == ["start replica 0"]
    assert made["plan"]["fit"] == {"fits": True, "reason": "It needs 100 MiB."}
    assert (made["usd_per_hour"], made["usd_spent"]) == ("0", "0")
    assert made["created_at"] == "2026-11-20T12:00:00.000Z"
    assert house.waits == []
    assert house.host.calls == []


def test_a_create_may_wait_until_the_model_is_up_and_still_tells_the_plan_it_was_made_by(house):
    made = house.make(wait_s=60)
    assert (made["status"], made["is_up"]) == ("ready", True)
    assert made["plan"]["actions"] == ["start replica 0"]
    assert house.waits == [(GREETER, 60)]


@pytest.mark.parametrize("verb", ["sleep", "delete"])
def test_a_wait_ends_when_somebody_else_wants_otherwise(house, verb):
    def otherwise():
        answer = TestClient(house.app, headers={"authorization": "Bearer acme"}).post(
            f"/model/{verb}", json={"name": "greeter"}
        )
        assert answer.status_code == 202

    house.meanwhile = otherwise
    assert house.make(wait_s=60)["status"] in ("asleep", "deleting")


def test_a_wait_ends_when_the_model_fails(house):
    house.host.broken.add("demo-tiny")
    made = house.make(wait_s=60)
    assert (made["status"], made["reason"]) == ("failed", "The file of 'demo-tiny' is broken.")


def test_a_dry_run_shows_the_plan_and_keeps_nothing(house):
    house.remote.price = None
    body = {"name": "gpt", "model": "gpt", "backend": "remote", "scaling": {"min": 2}}
    dry = house.post("create", **body, dry_run=True)
    assert dry == house.post("plan", **body)
    assert dry["plan"]["actions"] == ["fetch 350 MiB", "start replica 0", "start replica 1"]
    assert (dry["plan"]["usd_per_hour"], dry["plan"]["cold_start_s"]) == (None, 0.1)
    assert house.table.scan().rows == ()


def test_a_dry_run_of_a_taken_name_and_a_second_create_are_refused(house):
    house.make()
    assert error_of(house.post("create", 409, name="greeter", model="demo-tiny", dry_run=True))[0] == "model_exists"
    assert error_of(house.post("create", 409, name="greeter", model="demo-tiny"))[0] == "model_exists"


def test_one_model_too_many_is_refused(house):
    house.registry = replace(house.registry, max_models=1)
    house.serve(SCOPES)
    house.make()
    assert error_of(house.post("create", 409, name="other", model="demo-tiny"))[0] == "too_many_models"


def test_what_is_not_said_takes_its_default(house):
    house.make()
    spec = house.model().spec
    assert (spec.sleep_after_s, spec.scaling, spec.kind.value) == (900, Scaling(), "chat")
    house.post("create", 202, name="mini", model="minilm", scaling={"min": 2})
    embedder = house.model(("acme", "mini")).spec
    assert (embedder.kind.value, embedder.scaling, embedder.sleep_after_s) == ("embedding", Scaling(2, 2), None)
    house.post("create", 202, name="ever", model="demo-tiny", sleep_after_s=None)
    assert house.model(("acme", "ever")).spec.sleep_after_s is None
    house.post("create", 202, name="own", model="a/b", kind="embedding", ttl_s=60)
    assert house.model(("acme", "own")).spec.kind.value == "embedding"
    assert house.post("status", name="own")["expires_at"] == "2026-11-20T12:01:00.000Z"


@pytest.mark.parametrize("scaling", [{"min": 3, "max": 2}, {"max": 0}, {"min": 17}, {"replicas": 2}])
def test_scaling_that_contradicts_itself_is_refused(house, scaling):
    house.post("create", 422, name="greeter", model="demo-tiny", scaling=scaling)
    assert house.registry.find(GREETER) is None


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
    assert (priced["usd_per_hour"], priced["usd_spent"]) == ("1.212", None)


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


def test_a_price_is_accepted_once(house):
    house.remote.price = None
    body = {"name": "gpt", "model": "gpt", "backend": "remote"}
    assert error_of(house.post("create", 422, **body)) == ("price_unknown", "accept_unknown_price")
    house.post("create", 202, **body, accept_unknown_price=True)
    house.post("update", 202, name="gpt", sleep_after_s=60)
    assert house.model(("acme", "gpt")).spec.sleep_after_s == 60


def test_a_price_that_becomes_unknown_is_asked_for(house):
    house.post("create", 202, name="gpt", model="gpt", backend="remote")
    house.remote.price = None
    assert error_of(house.post("update", 422, name="gpt", sleep_after_s=60))[0] == "price_unknown"
    house.post("update", 202, name="gpt", sleep_after_s=60, accept_unknown_price=True)


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
    assert refused["error"]["message"] == "The backend 'local' is not set up on this server."


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


def test_the_older_form_of_an_idle_timeout_deletes_soon_after_it_slept(house):
    house.make(enableTimeout=True, timeout=600, timeoutGPUThreshold=0.05)
    spec = house.registry.require(("acme", "greeter")).spec
    assert (spec.sleep_after_s, spec.delete_after_s) == (600, 1)


def test_without_being_switched_on_it_means_nothing(house):
    house.make(timeout=600)
    spec = house.registry.require(("acme", "greeter")).spec
    assert (spec.sleep_after_s, spec.delete_after_s) == (900, None)


def test_two_idle_policies_at_once_are_refused(house):
    refused = house.post("create", 422, name="greeter", model="demo-tiny", enableTimeout=True, sleep_after_s=60)
    assert "enableTimeout" in refused["error"]["message"]
