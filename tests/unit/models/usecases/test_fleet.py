"""The whole fleet from rows alone."""

from dataclasses import replace
from decimal import Decimal

import pytest

from llmanager.models.caps import Caps
from llmanager.models.entities import Event, ModelSpec, Scaling, Status
from llmanager.models.ports import HostTraits
from llmanager.models.usecases import change
from llmanager.models.usecases.create import Creation, create
from llmanager.models.usecases.fleet import fleet
from llmanager.models.usecases.use import hold
from tests.fakes.clock import NOON
from tests.fakes.model_host import FakeModelHost
from tests.unit.models.samples import at, model
from tests.unit.models.usecases.world import GREETER, World


class Cloud(World):
    def __init__(self, usd_per_hour=Decimal("1.5")):
        super().__init__(host=FakeModelHost(traits=HostTraits(is_billed=True)))
        self.host.usd_per_hour = usd_per_hour

    def unprice(self):
        quote = self.host.quote
        self.host.quote = lambda spec: replace(quote(spec), usd_per_instance_hour=None)
        self.registry = replace(self.registry, caps=Caps(instance_types=frozenset({"fake"})))


@pytest.fixture
def cloud():
    return Cloud()


def test_nothing_is_an_empty_fleet(cloud):
    empty = fleet(cloud.registry)
    assert (empty.members, empty.instances, empty.usd_per_hour, empty.usd_spent) == ((), 0, 0, 0)
    assert (empty.unpriced, empty.alarms, empty.caps) == (0, 0, Caps())
    assert empty.at == NOON
    assert {type(empty.usd_per_hour), type(empty.usd_per_hour_max), type(empty.usd_spent)} == {Decimal}


def test_of_each_model_what_runs_since_when_and_what_it_costs(cloud):
    create(cloud.registry, Creation("acme", "greeter", ModelSpec("m", scaling=Scaling(max=2), sleep_after_s=900)))
    cloud.clock.advance(60)
    cloud.settle()
    cloud.clock.advance(3600)
    hold(cloud.registry, GREETER, "gateway", lease_s=60)
    (member,) = fleet(cloud.registry).members
    assert (member.model.name, member.status, member.ready, member.instances) == ("greeter", Status.READY, 1, 1)
    assert member.last_event == Event(at(60), "ready")
    assert (member.usd_per_hour, member.usd_per_hour_max, member.instances_max) == (Decimal("1.5"), 3, 2)
    assert member.usd_spent == Decimal("1.5")
    assert (member.last_used_at, member.sleeps_at, member.expires_at) == (at(3660), at(3660 + 900), None)
    assert member.alarms == ()


def test_asleep_it_costs_nothing_and_keeps_its_share_of_the_caps(cloud):
    cloud.up()
    change.sleep(cloud.registry, GREETER)
    cloud.settle()
    seen = fleet(cloud.registry)
    assert seen.members[0].status is Status.ASLEEP
    assert (seen.instances, seen.usd_per_hour) == (0, 0)
    assert (seen.instances_max, seen.usd_per_hour_max) == (1, Decimal("1.5"))


def test_the_sums_are_of_all_tenants_in_order(cloud):
    cloud.up("b")
    cloud.up("a")
    create(cloud.registry, Creation("aaa", "z", ModelSpec("m", ttl_s=60)))
    cloud.clock.advance(7200)
    seen = fleet(cloud.registry)
    assert [member.model.key for member in seen.members] == [("aaa", "z"), ("acme", "a"), ("acme", "b")]
    assert (seen.instances, seen.usd_per_hour, seen.usd_spent) == (2, 3, 6)
    assert (seen.instances_max, seen.usd_per_hour_max) == (3, Decimal("4.5"))
    assert seen.members[0].expires_at == at(60)
    assert seen.members[0].alarms == ("creating for more than 30 minutes", "past its time to live and still there")
    assert seen.alarms == 2


def test_what_runs_at_an_unknown_price_is_counted_apart(cloud):
    cloud.up("known")
    cloud.up("known-too")
    cloud.unprice()
    cloud.up("unknown")
    seen = fleet(cloud.registry)
    known, _, unknown = seen.members
    assert (unknown.usd_per_hour, unknown.usd_per_hour_max, unknown.usd_spent) == (None, None, None)
    assert unknown.alarms == ("running at an unknown price",)
    assert (seen.unpriced, seen.instances, seen.usd_per_hour) == (1, 3, 2 * known.usd_per_hour)


def test_a_model_of_a_backend_that_is_no_longer_set_up_is_shown(cloud):
    cloud.up()
    cloud.registry = replace(cloud.registry, hosts={})
    (member,) = fleet(cloud.registry).members
    assert (member.status, member.instances_max) == (Status.READY, 1)


def test_a_row_that_tells_no_story_began_when_it_was_created(cloud):
    cloud.registry.save(model(created_at=at(5)), "absent")
    (member,) = fleet(cloud.registry).members
    assert member.last_event == Event(at(5), "created")


def test_no_host_is_asked(cloud):
    cloud.up()
    cloud.host.observe = None
    assert len(fleet(cloud.registry).members) == 1
