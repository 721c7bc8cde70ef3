"""Jobs from submission to their end, over a fake table."""

from datetime import timedelta

import pytest

from llmanager.jobs.entities import KEEP_S, LEASE_S, MAX_DEATHS, JobState, Progress
from llmanager.jobs.errors import JobLost, JobNotFound, PayloadTooLarge, ResultTooLarge, TooManyJobs
from llmanager.jobs.usecases.cancel import cancel
from llmanager.jobs.usecases.claim import next_due
from llmanager.jobs.usecases.end import end_cancelled, finish, give_back
from llmanager.jobs.usecases.list import list_jobs
from llmanager.jobs.usecases.recover import recover
from llmanager.jobs.usecases.report import report
from llmanager.kernel.errors import InvalidInput
from llmanager.kernel.principal import Principal
from tests.unit.jobs.world import WRONG, World

RIVAL = Principal("rival", "key-2", frozenset({"jobs"}))


def test_a_job_is_submitted_claimed_and_finished(world: World):
    made = world.submit(source="a.txt")
    assert (made.state, made.kind, made.key_id, made.payload) == (JobState.QUEUED, "test", "key-1", {"source": "a.txt"})
    job = world.claimed()
    assert (job.id, job.payload, job.attempts) == (made.id, {"source": "a.txt"}, 1)
    done = world.finish(job, chunks=3)
    assert world.now(made) == done
    assert (done.state, done.result) == (JobState.DONE, {"chunks": 3})
    world.check()


def test_every_write_is_told(world: World):
    job = world.submit()
    world.finish(world.claimed())
    assert world.told == [job.key] * 3


def test_a_job_that_is_held_is_held_by_one(world: World):
    world.submit()
    assert world.claim() is not None
    assert world.claim() is None


def test_jobs_of_one_lane_run_one_after_another_in_order_of_submission(world: World):
    made = [world.submit(n=n).id for n in range(3)]
    for id_ in made:
        job = world.claimed()
        assert job.id == id_
        assert world.claim() is None
        world.finish(job)
        world.check()
    assert world.claim() is None


def test_the_order_is_kept_where_ids_are_made_in_another_order(world: World):
    first = world.submit()
    world.clock.set(world.clock.now() - timedelta(hours=1))
    second = world.submit()
    assert second.id < first.id
    world.clock.advance(2 * 3600)
    assert world.finish(world.claimed()).id == first.id
    assert world.finish(world.claimed()).id == second.id


def test_lanes_run_side_by_side(world: World):
    made = {world.submit(lane).id for lane in ("a", "b", "a#b", "")}
    assert {world.claimed().id for _ in range(4)} == made
    world.check()


def test_lanes_of_two_tenants_have_nothing_to_do_with_each_other(world: World):
    world.submit("a"), world.submit("a", RIVAL)
    assert {world.claimed().tenant, world.claimed().tenant} == {"acme", "rival"}


def test_a_failure_that_may_mend_holds_up_its_lane_and_no_other(world: World):
    first, second, other = world.submit("a"), world.submit("a"), world.submit("b")
    world.fail(world.claimed())
    assert world.now(first).failure.message == "The model is busy."
    assert world.claimed().id == other.id
    assert world.claim() is None
    assert next_due(world.queue) == world.clock.now() + timedelta(seconds=5)
    world.clock.advance(5)
    again = world.claimed()
    assert (again.id, again.attempts) == (first.id, 2)
    world.finish(again)
    assert world.claimed().id == second.id
    world.check()


def test_a_failure_for_good_ends_the_job_and_the_next_one_begins(world: World):
    first, second = world.submit(), world.submit()
    assert world.fail(world.claimed(), WRONG).state is JobState.FAILED
    assert (world.now(first).failure.code, world.now(first).failure.message) == ("invalid_input", str(WRONG))
    assert world.claimed().id == second.id


def test_a_job_whose_worker_is_silent_for_a_lease_is_done_by_another(world: World):
    world.submit()
    dead = world.claimed()
    world.clock.advance(LEASE_S - 1)
    assert world.claim() is None
    world.clock.advance(1)
    again = world.claimed()
    assert (again.id, again.attempts, again.deaths) == (dead.id, 2, 1)
    for late in (
        lambda: world.finish(dead),
        lambda: world.fail(dead),
        lambda: give_back(world.queue, dead),
        lambda: end_cancelled(world.queue, dead),
        lambda: report(world.queue, dead, Progress(1)),
    ):
        with pytest.raises(JobLost):
            late()
    assert world.now(dead) == again
    world.check()


def test_a_job_that_kills_its_workers_ends_and_its_lane_goes_on(world: World):
    poison, next_one = world.submit(), world.submit()
    for _ in range(MAX_DEATHS):
        assert world.claimed().id == poison.id
        world.clock.advance(LEASE_S)
    assert world.claim() is None  # this look ended it
    over = world.now(poison)
    assert (over.state, over.failure.code) == (JobState.FAILED, "job_died")
    assert world.claimed().id == next_one.id
    world.check()


def test_a_report_renews_the_lease(world: World):
    world.submit()
    job = world.claimed()
    for done in range(5):
        world.clock.advance(LEASE_S - 1)
        report(world.queue, job, Progress(done, 5, "chunks"))
        assert world.claim() is None
    assert world.now(job).progress == Progress(4, 5, "chunks")
    world.check()


def test_what_waits_is_cancelled_at_once_wherever_it_stands_in_its_lane(world: World):
    jobs = [world.submit() for _ in range(3)]
    for job in (jobs[1], jobs[0]):
        assert cancel(world.queue, job.key).state is JobState.CANCELLED
        world.check()
    assert world.claimed().id == jobs[2].id


def test_what_runs_is_asked_and_ends_as_its_worker_says(world: World):
    world.submit()
    job = world.claimed()
    assert cancel(world.queue, job.key).is_cancel_asked
    assert report(world.queue, job, Progress(1)).is_cancel_asked
    assert end_cancelled(world.queue, job).state is JobState.CANCELLED
    world.check()


def test_what_finishes_before_it_hears_of_the_cancel_is_done(world: World):
    world.submit()
    job = world.claimed()
    cancel(world.queue, job.key)
    assert world.finish(job).state is JobState.DONE
    assert cancel(world.queue, job.key).state is JobState.DONE


def test_a_job_given_back_is_due_at_once(world: World):
    world.submit()
    give_back(world.queue, world.claimed())
    assert world.claimed().attempts == 1
    world.check()


def test_after_a_restart_what_the_dead_server_held_is_due_at_once(world: World):
    held, waiting = world.submit("a"), world.submit("b")
    assert world.claimed().id == held.id
    assert recover(world.queue) == 1
    assert world.now(held).deaths == 1
    assert {world.claimed().id, world.claimed().id} == {held.id, waiting.id}
    world.check()


def test_a_restart_ends_what_was_to_be_cancelled_and_what_killed_too_many(world: World):
    world.submit("a"), world.submit("b")
    asked = world.claimed()
    cancel(world.queue, asked.key)
    for _ in range(MAX_DEATHS):
        poison = world.claimed()
        recover(world.queue)
    assert world.now(asked).state is JobState.CANCELLED
    assert world.now(poison).state is JobState.FAILED
    assert recover(world.queue) == 0
    world.check()


def test_more_jobs_than_may_wait_are_refused_for_now_and_other_tenants_go_on(world: World, monkeypatch):
    monkeypatch.setattr("llmanager.jobs.usecases.submit.MAX_OPEN_JOBS", 150)  # more than one page of lanes
    for n in range(150):
        world.submit(f"lane {n % 120}")
    with pytest.raises(TooManyJobs, match="POST /jobs/cancel"):
        world.submit()
    world.submit("a", RIVAL)
    world.finish(world.claimed())
    world.submit()


def test_a_payload_over_the_limit_is_refused(world: World):
    with pytest.raises(PayloadTooLarge):
        world.submit(text="x" * 200_000)
    assert list_jobs(world.queue, tenant="acme", limit=10).items == ()


def test_a_result_over_the_limit_is_refused_and_the_job_still_held(world: World):
    world.submit()
    job = world.claimed()
    with pytest.raises(ResultTooLarge):
        finish(world.queue, job, {"text": "x" * 200_000}, Progress())
    assert world.now(job).state is JobState.RUNNING


def test_jobs_are_listed_newest_first_in_pages_to_their_tenant_only(world: World):
    made = []
    for _ in range(3):
        made.append(world.submit().id)
        world.clock.advance(1)
    world.submit("a", RIVAL)
    first = list_jobs(world.queue, tenant="acme", limit=2)
    rest = list_jobs(world.queue, tenant="acme", limit=2, cursor=first.cursor)
    assert [job.id for job in first.items + rest.items] == made[::-1]
    assert rest.cursor is None
    with pytest.raises(InvalidInput):
        list_jobs(world.queue, tenant="acme", limit=2, cursor="é")


def test_another_tenants_job_is_not_found_as_one_that_never_was(world: World):
    theirs = world.submit("a", RIVAL)
    told = set()
    for id_ in (theirs.id, "never"):
        for ask in (world.queue.require, lambda key: cancel(world.queue, key)):
            with pytest.raises(JobNotFound) as refusal:
                ask(("acme", id_))
            told.add(str(refusal.value))
    assert len(told) == 1


def test_what_is_over_is_forgotten_after_a_week_and_leaves_no_row(world: World):
    world.finish(world.submit() and world.claimed())
    cancelled = cancel(world.queue, world.submit().key)
    world.clock.advance(KEEP_S - 1)
    assert world.now(cancelled).state is JobState.CANCELLED
    world.clock.advance(1)
    assert world.table.scan().rows == ()


def test_a_job_that_waits_is_never_forgotten(world: World):
    made = world.submit()
    world.clock.advance(10 * KEEP_S)
    assert world.claimed().id == made.id
