"""Models that sleep only when their GPUs are idle too: what is asked, and what becomes of it when nobody answers."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from llmanager.kernel.errors import InvalidInput, Throttled
from llmanager.models.entities import Status
from llmanager.models.limits import GPU_WINDOW_S, gpus_since
from llmanager.models.ports import HostTraits
from llmanager.models.usecases import change
from llmanager.models.usecases.use import hold
from tests.unit.models.samples import UNUSED, at, held, running
from tests.unit.models.usecases.world import GREETER, World


def picky(**limits):
    """Up, unused for long enough, and only its GPUs can tell."""
    world = World()
    world.host.traits = HostTraits(measures_gpus=True)
    world.up(sleep_after_s=900, **limits)
    five = Decimal(5)
    change.update(
        world.registry, GREETER, lambda s: replace(s, gpu_idle_below_percent=five), accept_unknown_price=False
    )
    world.settle()
    world.clock.advance(901)
    return world


def test_gpus_are_asked_only_where_nothing_else_is_left_to_tell():
    world = World()
    world.host.traits = HostTraits(measures_gpus=True)
    world.host.gpu = Decimal(50)
    world.up(sleep_after_s=900)
    world.clock.advance(800)
    five = Decimal(5)
    change.update(
        world.registry, GREETER, lambda s: replace(s, gpu_idle_below_percent=five), accept_unknown_price=False
    )
    world.settle()
    assert world.host.gpu_asked == 0, "it is not unused for long enough"
    hold(world.registry, GREETER, "gateway", lease_s=60)
    world.clock.advance(30)
    world.reconcile()
    assert world.host.gpu_asked == 0, "somebody uses it"
    world.clock.advance(900)
    world.reconcile()
    assert world.host.gpu_asked == 1
    assert world.status() is Status.READY


def test_it_is_asked_what_its_own_gpus_did_in_the_time_after_which_it_may_sleep():
    world, asked = picky(), []

    def gpu_percent(resource, since):
        asked.append((resource, since))

    world.host.gpu_percent = gpu_percent
    world.reconcile()
    assert asked[0] == (world.model().resource, world.clock.now() - timedelta(seconds=900))


def test_metrics_that_cannot_be_had_keep_it_awake_and_it_is_asked_again():
    world = picky()
    world.host.raises = {"gpu_percent": Throttled("too often")}
    assert world.reconcile().again_at == world.clock.now() + timedelta(seconds=60)
    assert world.status() is Status.READY
    world.host.gpu = Decimal(0)
    world.settle()
    assert world.status() is Status.ASLEEP


def test_metrics_that_cannot_be_had_do_not_make_it_live_longer_than_it_may():
    world = picky(ttl_s=900)
    world.host.raises = {"gpu_percent": Throttled("too often")}
    world.reconcile()
    assert world.registry.find(GREETER) is None or world.status() is Status.DELETING


def test_what_is_wrong_with_the_question_is_told():
    world = picky()
    world.host.raises = {"gpu_percent": InvalidInput("no such metric")}
    with pytest.raises(InvalidInput):
        world.reconcile()


def test_what_its_gpus_did_long_ago_keeps_no_model_awake():
    m = running(sleep_after_s=900)
    assert gpus_since(m, UNUSED, at(600)) == at(0), "it is up since then"
    assert gpus_since(m, held(until_s=0, last_used_s=500), at(600)) == at(500)
    assert gpus_since(m, UNUSED, at(9000)) == at(9000 - 900)
    assert gpus_since(running(sleep_after_s=60), UNUSED, at(9000)) == at(9000 - GPU_WINDOW_S), "metrics come late"
