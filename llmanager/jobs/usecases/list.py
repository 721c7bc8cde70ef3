from llmanager.jobs import rows
from llmanager.jobs.entities import Job
from llmanager.jobs.usecases.queue import Queue
from llmanager.kernel.pages import Page, from_cursor, to_cursor


def list_jobs(queue: Queue, *, tenant: str, limit: int, cursor: str | None = None) -> Page[Job]:
    """A tenant's jobs, the newest first. Raises InvalidInput for a cursor that no list gave out."""
    page = queue.table.query(rows.job_partition(tenant), after=from_cursor(cursor), limit=limit, newest_first=True)
    return Page(tuple(map(rows.to_job, page.rows)), to_cursor(page.next_after))
