"""A model whose backend is no longer set up: it is shown, it holds up nobody, and who wants something of it is told."""

from dataclasses import replace

import pytest

from llmanager.kernel.errors import Retryable
from llmanager.models.entities import Backend, ModelSpec, Status
from llmanager.models.errors import BackendNotSetUp
from llmanager.models.reconcile import status
from llmanager.models.usecases import change
from llmanager.models.usecases.create import Creation, create
from llmanager.models.usecases.reap import reap
from llmanager.models.usecases.reconcile import Outcome, reconcile_once
from llmanager.models.usecases.use import hold
from tests.unit.models.usecases.world import GREETER, World

LEFT = ("acme", "left")


@pytest.fixture
def world():
    world = World()
    far = replace(world.registry, hosts={Backend.REMOTE: world.host})
    create(far, Creation("acme", "left", ModelSpec("m", backend=Backend.REMOTE, sleep_after_s=900)))
    reconcile_once(far, LEFT, "tester")
    reconcile_once(far, LEFT, "tester")
    return world


def test_who_uses_or_changes_it_is_told_what_is_missing(world):
    with pytest.raises(BackendNotSetUp, match="'left' runs on the backend 'remote', which is no longer set up") as told:
        hold(world.registry, LEFT, "gateway", lease_s=60)
    assert isinstance(told.value, Retryable)
    with pytest.raises(BackendNotSetUp):
        world.registry.look(world.model(LEFT))


def test_a_pass_leaves_it_as_it_is_and_does_not_come_back_by_itself(world):
    before = world.model(LEFT)
    assert status(before) is Status.READY
    assert world.reconcile(LEFT) == Outcome()
    assert world.model(LEFT) == before


def test_a_delete_is_kept_until_somebody_can_do_it(world):
    change.delete(world.registry, LEFT)
    assert world.reconcile(LEFT) == Outcome()
    assert world.status(LEFT) is Status.DELETING
    assert world.host.calls == [("start", world.model(LEFT).resource, 0)]


def test_the_reaper_tells_of_it_and_reaps_the_others(world):
    world.up()
    world.clock.advance(900)
    report = reap(world.registry, "reaper", dry_run=False)
    assert [due.key for due in report.due] == [GREETER]
    assert [(failure.key, type(failure.error)) for failure in report.failures] == [(LEFT, BackendNotSetUp)]


def test_what_the_row_says_of_it_can_still_be_seen(world):
    model = world.model(LEFT)
    seen = world.registry.last_sight(model, world.registry.use(LEFT))
    assert seen.seen == model.observed
    assert not seen.traits.is_billed
