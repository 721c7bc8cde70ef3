from dataclasses import replace
from decimal import Decimal

import pytest

from llmanager.kernel.errors import InvalidInput, Throttled
from llmanager.models.entities import Desired, ModelSpec, Scaling, Sizing, Status
from llmanager.models.errors import ModelBeingDeleted, PriceUnknown, WokenTooOften
from llmanager.models.ledger import spent_by
from llmanager.models.ports import HostTraits
from llmanager.models.usecases import change
from llmanager.models.usecases.change import WAKES_PER_HOUR
from llmanager.models.usecases.create import Creation, create
from tests.fakes.model_host import FakeModelHost
from tests.unit.models.usecases.world import GREETER, World

SINGER = ("acme", "singer")


def test_an_update_replaces_replicas_and_a_limit_does_not():
    world = World()
    world.up()
    change.update(world.registry, GREETER, lambda s: replace(s, sleep_after_s=5), accept_unknown_price=False)
    world.settle()
    assert [c[0] for c in world.host.calls] == ["start"]
    change.update(world.registry, GREETER, lambda s: replace(s, context_tokens=512), accept_unknown_price=False)
    assert world.status() is Status.UPDATING
    world.settle()
    assert [c[0] for c in world.host.calls] == ["start", "start", "stop"]
    assert world.status() is Status.READY


def test_an_update_that_changes_nothing_writes_nothing():
    world = World()
    before = world.up()
    change.update(world.registry, GREETER, lambda s: s, accept_unknown_price=False)
    assert world.model() == before


def test_many_wakes_write_once():
    world = World()
    world.up()
    change.sleep(world.registry, GREETER)
    world.settle()
    written = len(world.changed)
    for _ in range(10):
        change.wake(world.registry, GREETER)
    assert len(world.changed) == written + 1


def woken(world: World, times: int) -> None:
    for _ in range(times):
        change.sleep(world.registry, GREETER)
        world.clock.advance(60)
        change.wake(world.registry, GREETER)


def billed() -> World:
    world = World(host=FakeModelHost(traits=HostTraits(is_billed=True)))
    world.up()
    return world


def test_where_wakes_cost_money_there_are_only_so_many_an_hour():
    world = billed()
    woken(world, WAKES_PER_HOUR)
    change.sleep(world.registry, GREETER)
    world.clock.advance(60)
    with pytest.raises(WokenTooOften, match="'greeter' was woken 12 times within an hour") as told:
        change.wake(world.registry, GREETER)
    assert world.model().desired is Desired.ASLEEP
    assert told.value.retry_after_s == 3600 - 60 * WAKES_PER_HOUR
    world.clock.advance(told.value.retry_after_s)
    change.wake(world.registry, GREETER)
    assert len(world.model().wakes) == WAKES_PER_HOUR, "those of an hour ago are forgotten"


def test_what_ran_before_an_update_is_paid_at_the_price_of_that_time():
    world = World(host=FakeModelHost(traits=HostTraits(is_billed=True)))
    world.host.usd_per_hour = Decimal(2)
    world.up()
    world.clock.advance(1800)
    world.host.usd_per_hour = Decimal(4)
    change.update(world.registry, GREETER, lambda s: replace(s, context_tokens=512), accept_unknown_price=False)
    assert spent_by(world.model(), world.clock.now()) == 1
    world.clock.advance(900)
    assert spent_by(world.model(), world.clock.now()) == 2


def test_where_wakes_cost_money_waking_what_is_up_is_none():
    world = billed()
    for _ in range(2 * WAKES_PER_HOUR):
        change.wake(world.registry, GREETER)
    assert world.model().wakes == ()


def test_where_wakes_cost_nothing_nobody_counts_them():
    world = World()
    world.up()
    woken(world, 2 * WAKES_PER_HOUR)
    assert world.model().wakes == ()


def test_a_change_is_made_on_top_of_another_that_was_first():
    world = World()
    world.up()
    world.table.before_write = lambda _: change.update(
        world.registry, GREETER, lambda s: replace(s, ttl_s=99), accept_unknown_price=False
    )
    change.sleep(world.registry, GREETER)
    assert (world.model().desired, world.model().spec.ttl_s) == (Desired.ASLEEP, 99)


def test_a_model_that_changes_at_every_attempt_is_given_up_on():
    world = World()
    world.up()

    def meanwhile(_):
        model = world.model()
        world.table.before_write = lambda _: None
        world.registry.save(model, model.version)
        world.table.before_write = meanwhile

    world.table.before_write = meanwhile
    with pytest.raises(Throttled, match="too many at once"):
        change.sleep(world.registry, GREETER)


def test_a_failed_model_is_tried_again_when_it_is_woken():
    world = World()
    world.host.broken.add("demo-tiny")
    world.create()
    world.settle()
    assert world.status() is Status.FAILED
    world.host.broken.clear()
    change.wake(world.registry, GREETER)
    world.settle()
    assert world.status() is Status.READY


def test_a_model_being_deleted_takes_no_other_wish():
    world = World()
    world.up()
    change.delete(world.registry, GREETER)
    for wish in (change.sleep, change.wake):
        with pytest.raises(ModelBeingDeleted):
            wish(world.registry, GREETER)


def test_an_update_that_may_mend_a_failed_model_is_tried_at_once():
    world = World()
    world.host.broken.add("demo-tiny")
    world.create()
    world.settle()
    world.host.broken.clear()
    change.update(world.registry, GREETER, lambda s: replace(s, context_tokens=9), accept_unknown_price=False)
    assert world.status() is Status.CREATING
    world.settle()
    assert world.status() is Status.READY


def test_an_update_counts_one_revision_and_forgets_what_failed_before():
    world = World()
    before = world.up()
    world.registry.save(replace(before, failures=2, failure="It broke.", retry_at=None), before.version)
    world.clock.advance(30)
    changed = change.update(
        world.registry, GREETER, lambda s: replace(s, context_tokens=512), accept_unknown_price=False
    )
    assert (changed.revision, changed.failures, changed.failure) == (before.revision + 1, 0, "")
    assert changed.retry_at == changed.revised_at == world.clock.now()
    assert changed.quote.context_tokens == 512
    assert [(event.what, event.at) for event in changed.events][-1] == ("updated", world.clock.now())


def test_how_many_it_was_is_kept_by_an_update_that_is_not_about_that():
    world = World()
    world.up()
    world.registry.save(replace(world.model(), sizing=Sizing(3), may_surge=False), world.model().version)
    change.update(world.registry, GREETER, lambda s: replace(s, context_tokens=512), accept_unknown_price=False)
    assert world.model().sizing == Sizing(3)
    assert world.model().may_surge, "there may be room for both this time"
    change.update(world.registry, GREETER, lambda s: replace(s, scaling=Scaling(max=2)), accept_unknown_price=False)
    assert world.model().sizing == Sizing()


def test_a_limit_that_changes_counts_no_revision():
    world = World()
    before = world.up()
    world.clock.advance(30)
    changed = change.update(world.registry, GREETER, lambda s: replace(s, ttl_s=99), accept_unknown_price=False)
    assert (changed.revision, changed.retry_at) == (before.revision, before.retry_at)
    assert changed.revised_at == world.clock.now()


class UnpricedHost(FakeModelHost):
    is_priced = False

    def quote(self, spec):
        found = super().quote(spec)
        return found if self.is_priced else replace(found, usd_per_hour=None)


def test_a_price_that_was_accepted_once_is_not_asked_about_again():
    world = World(host=UnpricedHost())
    create(world.registry, Creation("acme", "greeter", ModelSpec("demo-tiny"), accept_unknown_price=True))
    change.update(world.registry, GREETER, lambda s: replace(s, ttl_s=99), accept_unknown_price=False)
    assert world.model().spec.ttl_s == 99


def test_a_price_that_becomes_unknown_must_be_accepted():
    world = World(host=UnpricedHost())
    world.host.is_priced = True
    world.up()
    world.host.is_priced = False

    def update(*, accept):
        change.update(world.registry, GREETER, lambda s: replace(s, ttl_s=99), accept_unknown_price=accept)

    with pytest.raises(PriceUnknown):
        update(accept=False)
    update(accept=True)
    assert world.model().spec.ttl_s == 99


def test_a_delete_is_repeated_without_complaint_and_without_a_write():
    world = World()
    world.up()
    first = change.delete(world.registry, GREETER)
    assert change.delete(world.registry, GREETER) == first


@pytest.mark.parametrize(
    ("wish", "what"), [(change.sleep, "asleep"), (change.delete, "deleted")], ids=["sleep", "delete"]
)
def test_a_wish_is_told_with_who_wished_it(wish, what):
    world = World()
    world.up()
    wish(world.registry, GREETER)
    told = world.model().events[-1]
    assert (told.what, told.why) == (what, "asked for")


def test_a_wake_says_why():
    world = World()
    world.up()
    for why in ((), ("a request",)):
        change.sleep(world.registry, GREETER)
        change.wake(world.registry, GREETER, *why)
        told = world.model().events[-1]
        assert (told.what, told.why) == ("running", *(why or ("asked for",)))


def test_a_model_being_deleted_is_named_in_the_refusal():
    world = World()
    world.up()
    change.delete(world.registry, GREETER)
    with pytest.raises(ModelBeingDeleted, match="'greeter'"):
        change.wake(world.registry, GREETER)


def test_a_time_to_live_that_would_be_over_already_is_refused_for_it_counts_from_the_creation():
    world = World()
    world.up()
    world.clock.advance(7200)
    with pytest.raises(InvalidInput, match="7200 s old") as refused:
        change.update(world.registry, GREETER, lambda s: replace(s, ttl_s=7200), accept_unknown_price=False)
    assert refused.value.param == "ttl_s"
    change.update(world.registry, GREETER, lambda s: replace(s, ttl_s=7201), accept_unknown_price=False)
