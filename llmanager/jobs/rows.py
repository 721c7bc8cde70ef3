"""Jobs as rows. The one place that knows their keys.

access pattern                                     partition      sort
a job by tenant and id                             job#TENANT     ID
a tenant's jobs, newest first                      job#TENANT     (all, backward: ids begin with their time)
what to look at next, of all tenants, by time      due            TIME#TENANT#ID    only the first job of a lane
a tenant's lanes, each with its jobs in order      lane#TENANT    LANE

Tenants have no '#' in their names. A job that is over has no row but its own, which expires; an empty lane has none.
"""

from datetime import UTC, datetime, timedelta

from llmanager.jobs.entities import KEEP_S, Job, Key, Lane
from llmanager.kernel.bodies import body_of, entity_in
from llmanager.kernel.table import Action, Delete, Expect, Put, Row

DUE = "due"


def job_partition(tenant: str) -> str:
    return f"job#{tenant}"


def lane_partition(tenant: str) -> str:
    return f"lane#{tenant}"


def job_row(job: Job) -> Row:
    expires_at = job.ended_at + timedelta(seconds=KEEP_S) if job.ended_at else None
    return Row(job_partition(job.tenant), job.id, body_of(job), expires_at=expires_at)


def to_job(row: Row) -> Job:
    return entity_in(row, Job)


def due_row(key: Key, at: datetime) -> Row:
    tenant, id_ = key
    return Row(DUE, f"{_time(at)}#{tenant}#{id_}", {"tenant": tenant, "id": id_, "at": at.isoformat()})


def due_until(now: datetime) -> str:
    """Behind every due row of that time and before, ahead of all others."""
    return f"{_time(now)}$"


def key_in(row: Row) -> Key:
    return row.body["tenant"], row.body["id"]


def time_in(row: Row) -> datetime:
    return datetime.fromisoformat(row.body["at"])


def to_lane(row: Row) -> Lane:
    return Lane(row.partition.removeprefix("lane#"), row.sort, tuple(row.body["ids"]), row.version)


def lane_write(old: Lane, ids: tuple[str, ...]) -> Action:
    """Holds only if nobody else changed the lane."""
    expect: Expect = old.version or "absent"
    if ids:
        return Put(Row(lane_partition(old.tenant), old.name, {"ids": list(ids)}), expect)
    return Delete(lane_partition(old.tenant), old.name, expect)


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")  # one width: text order is order in time
