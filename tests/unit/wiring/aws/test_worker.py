"""The worker: one job after another, none longer than its function lives, and none forgotten."""

import asyncio
import threading

import pytest

from llmanager.jobs.entities import JobState, Progress
from llmanager.jobs.usecases.claim import claim
from llmanager.kernel.errors import Unavailable
from llmanager.kernel.principal import Principal
from llmanager.wiring.aws.jobs import jobs_app_of
from llmanager.wiring.aws.worker import ABANDON_S, BEGIN_S, INTERRUPT_S, Worker
from tests.fakes.eventually import eventually
from tests.fakes.openai_engine import OpenAIEngine
from tests.unit.wiring.aws.serving_world import TENANT, Later, ServingWorld, reaped, served_by

ADA = Principal(TENANT, "key-1", frozenset({"jobs"}))


@pytest.fixture
def world():
    with OpenAIEngine() as engine:
        yield ServingWorld(engine)


def jobs(house, parts):
    return jobs_app_of(house, parts.queue)


def worker(world, handlers) -> Worker:
    house = world.house()
    return Worker(world.parts(house).queue, handlers, house.time_left, look_every_s=0.01)


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
    eventually(lambda: "job" not in [thread.name for thread in threading.enumerate()])
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
    later = Later(world.clock, 61)
    object.__setattr__(queue.jobs, "clock", later)
    assert queue.poke_overdue() == 1


def test_cancelling_tells_the_workers_whose_turn_it_is(world):
    first, second = submitted(world), submitted(world)
    world.messages.sent.clear()

    reply = served_by(world, jobs, lambda client: client.post("/jobs/cancel", {"job_id": first.id}))
    assert reply.json["status"] == "cancelled"
    assert world.messages.sent
    assert claim(world.parts(world.house()).queue.jobs).id == second.id


def test_a_job_can_be_waited_for_but_not_longer_than_a_request_may_take(world):
    made = submitted(world)

    async def wait(client):
        waiting = asyncio.create_task(client.post("/jobs/status", {"job_id": made.id, "wait_s": 60}))
        await asyncio.to_thread(worker(world, {"test": lambda *_: {}}).serve, {"Records": []}, 900)
        return await waiting

    assert served_by(world, jobs, wait).json["status"] == "done"
