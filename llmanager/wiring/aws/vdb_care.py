"""What the reaper does for vector databases and files, beside models."""

from collections.abc import Callable, Sequence
from functools import partial

from llmanager.files.usecases.sweep import sweep_files
from llmanager.jobs.usecases.queue import Queue
from llmanager.kernel.clock import Clock
from llmanager.kernel.deadline import check_deadline
from llmanager.kernel.ids import random_id
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.forget import forget_documents
from llmanager.vdb.usecases.sweep import Sweep, Tend
from llmanager.wiring.aws.idle_indexes import with_indexes_by_rows, with_segments_listed_seldom
from llmanager.wiring.aws.job_queue import JobQueue
from llmanager.wiring.aws.library import Library, library_of
from llmanager.wiring.aws.queues import queue_at
from llmanager.wiring.aws.settings import AwsSettings, there
from llmanager.wiring.aws.stores import stores_of
from llmanager.wiring.aws.tables import Tables
from llmanager.wiring.serving.seldom import seldom

# What lists all there is; a function that starts anew does it at once.
SELDOM_S = 600.0
FILES_SWEPT_S = 3600.0  # it reads a row for each file, and AWS bills each
Chore = Callable[[], object]


def vdb_care(settings: AwsSettings, tables: Tables, clock: Clock) -> Sequence[Chore]:
    """Chores of a minute's pass. Each ends by the deadline that travels with it, and may raise OrphansInDoubt."""
    library = library_of(
        settings, tables, clock, stores_of(settings, clock), lambda: check_deadline(clock.monotonic_s())
    )
    messages = queue_at(there(settings.jobs_queue, "LLMANAGER_JOBS_QUEUE_URL"))
    return chores_of(library, JobQueue(Queue(tables("jobs"), clock, random_id), messages), tables, clock)


def chores_of(library: Library, queue: JobQueue, tables: Tables, clock: Clock) -> Sequence[Chore]:
    vdbs: Collections = with_segments_listed_seldom(with_indexes_by_rows(library.vdbs))
    return [
        queue.poke_overdue,
        Sweep(vdbs),
        seldom(partial(sweep_files, library.files), FILES_SWEPT_S, clock),
        seldom(partial(forget_documents, tables("ingested"), vdbs), SELDOM_S, clock),
        Tend(vdbs),
    ]
