from dataclasses import replace

import pytest

from llmanager.kernel.errors import Throttled
from llmanager.models.entities import Desired, Status
from llmanager.models.errors import ModelBeingDeleted
from llmanager.models.usecases import change
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
