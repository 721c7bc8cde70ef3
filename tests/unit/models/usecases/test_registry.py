import pytest

from llmanager.kernel.errors import Conflict
from llmanager.models.entities import ModelSpec, ReplicaState
from llmanager.models.errors import ModelNotFound
from llmanager.models.usecases.create import Creation, create
from llmanager.models.usecases.registry import Registry
from tests.unit.models.usecases.world import GREETER, World


def test_models_are_listed_in_pages_by_tenant():
    world = World()
    for n in range(5):
        world.create(f"m{n}")
    first = world.registry.page("acme", limit=3, cursor=None)
    rest = world.registry.page("acme", limit=3, cursor=first.cursor)
    assert [m.name for m in (*first.items, *rest.items)] == ["m0", "m1", "m2", "m3", "m4"]
    assert rest.cursor is None
    assert world.registry.page("rival", limit=3, cursor=None).items == ()
    assert len(list(world.registry.every())) == 5


def test_a_model_that_is_not_there_is_named():
    with pytest.raises(ModelNotFound, match="'greeter'"):
        World().registry.require(GREETER)


def test_a_row_that_changed_meanwhile_is_not_dropped():
    world = World()
    read = world.up()
    written = world.registry.save(read, read.version)
    with pytest.raises(Conflict):
        world.registry.drop(read)
    assert world.model() == written


def test_who_caches_is_told_whose_row_went():
    world = World()
    model = world.up()
    world.changed.clear()
    world.registry.drop(model)
    assert world.changed == [GREETER]


def test_a_look_is_fresher_than_the_row_and_writes_nothing():
    world = World()
    world.host.starts_at_once = False
    world.create()
    world.settle()
    row = world.model()
    world.host.become_ready(row.resource)
    world.clock.advance(3)
    seen = world.registry.look(row)
    assert (seen.ready_at, seen.observed.replicas[0].state) == (world.clock.now(), ReplicaState.READY)
    assert world.model() == row


def test_a_registry_that_nobody_listens_to_works_too():
    world = World()
    silent = Registry(world.table, world.registry.hosts, world.clock, world.registry.new_id)
    create(silent, Creation("acme", "greeter", ModelSpec("demo-tiny")))
    assert world.model().name == "greeter"
