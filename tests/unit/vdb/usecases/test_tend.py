from llmanager.vdb.usecases.sweep import Tend
from tests.unit.vdb.usecases.world import DOCS


def test_what_mostly_holds_the_dead_is_rewritten_without_them(world):
    world.create(dim=2)
    world.write(*(f"id-{n}" for n in range(10)))
    world.write(delete=[f"id-{n}" for n in range(9)])
    world.clock.advance(60)
    Tend(world.vdbs)()
    resource = world.vdbs.require(DOCS).resource
    assert [segment.items for segment in world.log.segments(resource)] == [1, 0]
    assert world.held() == ["id-9"]


def test_what_is_mostly_alive_is_left_as_it_is(world):
    world.create(dim=2)
    world.write(*(f"id-{n}" for n in range(10)))
    world.write(delete=["id-0"])
    world.clock.advance(60)
    Tend(world.vdbs)()
    resource = world.vdbs.require(DOCS).resource
    assert [segment.items for segment in world.log.segments(resource)] == [10, 0]
