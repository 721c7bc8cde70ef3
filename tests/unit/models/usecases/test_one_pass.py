"""What one pass asks, guards and gives back."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from llmanager.models import rows
from llmanager.models.entities import Status
from llmanager.models.reconcile import LOOK_S
from llmanager.models.usecases import change
from llmanager.models.usecases.use import hold
from tests.unit.models.usecases.world import GREETER, World

LEASE = (rows.lease_partition("acme"), "greeter")


def test_the_quote_is_asked_for_again_once_when_the_model_comes_up():
    world = World()
    world.host.starts_at_once = False
    world.create()
    quote, asked = world.host.quote, []

    def counted(spec):
        asked.append(world.clock.now())
        return quote(spec)

    world.host.quote = counted
    world.settle()
    assert asked == [], "its weights are not here yet"
    world.host.become_ready(world.model().resource)
    world.settle()
    assert len(asked) == 1
    world.host.forget_everything()
    world.settle()
    assert len(asked) == 1


def test_the_price_that_was_agreed_to_stays_when_the_quote_is_put_right():
    world = World()
    world.host.usd_per_hour = Decimal(1)
    world.create()
    world.host.usd_per_hour, world.host.memory_mib = Decimal(9), 140
    world.settle()
    quote = world.model().quote
    assert (quote.usd_per_hour, quote.usd_per_month, quote.usd_per_instance_hour) == (1, 730, 1)
    assert quote.memory_mib == 140


def test_a_start_is_not_held_up_by_who_begins_to_use_the_model_meanwhile():
    world = World()
    world.create()

    def begin_use_at_the_second_write(_):
        world.table.before_write = lambda _: hold(world.registry, GREETER, "gateway", lease_s=60)

    world.table.before_write = begin_use_at_the_second_write  # the first write is the lease of the pass
    world.reconcile()
    assert world.registry.use(GREETER).is_held(world.clock.now())
    assert world.host.calls == [("start", world.model().resource, 0)]


def test_a_pass_that_did_something_says_when_to_look_at_what_became_of_it():
    world = World()
    world.up()
    change.delete(world.registry, GREETER)
    assert world.reconcile().again_at == world.clock.now() + timedelta(seconds=LOOK_S)


def test_a_pass_gives_back_its_own_lease_and_never_another_ones():
    world = World()
    world.create()
    start = world.host.start

    def lose_the_lease(order, replica):
        found = world.table.get(*LEASE)
        another = rows.lease_row(GREETER, "another", world.clock.now() + timedelta(seconds=60))
        world.table.put(another, found.version)
        start(order, replica)

    world.host.start = lose_the_lease
    world.reconcile()
    assert world.table.get(*LEASE).body["owner"] == "another"


def test_a_row_that_changes_under_a_pass_is_decided_on_anew_at_once():
    world = World()
    world.create()

    def delete_at_the_second_write(_):
        world.table.before_write = delete

    def delete(_):
        world.table.before_write = lambda _: None
        change.delete(world.registry, GREETER)

    world.table.before_write = delete_at_the_second_write
    assert world.reconcile().again_at == world.clock.now()
    assert (world.host.calls, world.status()) == ([], Status.DELETING)


def test_a_model_that_is_gone_when_its_lease_is_there_needs_nothing():
    world = World()
    model = world.create()

    def drop_after_the_lease(_):
        world.table.before_write = lambda _: None
        world.registry.drop(replace(model, version=world.model().version))

    world.table.before_write = drop_after_the_lease
    assert world.reconcile().again_at is None
    assert world.host.calls == []
    assert world.table.get(*LEASE) is None
