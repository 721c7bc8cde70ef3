"""What others do between a read and its write."""

from contextlib import suppress

import pytest

from llmanager.jobs.entities import LEASE_S, Job, Progress
from llmanager.jobs.errors import JobLost
from llmanager.jobs.usecases.cancel import cancel
from llmanager.jobs.usecases.claim import next_due
from llmanager.jobs.usecases.end import give_back
from llmanager.jobs.usecases.recover import recover
from llmanager.jobs.usecases.report import report
from llmanager.kernel.errors import Conflict, Throttled
from tests.unit.jobs.world import World


def test_a_submission_that_others_overtake_again_and_again_gives_up(world: World):
    def contested(_):
        world.table.before_write = contested
        raise Conflict("Somebody was first.")

    world.table.before_write = contested
    with pytest.raises(Throttled):
        world.submit()


def test_a_change_that_others_overtake_again_and_again_gives_up(world: World):
    def contested(_):
        world.table.before_write = contested
        raise Conflict("Somebody was first.")

    job = world.submit()
    world.table.before_write = contested
    with pytest.raises(Throttled):
        cancel(world.queue, job.key)


ACTS = {
    "submit": lambda world, held, waiting: world.submit(),
    "claim": lambda world, held, waiting: world.claim(),
    "finish": lambda world, held, waiting: world.finish(held),
    "fail": lambda world, held, waiting: world.fail(held),
    "report": lambda world, held, waiting: report(world.queue, held, Progress(1)),
    "give back": lambda world, held, waiting: give_back(world.queue, held),
    "recover": lambda world, held, waiting: recover(world.queue),
    "cancel what runs": lambda world, held, waiting: cancel(world.queue, held.key),
    "cancel what waits": lambda world, held, waiting: cancel(world.queue, waiting.key),
}


@pytest.mark.parametrize("late", ACTS)
@pytest.mark.parametrize("between", ACTS)
def test_whatever_comes_between_a_read_and_its_write_all_rows_agree_and_no_job_is_lost(late: str, between: str):
    world = World()
    first, waiting = world.submit(), world.submit()
    held = world.claimed()
    world.submit("b")

    def come_between(_):
        with suppress(JobLost):
            ACTS[between](world, held, waiting)

    world.table.before_write = come_between
    with suppress(JobLost):
        ACTS[late](world, held, waiting)
    world.check()
    drain(world)
    assert all(world.now(job).state.is_over for job in (first, waiting))


def drain(world: World) -> list[Job]:
    """Do all there is to do, whenever it is due."""
    done = []
    while (due := next_due(world.queue)) is not None:
        world.clock.set(max(due, world.clock.now()))
        if (job := world.claim()) is not None:
            done.append(world.finish(job))
    world.check()
    return done


def test_a_lost_answer_of_a_claim_leaves_a_lease_that_runs_out(world: World):
    made = world.submit()

    def lose(_):
        raise Throttled("The answer was lost.")

    world.table.after_write = lose
    with pytest.raises(Throttled):
        world.claim()
    assert world.claim() is None
    world.clock.advance(LEASE_S)
    assert world.claimed().id == made.id


def test_a_due_row_that_somebody_served_since_it_was_read_is_passed_over(world: World):
    first, second = world.submit("a"), world.submit("b")
    world.table.before_write = lambda _: cancel(world.queue, first.key)
    assert world.claimed().id == second.id
    world.check()
