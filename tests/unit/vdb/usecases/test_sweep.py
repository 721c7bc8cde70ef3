import pytest

from llmanager.kernel.errors import Unavailable
from llmanager.vdb.entities import IndexState
from llmanager.vdb.errors import SegmentCorrupt
from llmanager.vdb.usecases.hibernate import hibernate
from llmanager.vdb.usecases.status import status
from llmanager.vdb.usecases.sweep import Sweep, Tend
from tests.unit.vdb.usecases.world import DOCS, refused


@pytest.fixture
def sweep(world):
    return Sweep(world.vdbs)


@pytest.fixture
def tend(world):
    return Tend(world.vdbs)


def is_there(world):
    return world.vdbs.find_any(DOCS) is not None


def test_what_nobody_uses_is_hibernated_and_use_delays_it(world, sweep):
    world.create(dim=2, sleep_after_s=100)
    world.write("a")
    world.clock.advance(99)
    sweep()
    assert world.held() == ["a"]
    world.clock.advance(99)
    sweep()
    assert world.index().is_up
    world.clock.advance(1)
    sweep()
    assert world.index().state is IndexState.ASLEEP
    assert world.held() == ["a"]


def test_status_and_lists_are_no_use(world, sweep):
    world.create(dim=2, sleep_after_s=100)
    world.clock.advance(99)
    status(world.vdbs, DOCS)
    world.vdbs.page("acme", limit=10, cursor=None)
    world.clock.advance(1)
    sweep()
    assert world.index().state is IndexState.ASLEEP


def test_what_is_used_more_often_than_its_limit_is_left_alone_however_short_that_is(world, sweep):
    world.create(dim=2, sleep_after_s=8, delete_after_s=12)
    for _ in range(20):
        world.clock.advance(3)
        world.held()
        sweep()
    assert world.index().build == 1  # only made


def test_what_was_unused_too_long_is_deleted_also_while_it_sleeps(world, sweep):
    world.create(dim=2, sleep_after_s=100, delete_after_s=200)
    world.clock.advance(150)
    sweep()
    assert world.index().state is IndexState.ASLEEP
    world.clock.advance(50)
    sweep()
    assert not is_there(world)
    assert (world.store.indexes(), world.log.resources()) == ((), ())


def test_its_time_ends_whoever_uses_it(world, sweep):
    world.create(dim=2, ttl_s=100)
    world.clock.advance(99)
    world.write("a")
    sweep()
    assert is_there(world)
    world.clock.advance(1)
    sweep()
    assert not is_there(world)


def test_a_use_at_the_last_moment_saves_it(world, sweep):
    world.create(dim=2, delete_after_s=100)
    world.clock.advance(100)
    world.table.before_write = lambda _: world.vdbs.note_use(world.collection())
    sweep()
    assert is_there(world)


def test_a_use_at_the_last_moment_keeps_it_awake(world, sweep):
    world.create(dim=2, sleep_after_s=100)
    world.clock.advance(100)
    taken = world.vdbs.exclusive

    def after_a_use(resource):
        object.__setattr__(world.vdbs, "exclusive", taken)
        world.vdbs.note_use(world.collection())
        return taken(resource)

    object.__setattr__(world.vdbs, "exclusive", after_a_use)
    sweep()
    assert world.index().is_up


def test_a_use_just_before_it_would_fall_asleep_keeps_it_awake(world, sweep):
    world.create(dim=2, sleep_after_s=100)
    world.clock.advance(100)
    world.table.before_write = lambda _: world.vdbs.note_use(world.collection())
    sweep()
    assert world.index().is_up


def test_a_hibernation_that_was_cut_short_is_finished(world, sweep):
    world.create(dim=2)
    drop, world.store.drop = world.store.drop, refused(Unavailable("away"))
    with pytest.raises(Unavailable):
        hibernate(world.vdbs, DOCS)
    world.store.drop = drop
    assert world.store.indexes() != ()
    sweep()
    assert world.store.indexes() == ()
    assert world.index().state is IndexState.ASLEEP


def test_an_index_that_was_never_finished_is_made(world, sweep):
    world.store.down = Unavailable("away")
    world.create(dim=2)
    world.store.down = None
    sweep()
    assert world.index().is_up


def test_one_that_fails_holds_up_no_other_and_is_told(world, sweep):
    for name in ("a-first", "docs", "z-last"):
        world.create(name, dim=2, ttl_s=10)
    world.clock.advance(10)
    drop = world.store.drop

    def but_one(resource):
        if "docs" in resource:
            raise Unavailable("away")
        drop(resource)

    world.store.drop = but_one
    sweep()  # a delete that cannot be finished now is no error
    assert [c.name for c in world.vdbs.every()] == ["docs"]
    with pytest.raises(Unavailable, match="away"):
        sweep()
    world.store.drop = drop
    world.clock.advance(2)
    sweep()
    assert list(world.vdbs.every()) == []


def test_what_stays_broken_is_tried_less_and_less_often_and_named(world, sweep):
    world.create(dim=2)
    world.write("a")
    hibernate(world.vdbs, DOCS)
    world.damage()
    with pytest.raises(SegmentCorrupt):
        world.held()
    notes = []
    for _ in range(100):
        try:
            sweep()
        except SegmentCorrupt as error:
            notes.append(error.__notes__)
        world.clock.advance(2)
    assert notes == 7 * [[world.collection().resource]]  # after 0, 2, 6, 14, 30, 62 and 126 s


def test_an_index_that_was_lost_is_made_anew_before_anybody_asks(world, sweep):
    world.create(dim=2)
    world.write("a", "b")
    world.store.lose(world.collection().resource)
    assert status(world.vdbs, DOCS)[1].count == 2
    sweep()
    assert world.store.stats(world.collection().resource).count == 2
    build = world.index().build
    sweep()
    assert world.index().build == build


def test_what_a_dead_server_left_is_finished(world, sweep):
    world.create(dim=2)
    world.create("asleep", dim=2)
    hibernate(world.vdbs, ("acme", "asleep"))
    world.write("a")
    world.store.before_apply = refused(SystemExit())
    with pytest.raises(SystemExit):
        world.write("b")
    sweep()
    assert world.index().is_current
    assert world.held() == ["a", "b"]
    assert world.vdbs.index(world.vdbs.require(("acme", "asleep"))).state is IndexState.ASLEEP


def test_a_collection_is_compacted_after_many_writes_or_once_it_is_idle(world, tend):
    world.create(dim=2)
    resource = world.collection().resource
    world.write("a")
    tend()
    assert world.store.tended == []
    world.clock.advance(60)
    tend()
    assert world.store.tended == [resource]
    world.clock.advance(60)
    tend()
    assert world.store.tended == [resource]
    for n in range(16):
        world.write(f"id-{n}")
    tend()
    assert world.store.tended == [resource] * 2
    assert world.segments() < 17
    assert len(world.held()) == 17
    hibernate(world.vdbs, DOCS)
    assert len(world.held()) == 17


def test_tending_leaves_alone_what_sleeps_or_is_gone(world, tend):
    world.create(dim=2)
    world.write("a")
    hibernate(world.vdbs, DOCS)
    world.clock.advance(60)
    tend()
    assert world.store.tended == []


def test_an_index_that_is_dropped_while_it_is_tended_is_no_error(world, tend):
    world.create(dim=2)
    world.write("a")
    world.clock.advance(60)
    compact = world.store.tend

    def after_a_drop(index):
        hibernate(world.vdbs, DOCS)
        compact(index)

    world.store.tend = after_a_drop
    tend()
    assert world.index().state is IndexState.ASLEEP
