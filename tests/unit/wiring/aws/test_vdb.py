"""The functions of vector databases, files and jobs, and the worker: each forgets all but rows, blobs and indexes."""

import asyncio
from contextlib import contextmanager

import pytest

from llmanager.files.usecases.announce import announce
from llmanager.files.usecases.receive import receive
from llmanager.kernel.errors import Unavailable
from llmanager.kernel.principal import Principal
from llmanager.models.entities import Kind
from llmanager.vdb.rows import WRITERS
from llmanager.vdb.usecases.hibernate import hibernate
from llmanager.wiring.aws.idle_indexes import LISTED_S, with_indexes_by_rows, with_segments_listed_seldom
from llmanager.wiring.aws.inner_loop import inner_loop
from llmanager.wiring.aws.jobs import jobs_app_of
from llmanager.wiring.aws.vdb import vdb_app_of
from llmanager.wiring.aws.working import worker_of
from tests.fakes.eventually import eventually
from tests.fakes.openai_engine import OpenAIEngine
from tests.unit.wiring.aws.serving_world import TENANT, Later, ServingWorld, reaped, served_by

DOCS = (TENANT, "docs")
ADA = Principal(TENANT, "key-1", frozenset({"jobs"}))


@pytest.fixture
def engine():
    with OpenAIEngine() as made:
        yield made


@pytest.fixture
def world(engine):
    made = ServingWorld(engine)
    made.up("minilm", "vectors", Kind.EMBEDDING)
    return made


def vdb(house, parts):
    return vdb_app_of(house, parts.path, parts.library, parts.queue)


def served(world, work, app_of=vdb):
    return served_by(world, app_of, work)


async def filled(client):
    made = await client.post("/vdb/create", {"name": "docs", "model": "minilm"})
    assert made.status == 202, made.body
    added = await client.post("/vdb/add", {"name": "docs", "texts": ["a cat", "a dog"], "ids": ["1", "2"]})
    assert added.status == 200, added.body


def found(client, query="a dog"):
    return client.post("/vdb/query", {"name": "docs", "query": query, "k": 1, "mode": "vector"})


def test_what_one_function_wrote_another_finds(world):
    served(world, filled)
    reply = served(world, found)
    assert (reply.status, [hit["id"] for hit in reply.json["results"]]) == (200, ["2"])
    assert not world.tables["vdb"].query(WRITERS).rows, "whoever wrote is done"


def test_a_hibernated_one_is_restored_by_its_first_question(world):
    served(world, filled)
    library = world.parts(world.house()).library
    hibernate(library.vdbs, DOCS)
    assert not world.stores.vectors.indexes()
    assert served(world, found).json["results"][0]["id"] == "2"


def test_a_restore_that_no_request_has_time_for_is_done_by_the_reaper(world):
    served(world, filled)
    hibernate(world.parts(world.house()).library.vdbs, DOCS)
    house = world.house()
    parts = world.parts(house)
    house.time_left.begin(0)  # as in a request that has none left
    with pytest.raises(Unavailable, match="longer than one request"):
        from_request(parts)
    reaped(world)
    assert served(world, found).json["results"][0]["id"] == "2"


def from_request(parts):
    with parts.library.vdbs.alone(DOCS):
        raise AssertionError("there was time")


def uploaded(world, name, content: bytes):
    files = world.parts(world.house()).library.files
    made = announce(files, tenant=TENANT, filename=name, size_bytes=len(content))
    return receive(files, file_id=made.file.id, token=made.token, pieces=[content])


@contextmanager
def real_worker(world):
    house, loop = world.house(), inner_loop()
    parts = world.parts(house)
    yield worker_of(house, parts.path, parts.library, parts.queue, loop)
    asyncio.run_coroutine_threadsafe(parts.path.gateway.relay._upstreams.close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    eventually(lambda: not loop.is_running())
    loop.close()


def status(world, job_id):
    def jobs(house, parts):
        return jobs_app_of(house, parts.queue)

    return served(world, lambda client: client.post("/jobs/status", {"job_id": job_id}), jobs).json


def test_a_document_becomes_passages_by_a_job_that_another_function_does(world):
    served(world, filled)
    uploaded(world, "notes.txt", b"The moon is made of green cheese.")
    order = {"model": "minilm", "src": "notes.txt", "vdb": "docs"}
    reply = served(world, lambda client: client.post("/vdb/embed", order))
    assert reply.status == 202, reply.body
    job_id = reply.json["job_id"]
    assert [body for body, _ in world.messages.sent] == [{"tenant": TENANT, "id": job_id}]
    with real_worker(world) as one:
        assert one.serve(world.messages.taken(), 900) == {"batchItemFailures": []}
    done = status(world, job_id)
    assert (done["status"], done["result"]["chunks"]) == ("done", 1), done
    hit = served(world, lambda client: found(client, "The moon is made of green cheese.")).json["results"][0]
    assert "cheese" in hit["text"]


# a store that sleeps


def test_looking_after_what_nobody_uses_does_not_wake_the_store(world):
    served(world, filled)
    vdbs = world.parts(world.house()).library.vdbs
    asked = []
    indexes = world.stores.vectors.indexes
    world.stores.vectors.indexes = lambda: asked.append(1) or indexes()
    assert with_indexes_by_rows(vdbs).store.indexes() == indexes()
    assert asked, "somebody used it just now, so it is awake"
    asked.clear()
    object.__setattr__(vdbs, "clock", Later(world.clock, 301))
    assert with_indexes_by_rows(vdbs).store.indexes() == indexes()
    assert not asked


def test_segments_are_listed_seldom_but_at_once_while_some_have_no_row(world):
    served(world, filled)
    vdbs = world.parts(world.house()).library.vdbs
    seldom, asked = with_segments_listed_seldom(vdbs), []
    listed = vdbs.log.resources
    object.__setattr__(vdbs.log, "resources", lambda: asked.append(1) or listed())
    assert seldom.log.resources() == seldom.log.resources() == listed()
    assert len(asked) == 1

    clock = vdbs.clock
    object.__setattr__(vdbs, "clock", Later(clock, LISTED_S))
    seldom.log.resources()
    assert len(asked) == 2

    vdbs.log.blobs.put("vdb/nobodys/1", [b"x"])
    object.__setattr__(vdbs, "clock", Later(clock, 2 * LISTED_S))
    for _ in range(3):
        assert "nobodys" in seldom.log.resources()
    assert len(asked) == 5


def test_a_pass_of_the_reaper_leaves_everything_as_it_is(world):
    served(world, filled)
    for _ in range(3):
        reaped(world)
    assert served(world, found).json["results"][0]["id"] == "2"
    assert len(list(world.stores.blobs.list("vdb/"))) == 1
