"""What a round and the reaper tell of the fleet."""

import json
from functools import partial

import pytest

from llmanager.kernel.errors import Unavailable
from llmanager.kernel.orphans import OrphansInDoubt
from llmanager.models.ports import HostTraits
from llmanager.models.usecases import change
from llmanager.wiring.aws.reaping import Reaper
from llmanager.wiring.aws.reconciling import STOP_S, Reconciler
from llmanager.wiring.aws.rounds import rounds_of
from tests.fakes.model_host import FakeModelHost
from tests.fakes.queue import FakeQueue
from tests.unit.models.usecases.world import GREETER, World

LEFT_S = 60.0


@pytest.fixture
def world():
    return World(host=FakeModelHost(traits=HostTraits(is_billed=True)))


@pytest.fixture
def counted(capsys):
    """What CloudWatch counts since the last look."""

    def read():
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
        return {name: value for line in lines for name, value in line.items() if name not in ("_aws", "Stage")}

    return read


def round_of(world):
    rounds_of(world.registry, Reconciler(world.registry, FakeQueue())).serve({}, LEFT_S)


def reap(world, *chores, left_s=LEFT_S):
    Reaper(world.registry, chores).serve(left_s)


def test_a_delete_that_does_not_come_to_its_end_is_counted(world, counted):
    world.up()
    change.delete(world.registry, GREETER)
    world.host.raises = {"remove": Unavailable("no answer")}
    round_of(world)
    assert counted() == {"FailedDeletes": 0, "PastTtl": 0}
    world.clock.advance(601)
    round_of(world)
    assert counted() == {"FailedDeletes": 1, "PastTtl": 0}


def test_what_outlives_its_time_is_counted(world, counted):
    world.up(ttl_s=3600)
    world.clock.advance(3600 + 601)
    round_of(world)
    assert counted()["PastTtl"] == 1


def test_a_sweep_that_stops_is_counted_and_takes_nothing(world, counted):
    world.up()
    for row in world.table.scan().rows:
        world.table.delete(row.partition, row.sort)
    reap(world)
    assert counted() == {"SweepStops": 1}
    assert world.host.resources()


def test_chores_beside_models_are_done_and_one_that_fails_holds_up_no_other(world, counted):
    done = []

    def stops():
        raise OrphansInDoubt("too many")

    def breaks():
        raise ZeroDivisionError

    reap(world, stops, breaks, partial(done.append, 1), stops)
    assert done == [1]
    assert counted() == {"SweepStops": 2}


def test_without_time_nothing_more_is_begun(world, counted):
    done = []
    reap(world, partial(done.append, 1), left_s=STOP_S)
    assert done == []
    assert counted() == {"SweepStops": 0}


def test_the_reaper_goes_on_where_the_reconciler_left_off(world):
    world.up()
    change.delete(world.registry, GREETER)
    reap(world)
    world.clock.advance(60)
    reap(world)
    assert world.registry.find(GREETER) is None


def test_one_model_that_cannot_end_holds_up_no_other(world):
    for name in ("a", "b"):
        world.up(name)
        change.delete(world.registry, ("acme", name))
    world.host.raises = {"observe": Unavailable("no answer")}
    for _ in range(3):
        reap(world)
        world.clock.advance(60)
    assert world.registry.find(("acme", "a")) is None
    assert world.registry.find(("acme", "b")) is None


def test_a_model_that_runs_and_may_is_left_alone(world):
    world.up()
    before = list(world.host.calls)
    reap(world)
    assert world.host.calls == before
