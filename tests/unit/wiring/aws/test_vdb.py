"""The functions of vector databases, files and jobs, and the worker: each forgets all but rows, blobs and indexes."""

import asyncio
import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest

from llmanager.files.usecases.announce import announce
from llmanager.files.usecases.receive import receive
from llmanager.jobs.entities import JobState, Progress
from llmanager.jobs.usecases.claim import claim
from llmanager.kernel.errors import Unavailable
from llmanager.kernel.principal import Principal
from llmanager.models.entities import Kind
from llmanager.vdb.rows import WRITERS
from llmanager.vdb.usecases.hibernate import hibernate
from llmanager.wiring.aws.idle_indexes import with_indexes_by_rows
from llmanager.wiring.aws.inner_loop import inner_loop
from llmanager.wiring.aws.vdb import jobs_app_of, vdb_app_of
from llmanager.wiring.aws.vdb_care import chores_of
from llmanager.wiring.aws.worker import ABANDON_S, BEGIN_S, INTERRUPT_S, Worker
from llmanager.wiring.aws.working import worker_of
from tests.fakes.eventually import eventually
from tests.fakes.openai_engine import OpenAIEngine
from tests.unit.wiring.aws.serving_world import TENANT, ServingWorld

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


def served(world, work, app_of=lambda house, parts: vdb_app_of(house, parts.path, parts.library, parts.queue)):
    """In a function that starts anew."""

    async def run():
        house = world.house()
        parts = world.parts(house)
        try:
            return await work(world.client(app_of(house, parts)))
        finally:
            await parts.path.gateway.relay._upstreams.close()

    return asyncio.run(run())


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


def reaped(world):
    """One minute's pass."""
    parts = world.parts(world.house())
    for chore in chores_of(parts.library, parts.queue, world.tables.__getitem__, world.clock):
        chore()


def uploaded(world, name, content: bytes):
    files = world.parts(world.house()).library.files
    made = announce(files, tenant=TENANT, filename=name, size_bytes=len(content))
    return receive(files, file_id=made.file.id, token=made.token, pieces=[content])


def worker(world, handlers) -> Worker:
    house = world.house()
    return Worker(world.parts(house).queue, handlers, house.time_left, look_every_s=0.01)


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


def submitted(world, kind="test", lane="one"):
    return world.parts(world.house()).queue.submit(caller=ADA, kind=kind, payload={}, lane=lane)


def job(world, made):
    return world.parts(world.house()).queue.jobs.find(made.key)


def test_a_jobs_turn_comes_when_the_one_before_it_is_done_though_its_message_came_too_early(world):
    order = []
    first, second = submitted(world), submitted(world)

    def act(job_, report):
        order.append(job_.id)
        return {}

    worker(world, {"test": act}).serve(world.messages.taken(), 900)
    assert order == [first.id, second.id]
    assert job(world, second).state is JobState.DONE


def running_out(worker_, *seconds) -> None:
    """What is left of an invocation, each time that somebody asks; the last of them from then on."""
    left = iter(seconds)
    worker_.time_left.seconds = lambda: next(left, seconds[-1])


def test_a_job_is_told_to_end_before_the_function_is_and_goes_on_in_the_next(world):
    made = submitted(world)
    seen = []

    def slow(_, report):
        seen.append(report)
        while True:
            report.tell(Progress(len(seen)))
            threading.Event().wait(0.005)

    house_worker = worker(world, {"test": slow})
    world.messages.sent.clear()
    running_out(house_worker, 900, 900, INTERRUPT_S - 1)
    house_worker.serve({"Records": []}, 900)
    now = job(world, made)
    assert (now.state, now.attempts) == (JobState.QUEUED, 0)
    assert {"tenant": TENANT, "id": made.id} in [body for body, _ in world.messages.sent]
    worker(world, {"test": lambda *_: {"went": "on"}}).serve(world.messages.taken(), 900)
    assert job(world, made).result == {"went": "on"}


def test_a_handler_that_does_not_listen_loses_its_job(world):
    made, go_on = submitted(world), threading.Event()

    def deaf(_, report):
        assert go_on.wait(10)
        report.tell(Progress(1))
        return {"too": "late"}

    one = worker(world, {"test": deaf})
    running_out(one, 900, 900, ABANDON_S - 1)
    one.serve({"Records": []}, 900)
    assert job(world, made).state is JobState.QUEUED
    again = worker(world, {"test": lambda *_: {"in": "time"}})
    again.serve({"Records": []}, 900)
    go_on.set()
    assert job(world, made).result == {"in": "time"}


def test_without_time_for_another_job_none_begins_and_others_are_told(world):
    made = submitted(world)
    world.messages.sent.clear()
    worker(world, {"test": lambda *_: {}}).serve({"Records": []}, BEGIN_S)
    assert job(world, made).state is JobState.QUEUED
    assert [body["id"] for body, _ in world.messages.sent] == [made.id]


def test_what_may_mend_is_tried_again_by_a_message_for_later(world):
    made = submitted(world)
    world.messages.sent.clear()

    def fails(*_):
        raise Unavailable("not now", retry_after_s=7)

    worker(world, {"test": fails}).serve({"Records": []}, 900)
    ((body, delay_s),) = world.messages.sent
    assert (body["id"], 6 < delay_s <= 7) == (made.id, True)
    assert job(world, made).failure.code == "unavailable"


def test_a_queue_that_cannot_be_read_has_every_message_sent_again(world):
    submitted(world)
    event = world.messages.taken()
    world.tables["jobs"].down = Unavailable("gone")
    assert worker(world, {}).serve(event, 900) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}


def test_a_job_whose_message_was_lost_is_found_by_the_reaper(world):
    world.messages.down = Unavailable("no queue")
    made = submitted(world)
    world.messages.down = None
    assert world.messages.sent == []
    reaped(world)
    assert [body["id"] for body, _ in world.messages.sent] == [made.id]


def test_a_job_that_died_with_its_worker_is_due_when_its_lease_is_over(world):
    made = submitted(world)
    queue = world.parts(world.house()).queue
    assert claim(queue.jobs).id == made.id
    world.messages.sent.clear()
    assert queue.poke_overdue() == 0
    later = ServingClock(world.clock, 61)
    object.__setattr__(queue.jobs, "clock", later)
    assert queue.poke_overdue() == 1


class ServingClock:
    def __init__(self, clock, ahead_s) -> None:
        self._clock, self._ahead = clock, timedelta(seconds=ahead_s)

    def now(self):
        return self._clock.now() + self._ahead


def test_cancelling_tells_the_workers_whose_turn_it_is(world):
    first, second = submitted(world), submitted(world)
    world.messages.sent.clear()

    def jobs(house, parts):
        return jobs_app_of(house, parts.queue)

    reply = served(world, lambda client: client.post("/jobs/cancel", {"job_id": first.id}), jobs)
    assert reply.json["status"] == "cancelled"
    assert world.messages.sent
    assert claim(world.parts(world.house()).queue.jobs).id == second.id


def test_a_job_can_be_waited_for_but_not_longer_than_a_request_may_take(world):
    made = submitted(world)

    def jobs(house, parts):
        return jobs_app_of(house, parts.queue)

    async def wait(client):
        waiting = asyncio.create_task(client.post("/jobs/status", {"job_id": made.id, "wait_s": 60}))
        await asyncio.to_thread(worker(world, {"test": lambda *_: {}}).serve, {"Records": []}, 900)
        return await waiting

    assert served(world, wait, jobs).json["status"] == "done"


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
    object.__setattr__(vdbs, "clock", ServingClock(world.clock, 301))
    assert with_indexes_by_rows(vdbs).store.indexes() == indexes()
    assert not asked


def test_a_pass_of_the_reaper_leaves_everything_as_it_is(world):
    served(world, filled)
    for _ in range(3):
        reaped(world)
    assert served(world, found).json["results"][0]["id"] == "2"
    assert len(list(world.stores.blobs.list("vdb/"))) == 1
