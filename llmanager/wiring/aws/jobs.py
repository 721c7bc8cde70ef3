"""The app of jobs, and the queue as every function holds it."""

from dataclasses import replace

from starlette.types import ASGIApp

from llmanager.api.routes.jobs import job_routes
from llmanager.jobs.usecases.queue import Queue
from llmanager.kernel.ids import random_id
from llmanager.wiring.aws.apps import readable
from llmanager.wiring.aws.house import House, control_app, fronted
from llmanager.wiring.aws.job_queue import JobQueue
from llmanager.wiring.aws.polling import until
from llmanager.wiring.aws.queues import queue_at
from llmanager.wiring.aws.settings import there


def jobs_app(house: House) -> ASGIApp:
    """From this function's settings. Raises SettingsError."""
    return jobs_app_of(house, job_queue_of(house))


def jobs_app_of(house: House, queue: JobQueue) -> ASGIApp:
    """What a cancel changes may be the next one's turn, so the workers are told."""
    jobs: Queue = replace(queue.jobs, changed=queue.poke)
    routes = job_routes(queue=jobs, keyring=house.keyring, until=until())
    return fronted(house, control_app(house, [routes], readable(jobs.table, house.clock)))


def job_queue_of(house: House) -> JobQueue:
    messages = queue_at(there(house.settings.jobs_queue, "LLMANAGER_JOBS_QUEUE_URL"))
    return JobQueue(Queue(house.tables("jobs"), house.clock, random_id), messages)
