from llmanager.models.entities import Desired, Status
from llmanager.models.usecases.reconcile import reconcile_once
from llmanager.models.usecases.use import hold, let_go
from tests.fakes.model_host import FakeModelHost
from tests.unit.models.usecases.world import GREETER, World

SINGER = ("acme", "singer")


def test_the_least_recently_used_model_makes_room():
    world = World(host=FakeModelHost(budget_mib=200, memory_mib=100))
    for name in ("first", "second"):
        world.up(name)
        world.clock.advance(10)
        hold(world.registry, ("acme", name), "gateway", lease_s=1)
        let_go(world.registry, ("acme", name), "gateway")
        world.clock.advance(10)
    world.create()
    outcome = world.reconcile()
    assert outcome.others == (("acme", "first"),)
    world.settle(("acme", "first"))
    world.settle()
    assert [world.status(("acme", n)) for n in ("first", "second", "greeter")] == [
        Status.ASLEEP,
        Status.READY,
        Status.READY,
    ]


def test_where_all_are_in_use_a_start_waits_and_says_why():
    world = World(host=FakeModelHost(budget_mib=100, memory_mib=100))
    world.up("first")
    hold(world.registry, ("acme", "first"), "gateway", lease_s=3600)
    world.create()
    outcome = world.reconcile()
    assert (outcome.others, world.status(("acme", "first"))) == ((), Status.READY)
    assert outcome.again_at is not None
    assert "needs 100 MiB" in world.model().observed.replicas[0].stage
    written = len(world.changed)
    world.reconcile()
    assert len(world.changed) == written, "waiting costs no writes"


def test_one_that_is_used_at_the_last_moment_is_not_put_to_sleep():
    world = World(host=FakeModelHost(budget_mib=100, memory_mib=100))
    world.up("first")
    world.create()
    real_use = world.registry.use

    class UsedMeanwhile(type(world.registry)):
        def use(self, key):
            found = real_use(key)
            if key == ("acme", "first"):
                hold(world.registry, key, "gateway", lease_s=60)
            return found

    racing = UsedMeanwhile(**vars(world.registry))
    assert reconcile_once(racing, GREETER, "tester").others == ()
    assert world.model(("acme", "first")).desired is Desired.RUNNING


def test_while_one_leaves_no_other_is_put_to_sleep_for_the_same_room():
    world = World(host=FakeModelHost(budget_mib=200, memory_mib=100))
    for name in ("first", "second"):
        world.up(name)
        world.clock.advance(10)
    world.host.stops_at_once = False
    world.create()
    assert world.reconcile().others == (("acme", "first"),)
    world.settle(("acme", "first"))
    world.clock.advance(10)
    assert world.reconcile().others == ()
    assert world.model().observed.replicas[0].stage == "waiting for memory"
    world.host.finish_stop(world.model(("acme", "first")).resource)
    world.settle()
    assert [world.status(key) for key in (("acme", "second"), GREETER)] == [Status.READY, Status.READY]
