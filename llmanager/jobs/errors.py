"""What can go wrong with jobs; and the words by which a worker tells a handler to end."""

from llmanager.jobs.entities import MAX_OPEN_JOBS, MAX_PAYLOAD_BYTES, MAX_RESULT_BYTES
from llmanager.kernel.errors import NotFound, Throttled, TooLarge


class JobNotFound(NotFound):
    code = "job_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such job. List yours with POST /jobs/list; those that ended long ago are gone.")


class TooManyJobs(Throttled):
    code = "too_many_jobs"

    def __init__(self) -> None:
        super().__init__(
            f"{MAX_OPEN_JOBS} jobs of yours wait or run already, which is as many as may. Wait until some are over, or "
            "cancel them with POST /jobs/cancel.",
            retry_after_s=30,
        )


class PayloadTooLarge(TooLarge):
    code = "job_payload_too_large"

    def __init__(self, size_bytes: int) -> None:
        super().__init__(
            f"What the job is to work on has {size_bytes} bytes as JSON; at most {MAX_PAYLOAD_BYTES} are kept. "
            "Upload it as a file (POST /files) and name that."
        )


class ResultTooLarge(TooLarge):
    code = "job_result_too_large"

    def __init__(self, size_bytes: int) -> None:
        super().__init__(
            f"The job was done, but its result has {size_bytes} bytes as JSON; at most {MAX_RESULT_BYTES} are kept. "
            "Submit it in smaller parts."
        )


class JobStopped(Exception):
    """The handler is to end now. No LLManagerError: whoever deals with a failed part must not take it for one."""


class JobCancelled(JobStopped):
    """The caller wants no more of it."""


class JobLost(JobStopped):
    """Another worker has the job, or will: write nothing more."""


class JobInterrupted(JobLost):
    """The server stops; the job goes back to the queue as if this attempt had not been."""
