"""The app of vector databases and files."""

from starlette.types import ASGIApp

from llmanager.api.routes.files import file_routes
from llmanager.api.routes.ingest import ingest_routes
from llmanager.api.routes.vdb import vdb_routes
from llmanager.files.entities import MAX_UPLOADS_AT_ONCE
from llmanager.wiring.aws.apps import readable
from llmanager.wiring.aws.data_path import DataPath, data_path
from llmanager.wiring.aws.house import House, control_app, fronted
from llmanager.wiring.aws.job_queue import JobQueue
from llmanager.wiring.aws.jobs import job_queue_of
from llmanager.wiring.aws.library import Library, library_of
from llmanager.wiring.aws.queues import poking, queue_at
from llmanager.wiring.aws.settings import there
from llmanager.wiring.aws.stores import stores_of
from llmanager.wiring.serving.threads import Threads

READERS, WRITERS = 8, 4


def vdb_app(house: House) -> ASGIApp:
    """From this function's settings. Raises SettingsError."""
    settings = house.settings
    poke = poking(queue_at(there(settings.reconcile_queue, "LLMANAGER_RECONCILE_QUEUE_URL")))
    library = library_of(settings, house.tables, house.clock, stores_of(settings, house.clock), house.time_left.check)
    return vdb_app_of(house, data_path(house, poke, house.keyring), library, job_queue_of(house))


def vdb_app_of(house: House, path: DataPath, library: Library, queue: JobQueue) -> ASGIApp:
    readers, embedder = Threads("vdb", READERS), path.embedder
    routers = [
        vdb_routes(
            vdbs=library.vdbs,
            embedder=embedder,
            run_blocking=readers,
            run_writing=Threads("writing", WRITERS),
            keyring=house.keyring,
            submit=queue.submit,
        ),
        ingest_routes(
            vdbs=library.vdbs, embedder=embedder, run_blocking=readers, keyring=house.keyring, submit=queue.submit
        ),
        file_routes(files=library.files, keyring=house.keyring, run_blocking=Threads("upload", MAX_UPLOADS_AT_ONCE)),
    ]
    return fronted(house, control_app(house, routers, readable(library.vdbs.table, house.clock)))
