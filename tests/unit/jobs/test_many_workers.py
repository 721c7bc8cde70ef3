"""Whatever is done in whatever order, on every table: one holder a job, one running job a lane, and none is lost."""

import threading
from collections import Counter, defaultdict
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmanager.jobs.entities import LEASE_S, JobState, Progress
from llmanager.jobs.errors import JobLost
from llmanager.jobs.usecases.cancel import cancel
from llmanager.jobs.usecases.claim import next_due
from llmanager.jobs.usecases.end import give_back
from llmanager.jobs.usecases.recover import recover
from llmanager.jobs.usecases.report import report
from tests.contracts.tables import ADAPTERS
from tests.fakes.clock import FakeClock
from tests.fakes.table import FakeTable
from tests.unit.jobs.world import WRONG, World

STEPS = st.one_of(
    st.tuples(st.just("submit"), st.sampled_from("ab")),
    st.tuples(st.just("claim")),
    st.tuples(st.sampled_from(["finish", "fail", "break", "report", "give back", "cancel"]), st.integers(0, 5)),
    st.tuples(st.just("wait"), st.sampled_from([1, 5, LEASE_S])),
    st.tuples(st.just("recover")),
)


class Player:
    """Plays steps; `jobs` are those submitted, `claims` every claim there was, lost ones too."""

    def __init__(self) -> None:
        clock = FakeClock()
        self.world = World(FakeTable(clock), clock)
        self.jobs, self.claims = [], []
        self.order = defaultdict(list)  # lane -> jobs as they were first claimed

    def play(self, kind: str, *more) -> None:
        world = self.world
        match kind:
            case "submit":
                self.jobs.append(world.submit(*more))
            case "claim":
                self.claim()
            case "wait":
                world.clock.advance(*more)
            case "recover":
                recover(world.queue)
            case "cancel":
                if self.jobs:
                    cancel(world.queue, self.jobs[more[0] % len(self.jobs)].key)
            case _ if self.claims:
                self.act(kind, self.claims[more[0] % len(self.claims)])

    def claim(self):
        job = self.world.claim()
        if job is not None:
            self.claims.append(job)
            if job.attempts == 1 and job.id not in self.order[job.lane]:
                self.order[job.lane].append(job.id)
        return job

    def act(self, kind, job) -> None:
        acts = {
            "finish": lambda: self.world.finish(job),
            "fail": lambda: self.world.fail(job),
            "break": lambda: self.world.fail(job, WRONG),
            "report": lambda: report(self.world.queue, job, Progress(1)),
            "give back": lambda: give_back(self.world.queue, job),
        }
        now = self.world.now(job)
        if now.state is JobState.RUNNING and now.holder == job.holder:
            acts[kind]()
        else:
            with pytest.raises(JobLost):
                acts[kind]()

    def drain(self) -> None:
        while (due := next_due(self.world.queue)) is not None:
            self.world.clock.set(max(due, self.world.clock.now()))
            if (job := self.claim()) is not None:
                self.world.finish(job)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEPS, max_size=25))
def test_after_any_steps_all_rows_agree_and_every_job_ends_in_the_order_of_its_lane(steps):
    player = Player()
    for step in steps:
        player.play(*step)
        player.world.check()
    player.drain()
    player.world.check()
    assert all(player.world.now(job).state.is_over for job in player.jobs)
    for lane, ids in player.order.items():
        submitted = [job.id for job in player.jobs if job.lane == lane]
        assert ids == [id_ for id_ in submitted if id_ in ids]


@pytest.fixture(params=ADAPTERS)
def world(request, tmp_path):
    clock = FakeClock()
    with ADAPTERS[request.param](clock, tmp_path) as table:
        yield World(table, clock)


def test_workers_side_by_side_never_hold_one_job_twice_nor_two_of_a_lane(world):
    lanes, per_lane, workers = "abc", 6, 4
    held, done, overlaps = Counter(), [], []
    gate = threading.Lock()

    def submit(lane):
        for _ in range(per_lane):
            world.submit(lane)

    def work():
        while len(done) < len(lanes) * per_lane:
            job = world.claim()
            if job is None:
                continue
            with gate:
                held[job.lane] += 1
                overlaps.extend([job.lane] * (held[job.lane] > 1))
            report(world.queue, job, Progress(1))
            with gate:
                held[job.lane] -= 1
                done.append(job.id)
            world.finish(job)

    threads = [threading.Thread(target=submit, args=lane, daemon=True) for lane in lanes]
    threads += [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
    assert overlaps == []
    assert sorted(done) == sorted(set(done))
    assert len(done) == len(lanes) * per_lane
    world.check()


def test_jobs_read_back_from_every_table_as_they_were_written(world):
    made = world.submit(text="🦙", list=[1, None, True], none=None)
    job = world.claimed()
    report(world.queue, job, Progress(1, None, "chunks", "embedding"))
    world.clock.advance(1)
    world.fail(job)
    again = world.now(made)
    assert again.payload == made.payload
    assert again.progress == Progress(1, None, "chunks", "embedding")
    assert again.due_at == world.clock.now() + timedelta(seconds=5)
    assert again.created_at == made.created_at
