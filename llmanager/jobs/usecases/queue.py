"""The jobs that there are: rows in, entities out, every write conditional and told to whoever waits for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from llmanager.jobs import rows
from llmanager.jobs.entities import Job, JobState, Key, Lane
from llmanager.jobs.errors import JobLost, JobNotFound
from llmanager.jobs.queueing import due_at
from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import Conflict, Throttled
from llmanager.kernel.ids import NewId
from llmanager.kernel.table import Action, Delete, Put, Table, rows_in

ATTEMPTS = 100  # one of those who change a lane at the same time succeeds each time


def _nobody(_: Key) -> None:
    return None


@dataclass(frozen=True)
class Queue:
    """What every use case of jobs holds in its hands."""

    table: Table
    clock: Clock
    new_id: NewId
    changed: Callable[[Key], None] = field(default=_nobody)  # after every answered write of a job

    def find(self, key: Key) -> Job | None:
        tenant, id_ = key
        row = self.table.get(rows.job_partition(tenant), id_)
        return None if row is None else rows.to_job(row)

    def require(self, key: Key) -> Job:
        """Raises JobNotFound, also for another tenant's job."""
        job = self.find(key)
        if job is None:
            raise JobNotFound
        return job

    def held(self, job: Job) -> Job:
        """The job as it is now. Raises JobLost unless it is still held as it was when `job` was claimed."""
        now = self.find(job.key)
        if now is None or now.state is not JobState.RUNNING or now.holder != job.holder:
            raise JobLost
        return now

    def lanes(self, tenant: str) -> Iterator[Lane]:
        return map(rows.to_lane, rows_in(self.table, rows.lane_partition(tenant)))

    def lane(self, job: Job) -> Lane:
        row = self.table.get(rows.lane_partition(job.tenant), job.lane)
        return rows.to_lane(row) if row else Lane(job.tenant, job.lane)

    def add(self, job: Job, lane: Lane) -> Job:
        """A new job at the end of its lane. Raises Conflict if the lane changed."""
        actions: list[Action] = [Put(rows.job_row(job), "absent"), rows.lane_write(lane, (*lane.ids, job.id))]
        if not lane.ids:
            actions.append(Put(rows.due_row(job.key, due_at(job))))
        return self._write(job, actions)

    def save(self, old: Job, new: Job) -> Job:
        """Raises Conflict if the job, or the lane that it leaves, changed since it was read."""
        if new == old:
            return old
        actions: list[Action] = [Put(rows.job_row(new), old.version)]
        actions += self._end(old) if new.state.is_over else _move(old, new)
        return self._write(new, actions)

    def change(self, read: Callable[[], Job], to: Callable[[Job], Job]) -> Job:
        """Write what `to` makes of the job that `read` gives, anew until nobody came between.

        Raises what the two raise, and Throttled where others change it again and again.
        """
        for _ in range(ATTEMPTS):
            old = read()
            try:
                return self.save(old, to(old))
            except Conflict:
                continue
        raise Throttled("Too many change this job at once. Try again.")

    def _write(self, job: Job, actions: list[Action]) -> Job:
        written, *_ = self.table.transact(actions)
        assert written is not None  # a Put always answers its row
        self.changed(job.key)
        return replace(job, version=written.version)

    def _end(self, old: Job) -> list[Action]:
        """The job leaves its lane; if it was the first, the next one falls due."""
        lane = self.lane(old)
        actions = [rows.lane_write(lane, tuple(id_ for id_ in lane.ids if id_ != old.id))]
        if lane.ids[:1] == (old.id,):
            actions.append(_no_longer_due(old))
            if len(lane.ids) > 1:
                following = self.require((old.tenant, lane.ids[1]))
                actions.append(Put(rows.due_row(following.key, due_at(following))))
        return actions


def _move(old: Job, new: Job) -> list[Action]:
    """Only the first of a lane changes without being over, so there is a row that says when it is due."""
    if due_at(old) == due_at(new):
        return []
    return [_no_longer_due(old), Put(rows.due_row(new.key, due_at(new)))]


def _no_longer_due(job: Job) -> Action:
    row = rows.due_row(job.key, due_at(job))
    return Delete(row.partition, row.sort)
