"""Passes at a host that bills, scales and replaces by itself: what the host is told, and what the row says."""

from dataclasses import replace
from datetime import timedelta

import pytest

from llmanager.kernel.errors import Throttled
from llmanager.models import rows
from llmanager.models.entities import Status, Tagged
from llmanager.models.ports import HostTraits
from llmanager.models.reconcile import DEAD_MAN_S, RENEWED_AFTER_S
from llmanager.models.usecases import change
from llmanager.models.usecases.use import hold
from tests.fakes.clock import NOON
from tests.fakes.model_host import FakeModelHost
from tests.unit.models.samples import at
from tests.unit.models.usecases.world import GREETER, World

CLOUD = HostTraits(is_billed=True, scales_itself=True, replaces_in_place=True)
RENEWED = Tagged(at(DEAD_MAN_S + RENEWED_AFTER_S))


@pytest.fixture
def world():
    """A model that is up and in use, an hour after its tags were written."""
    world = World(host=FakeModelHost(traits=CLOUD))
    world.up()
    world.clock.advance(RENEWED_AFTER_S)
    hold(world.registry, GREETER, "gateway", lease_s=60)
    return world


def test_what_it_creates_says_whose_it_is_and_when_it_ends(world):
    model = world.model()
    tags = world.host.tags[model.resource]
    assert (tags.stage, tags.tenant, tags.name, tags.generation) == ("dev", "acme", "greeter", model.generation)
    assert (tags.expires_at, tags.ttl_at) == (NOON + timedelta(seconds=DEAD_MAN_S), None)


def test_the_tags_are_renewed_each_hour_and_then_the_row(world):
    world.reconcile()
    assert world.host.tags[world.model().resource].expires_at == RENEWED.expires_at
    assert world.model().tagged == RENEWED


def test_where_the_tags_could_not_be_renewed_the_row_does_not_say_so_and_it_is_tried_again(world):
    world.host.raises["retag"] = Throttled("busy")
    with pytest.raises(Throttled):
        world.reconcile()
    assert world.model().tagged == Tagged(at(DEAD_MAN_S))
    world.settle()
    assert world.model().tagged == RENEWED


def test_a_pass_that_lost_its_lease_while_it_renewed_the_tags_leaves_the_row_to_the_next(world):
    def retag(resource, tags):
        world.table.delete(rows.lease_partition("acme"), "greeter")

    world.host.retag = retag
    assert world.reconcile().again_at == world.clock.now()
    assert world.model().tagged == Tagged(at(DEAD_MAN_S))


def test_what_is_due_does_not_wait_for_tags_that_are_not_old_yet(world):
    world.host.forget_everything()
    world.reconcile()
    assert world.status() is Status.WAKING
    world.host.fail(world.model().resource)
    world.clock.advance(RENEWED_AFTER_S)
    calls = len(world.host.calls)
    world.reconcile()
    assert [call[0] for call in world.host.calls[calls:]] == ["start", "retag"]


def test_the_platform_is_told_to_keep_what_is_in_use(world):
    resource = world.model().resource
    world.host.ranges[resource] = (0, 1)
    world.settle()
    assert world.host.ranges[resource] == (1, 1)


def test_an_update_is_rolled_out_by_the_host_and_nothing_is_started_or_stopped_for_it(world):
    change.update(world.registry, GREETER, lambda spec: replace(spec, context_tokens=512), accept_unknown_price=False)
    calls = len(world.host.calls)
    world.settle()
    told = {call[0]: call for call in world.host.calls[calls:]}
    assert set(told) == {"retag", "revise"}
    assert told["revise"] == ("revise", world.model().resource, 2)
    assert (world.status(), world.model().running_revision) == (Status.READY, 2)
