"""The worker of a function put together: ingestion over the same gateway that serves requests."""

import asyncio
import tempfile
from functools import partial
from pathlib import Path

from llmanager.adapters.documents.reader import ChildDocumentReader
from llmanager.adapters.documents.splitter import BorderSplitter
from llmanager.vdb.usecases.ingest import Embed, Ingestion
from llmanager.vdb.usecases.log import SegmentLog
from llmanager.wiring.aws.data_path import DataPath, data_path
from llmanager.wiring.aws.house import House
from llmanager.wiring.aws.inner_loop import inner_loop
from llmanager.wiring.aws.job_queue import JobQueue
from llmanager.wiring.aws.jobs import job_queue_of
from llmanager.wiring.aws.library import Library, library_of
from llmanager.wiring.aws.queues import poking, queue_at
from llmanager.wiring.aws.settings import there
from llmanager.wiring.aws.stores import stores_of
from llmanager.wiring.aws.tables import Tables
from llmanager.wiring.aws.worker import INTERRUPT_S, Worker
from llmanager.wiring.keyring import ShutKeyring
from llmanager.wiring.serving.embedding import BlockingEmbedder
from llmanager.wiring.serving.ingestion import Documents, job_handlers
from llmanager.wiring.serving.uploaded_documents import UploadedDocuments


def worker(house: House) -> Worker:
    """From this function's settings. Raises SettingsError."""
    settings = house.settings
    poke = poking(queue_at(there(settings.reconcile_queue, "LLMANAGER_RECONCILE_QUEUE_URL")))
    check = partial(house.time_left.check, INTERRUPT_S)
    library = library_of(settings, house.tables, house.clock, stores_of(settings, house.clock), check)
    return worker_of(house, data_path(house, poke, ShutKeyring()), library, job_queue_of(house), inner_loop())


def worker_of(
    house: House, path: DataPath, library: Library, queue: JobQueue, loop: asyncio.AbstractEventLoop
) -> Worker:
    """`loop` runs in another thread: models are asked there."""
    embedder = BlockingEmbedder(path.embedder, loop)
    handlers = job_handlers(ingestion_of(library, house.tables, embedder.embed))
    return Worker(queue, handlers, house.time_left)


def ingestion_of(library: Library, tables: Tables, embed: Embed) -> Ingestion:
    folder = Path(tempfile.gettempdir()) / "reading"  # all that a function may write to
    folder.mkdir(exist_ok=True, mode=0o700)
    return Ingestion(
        vdbs=library.vdbs,
        table=tables("ingested"),
        source=Documents(UploadedDocuments(library.files), {}),
        reader=ChildDocumentReader(folder),
        splitter=BorderSplitter(),
        embed=embed,
        embedded=lambda tenant: SegmentLog(library.files.blobs, f"embedded/{tenant}"),
    )
