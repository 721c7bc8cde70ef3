"""Jobs stand in rows; a message only says that there is one to look at. A lost message costs a minute, no job."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from llmanager.jobs import rows
from llmanager.jobs.entities import Job, Key
from llmanager.jobs.usecases.queue import Queue as Jobs
from llmanager.jobs.usecases.submit import submit
from llmanager.kernel.errors import LLManagerError
from llmanager.kernel.principal import Principal
from llmanager.kernel.queues import Queue

MOST_POKES = 20  # of one round

log = structlog.get_logger()


@dataclass(frozen=True)
class JobQueue:
    jobs: Jobs
    messages: Queue

    def submit(self, *, caller: Principal, kind: str, payload: Mapping[str, Any], lane: str) -> Job:
        """A Submit."""
        job = submit(self.jobs, caller=caller, kind=kind, payload=payload, lane=lane)
        self.poke(job.key)
        return job

    def poke(self, key: Key, *, delay_s: float = 0.0) -> None:
        """Never raises an error of ours: the job is written, and the reaper's round sees what is overdue."""
        tenant, id_ = key
        try:
            self.messages.send({"tenant": tenant, "id": id_}, delay_s=delay_s)
        except LLManagerError as error:
            log.warning("the workers could not be told; the next round does", job=id_, why=str(error))

    def poke_overdue(self) -> int:
        """A message for each job that is due now: its own was lost, or its worker died. How many."""
        now = self.jobs.clock.now()
        due = self.jobs.table.query(rows.DUE, until=rows.due_until(now), limit=MOST_POKES).rows
        for row in due:
            self.poke(rows.key_in(row))
        return len(due)
