"""What a worker of a queue needs: somebody who does the work, and can be told to stop."""

from collections.abc import Mapping
from typing import Any, Protocol

from llmanager.jobs.entities import Job, Progress


class Reporter(Protocol):
    def tell(self, progress: Progress) -> None:
        """Say how far the work is; cheap, written at most once a second. Raises JobCancelled if it should end.

        Also raises JobLost where another worker has taken the job over, or will because this server stops: stop at
        once and write nothing more. Neither is an LLManagerError, so nothing that handles those takes it for one.
        """


class Handler(Protocol):
    def __call__(self, job: Job, report: Reporter) -> Mapping[str, Any]:
        """Do the job and return its result. May run again after a crash: must go on from what it finds done.

        Blocks its thread. An error that is Retryable puts the job back into the queue, up to a limit; a Final one ends
        it as failed. JobCancelled and JobLost must pass through.
        """
