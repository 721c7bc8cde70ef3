from dataclasses import replace

import pytest

from llmanager.kernel.errors import Unavailable
from llmanager.vdb.entities import MAX_EVENTS, IndexState
from llmanager.vdb.errors import CollectionNotFound
from llmanager.vdb.usecases.hibernate import hibernate
from llmanager.vdb.usecases.status import status
from llmanager.vdb.usecases.sweep import Sweep
from tests.unit.vdb.usecases.world import DOCS, refused


@pytest.fixture
def sweep(world):
    return Sweep(world.vdbs)


def test_the_status_tells_how_it_is_and_wakes_nothing(world):
    world.create(dim=2, sleep_after_s=100, delete_after_s=300, ttl_s=200)
    world.write("a", "b")
    found, size = status(world.vdbs, DOCS)
    assert (size.count, size.segments) == (2, 1)
    assert size.index_bytes > 0
    assert size.segment_bytes > 0
    assert (found.sleeps_at - world.clock.now()).total_seconds() == 100
    assert (found.deletes_at - world.clock.now()).total_seconds() == 200
    hibernate(world.vdbs, DOCS)
    found, size = status(world.vdbs, DOCS)
    assert (size.count, size.index_bytes, found.sleeps_at) == (2, 0, None)
    assert (found.expires_at - world.clock.now()).total_seconds() == 200
    assert world.index().state is IndexState.ASLEEP


def test_the_status_tells_what_happened_to_it(world, sweep):
    world.create(dim=2, sleep_after_s=100)
    world.clock.advance(100)
    sweep()
    world.clock.advance(1)
    world.held()
    hibernate(world.vdbs, DOCS)
    events = status(world.vdbs, DOCS)[0].events
    assert [(event.what, event.why) for event in events] == [
        ("created", ""),
        ("hibernated", "idle for 100 s"),
        ("restored", ""),
        ("hibernated", "asked for"),
    ]
    assert [(event.at - events[0].at).total_seconds() for event in events] == [0, 100, 101, 101]


def test_a_row_tells_why_its_collection_goes(world, sweep):
    world.create(dim=2, delete_after_s=10)
    world.create("short", dim=2, ttl_s=10)
    world.clock.advance(10)
    world.store.drop = refused(Unavailable("away"))
    sweep()
    whys = {c.name: [event.why for event in c.events] for c in world.vdbs.every()}
    assert whys == {"docs": ["", "unused for 10 s"], "short": ["", "its time to live is over"]}


def test_only_the_newest_events_are_remembered(world):
    world.create(dim=2)
    for _ in range(MAX_EVENTS):
        hibernate(world.vdbs, DOCS)
        world.clock.advance(1)
        world.held()
    events = status(world.vdbs, DOCS)[0].events
    assert len(events) == MAX_EVENTS
    assert [event.what for event in events[-2:]] == ["hibernated", "restored"]


def test_rows_of_an_earlier_version_tell_of_no_events(world):
    made = world.create(dim=2)
    for row in (world.table.get("collection#acme", "docs"), world.table.get("index#acme", made.resource)):
        body = {field: value for field, value in row.body.items() if field != "events"}
        world.table.put(replace(row, body=body))
    assert status(world.vdbs, DOCS)[0].events == ()


def test_the_status_of_what_is_not_there_is_refused(world):
    with pytest.raises(CollectionNotFound):
        status(world.vdbs, DOCS)
