"""What the reaper does for vector databases and files, beside models."""

from collections.abc import Callable, Sequence
from functools import partial

from llmanager.files.usecases.sweep import sweep_files
from llmanager.kernel.clock import Clock
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.forget import forget_documents
from llmanager.vdb.usecases.sweep import Sweep, Tend
from llmanager.wiring.aws.idle_indexes import with_indexes_by_rows
from llmanager.wiring.aws.job_queue import JobQueue
from llmanager.wiring.aws.library import Library, library_of, queue_of
from llmanager.wiring.aws.queues import queue_at
from llmanager.wiring.aws.settings import AwsSettings, there
from llmanager.wiring.aws.stores import stores_of
from llmanager.wiring.aws.tables import Tables
from llmanager.wiring.aws.time_left import TimeLeft
from llmanager.wiring.serving.seldom import seldom

SELDOM_S = 600.0  # what lists all there is; a function that starts anew does it at once
PASS_S = 600.0  # of one pass: a restore may take that long, and goes on with the next
Chore = Callable[[], object]


def vdb_care(settings: AwsSettings, tables: Tables, clock: Clock) -> Sequence[Chore]:
    """Chores of a minute's pass. Each ends in time by itself, and may raise OrphansInDoubt."""
    time_left = TimeLeft(clock)
    library = library_of(settings, tables, clock, stores_of(settings), time_left.check)
    messages = queue_at(there(settings.jobs_queue, "LLMANAGER_JOBS_QUEUE_URL"))
    return chores_of(library, JobQueue(queue_of(tables, clock), messages), tables, clock, time_left)


def chores_of(library: Library, queue: JobQueue, tables: Tables, clock: Clock, time_left: TimeLeft) -> Sequence[Chore]:
    vdbs: Collections = with_indexes_by_rows(library.vdbs)
    care: list[Chore] = [
        queue.poke_overdue,
        Sweep(vdbs),
        seldom(partial(sweep_files, library.files), SELDOM_S, clock),
        seldom(partial(forget_documents, tables("ingested"), vdbs), SELDOM_S, clock),
        Tend(vdbs),
    ]
    return [partial(_in_time, chore, time_left) for chore in care]


def _in_time(chore: Chore, time_left: TimeLeft) -> None:
    time_left.begin(PASS_S)
    chore()
