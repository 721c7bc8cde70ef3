"""POST /jobs/*."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool

from llmanager.api.access import requires
from llmanager.gateway.ports import Keyring
from llmanager.jobs.entities import Job, Key
from llmanager.jobs.usecases.cancel import cancel
from llmanager.jobs.usecases.list import list_jobs
from llmanager.jobs.usecases.queue import Queue
from llmanager.kernel.principal import Principal
from llmanager.wire import jobs as wire

# (job, is it so?, timeout in s): returns when it is so, or too late, or at once where too many wait already
Until = Callable[[Key, Callable[[], bool], float], Awaitable[None]]


def job_routes(*, queue: Queue, keyring: Keyring, until: Until) -> APIRouter:
    router = APIRouter(prefix="/jobs", tags=["jobs"])
    user = requires(keyring, "jobs")

    @router.post("/status")
    async def status(body: wire.JobStatus, caller: Principal = user) -> wire.Job:
        key = (caller.tenant, body.job_id)
        if body.wait_s:
            await until(key, lambda: _is_over(queue, key), body.wait_s)  # without a thread, however many wait
        return _view(await run_in_threadpool(queue.require, key))

    @router.post("/cancel", name="cancel")
    def cancel_(body: wire.CancelJob, caller: Principal = user) -> wire.Job:
        """What runs ends when it next reports its progress; until then its status is still running."""
        return _view(cancel(queue, (caller.tenant, body.job_id)))

    @router.post("/list", name="list")
    def list_(body: wire.ListJobs, caller: Principal = user) -> wire.JobList:
        page = list_jobs(queue, tenant=caller.tenant, limit=body.limit, cursor=body.cursor)
        return wire.JobList(jobs=[_view(job) for job in page.items], cursor=page.cursor)

    return router


def job_ref(job: Job) -> wire.JobRef:
    return wire.JobRef(job_id=job.id, status=job.state)


def _view(job: Job) -> wire.Job:
    seen, failure = job.progress, job.failure
    return wire.Job(
        job_id=job.id,
        kind=job.kind,
        status=job.state.value,
        progress=wire.Progress(done=seen.done, total=seen.total, unit=seen.unit, stage=seen.stage),
        result=None if job.result is None else dict(job.result),
        error=None if failure is None else wire.Failure(code=failure.code, message=failure.message),
        created_at=job.created_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        attempts=job.attempts,
    )


def _is_over(queue: Queue, key: Key) -> bool:
    job = queue.find(key)
    return job is None or job.state.is_over
