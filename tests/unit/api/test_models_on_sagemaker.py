"""The routes of models over SageMaker's host and an emulated account: what a user of the API sees and pays."""

from decimal import Decimal

import pytest

from llmanager.models.entities import Kind
from tests.fakes.clock import FakeClock
from tests.fakes.model_host import FakeModelHost
from tests.unit.api.cloud_house import CloudHouse

ASKED = {"name": "greeter", "model": "qwen3-4b", "backend": "sagemaker", "sleep_after_s": 600}


@pytest.fixture
def house():
    return CloudHouse(FakeClock(), FakeModelHost(), [])


def test_the_price_is_told_before_anything_is_made(house):
    plan = house.post("plan", **ASKED)["plan"]
    assert Decimal(plan["usd_per_hour"]) > 0
    assert Decimal(plan["usd_per_hour_max"]) == 2 * Decimal(plan["usd_per_hour"]), "an update runs two side by side"
    assert plan["instance_type"].startswith("ml.")
    assert house.post("create", dry_run=True, **ASKED)["plan"]["usd_per_hour"] == plan["usd_per_hour"]
    assert house.account.cloud.billable() == []


def test_from_create_to_zero_and_back_with_every_cent_told(house):
    house.post("create", 202, **ASKED)
    house.minutes(15)
    up = house.post("status", name="greeter")
    assert (up["status"], up["is_up"], len(up["replicas"])) == ("ready", True, 1)
    house.use()
    house.minutes(25)
    asleep = house.post("status", name="greeter")
    assert asleep["status"] == "asleep"
    assert house.account.cloud.bill.usd_per_hour() == 0, "scaled to zero"
    spent, billed = Decimal(asleep["usd_spent"]), house.account.cloud.bill.usd(house.clock.now())
    assert abs(spent - billed) <= billed / 100 + Decimal(asleep["usd_per_hour"]) / 60
    house.minutes(60)
    assert Decimal(house.post("status", name="greeter")["usd_spent"]) == spent, "asleep it costs nothing"
    house.post("wake", 202, name="greeter")
    house.minutes(12)
    assert house.post("status", name="greeter")["status"] == "ready"


def test_the_fleet_tells_what_runs_and_the_reaper_what_it_would_save(house):
    house.post("create", 202, **ASKED)
    house.minutes(10)
    (line,) = house.admin("fleet")["models"]
    price = line["usd_per_hour"]
    assert (line["name"], line["status"], line["instances"]) == ("greeter", "ready", 1)
    house.clock.advance(700)
    (due,) = house.admin("reap", dry_run=True)["due"]
    assert (due["name"], due["deed"], due["usd_per_hour_saved"]) == ("greeter", "sleep", price)
    assert house.post("status", name="greeter")["status"] == "ready", "a dry run changes nothing"
    house.admin("reap", dry_run=False)
    assert house.post("status", name="greeter")["status"] == "asleep"


def test_deleted_while_it_is_created_nothing_of_it_stays(house):
    house.post("create", 202, **ASKED)
    house.minutes(1)
    house.post("delete", 202, name="greeter")
    assert house.post("status", name="greeter")["status"] == "deleting"
    house.minutes(15)
    house.post("status", 404, name="greeter")
    assert house.account.cloud.billable() == []


def test_an_orphan_is_listed_and_goes(house):
    house.post("create", 202, **ASKED)
    house.minutes(15)
    model = house.model()
    house.registry.drop(model)
    (host,) = house.admin("orphans")["hosts"]
    assert host["removed"] == [model.resource]
    house.minutes(6)
    assert house.account.cloud.billable() == []


def test_a_fleet_cap_refuses_before_the_account_is_asked(house):
    refused = house.post("create", 409, **{**ASKED, "scaling": {"max": 9}})
    assert refused["error"]["code"] == "fleet_full"
    assert "what an update starts beside it" in refused["error"]["message"]  # or two would be thought to be one
    assert house.account.cloud.billable() == []


def test_what_is_written_is_not_told_as_failed_where_the_cloud_cannot_be_asked(house):
    house.account.cloud.fail_next("DescribeEndpoint", "ExpiredTokenException")
    made = house.post("create", 202, **ASKED)
    assert made["status"] == "creating"
    assert "credentials" in made["reason"]


def test_an_embedder_is_one_without_being_called_so(house):
    assert house.post("create", 202, **{**ASKED, "model": "gte-large"})["kind"] == "embedding"
    assert house.model().spec.kind is Kind.EMBEDDING


def test_a_model_of_another_kind_than_asked_for_is_refused_before_it_costs(house):
    refused = house.post("create", 422, **{**ASKED, "model": "gte-large", "kind": "chat"})
    assert refused["error"]["param"] == "kind"
    assert "of kind 'embedding'" in refused["error"]["message"]
    assert house.account.cloud.billable() == []
