"""A queue over a fake table, shorthands to act in it, and what must hold between its rows whatever happened."""

import itertools
from collections import Counter

from llmanager.jobs import rows
from llmanager.jobs.entities import Job, Progress
from llmanager.jobs.queueing import due_at
from llmanager.jobs.usecases.claim import claim
from llmanager.jobs.usecases.end import fail, finish
from llmanager.jobs.usecases.queue import Queue
from llmanager.jobs.usecases.submit import submit
from llmanager.kernel.errors import InvalidInput, Unavailable
from llmanager.kernel.principal import Principal
from llmanager.kernel.table import all_rows
from tests.fakes.clock import FakeClock
from tests.fakes.table import FakeTable

ACME = Principal("acme", "key-1", frozenset({"jobs"}))
BUSY = Unavailable("The model is busy.")
WRONG = InvalidInput("The document is broken.")


class World:
    def __init__(self, table=None, clock=None) -> None:
        numbers = itertools.count()
        self.clock = clock or FakeClock()
        self.table = table or FakeTable(self.clock)
        self.told: list[tuple[str, str]] = []
        self.queue = Queue(self.table, self.clock, lambda: f"{next(numbers):016}", self.told.append)

    def submit(self, lane: str = "a", caller: Principal = ACME, **payload) -> Job:
        return submit(self.queue, caller=caller, kind="test", payload=payload, lane=lane)

    def claim(self) -> Job | None:
        return claim(self.queue)

    def claimed(self) -> Job:
        job = claim(self.queue)
        assert job is not None, "nothing is due"
        return job

    def finish(self, job: Job, **result) -> Job:
        return finish(self.queue, job, result, Progress())

    def fail(self, job: Job, error=BUSY) -> Job:
        return fail(self.queue, job, error)

    def now(self, job: Job) -> Job:
        """The job as it is now."""
        return self.queue.require(job.key)

    def check(self) -> None:
        """Jobs that are not over stand in their lanes once each; the first of each lane, and no other, is due."""
        every = list(all_rows(self.table))
        jobs = [rows.to_job(row) for row in every if row.partition.startswith("job#")]
        lanes = [rows.to_lane(row) for row in every if row.partition.startswith("lane#")]
        dues = Counter(row.sort for row in every if row.partition == rows.DUE)
        by_key = {job.key: job for job in jobs}
        in_lanes = Counter((lane.tenant, id_) for lane in lanes for id_ in lane.ids)
        assert in_lanes == Counter(job.key for job in jobs if not job.state.is_over)
        assert all(lane.ids for lane in lanes)
        firsts = [by_key[lane.tenant, lane.ids[0]] for lane in lanes]
        assert dues == Counter(rows.due_row(job.key, due_at(job)).sort for job in firsts)
        assert {job.key for job in jobs if job.holder} <= {job.key for job in firsts}
