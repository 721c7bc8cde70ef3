"""What keeps documents findable: blobs, files, vector databases, and the jobs that fill them, on this platform."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from llmanager.adapters.documents.reader import ChildDocumentReader
from llmanager.adapters.documents.splitter import BorderSplitter
from llmanager.adapters.local.file_blobs import FileBlobs
from llmanager.adapters.local.folder_source import FolderSource
from llmanager.adapters.local.lancedb_folders import IndexFolders
from llmanager.files.entities import MAX_UPLOADS_AT_ONCE
from llmanager.files.usecases.files import Files
from llmanager.files.usecases.sweep import sweep_files
from llmanager.jobs.usecases.queue import Queue
from llmanager.kernel.clock import Clock
from llmanager.kernel.ids import random_id
from llmanager.kernel.principal import Principal
from llmanager.kernel.table import Table
from llmanager.vdb.entities import Vectors
from llmanager.vdb.ports import VectorStore
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.forget import forget_documents
from llmanager.vdb.usecases.ingest import Ingestion
from llmanager.vdb.usecases.log import SegmentLog
from llmanager.vdb.usecases.sweep import Sweep, Tend
from llmanager.wiring.local.chores import Chores
from llmanager.wiring.local.ingestion import Documents, job_handlers
from llmanager.wiring.local.job_workers import JobNews, JobWorkers
from llmanager.wiring.local.lazy import lazily
from llmanager.wiring.local.one_writer import OneWriter
from llmanager.wiring.local.seldom import seldom
from llmanager.wiring.local.threads import Threads
from llmanager.wiring.local.uploaded_documents import UploadedDocuments
from llmanager.wiring.settings import Settings

CHORES_EVERY_S = 2.0
SELDOM_S = 600.0  # what lists all there is
THREADS = {"vdb": 16, "history": 4, "upload": MAX_UPLOADS_AT_ONCE}  # what is slow in one holds up no other
JOBS_AT_ONCE = 2

BlockingEmbed = Callable[[Principal, str, Sequence[str]], Vectors]
log = structlog.get_logger()


@dataclass(frozen=True)
class Library:
    """What runs as long as the server does."""

    vdbs: Collections
    files: Files
    queue: Queue
    news: JobNews
    vdb_threads: Threads
    history_threads: Threads
    upload_threads: Threads
    _settings: Settings
    _tables: Callable[[str], Table]
    _chores: Chores
    _stack: ExitStack

    def start(self, embed: BlockingEmbed) -> None:
        """`embed`: what jobs embed with."""
        workers = JobWorkers(self.queue, job_handlers(self._ingestion(embed)), workers=JOBS_AT_ONCE)
        self.news.connect(workers)
        self._stack.callback(workers.close)
        workers.start()
        self._chores.start()

    def _ingestion(self, embed: BlockingEmbed) -> Ingestion:
        folder = self._settings.home / "reading"
        folder.mkdir(exist_ok=True, mode=0o700)
        return Ingestion(
            vdbs=self.vdbs,
            table=self._tables("ingested"),
            source=Documents(UploadedDocuments(self.files), FolderSource(self._settings.own_docs)),
            reader=ChildDocumentReader(folder),
            splitter=BorderSplitter(),
            embed=embed,
            embedded=lambda tenant: SegmentLog(self.files.blobs, f"embedded/{tenant}"),
        )


@contextmanager
def opened_library(settings: Settings, tables: Callable[[str], Table], clock: Clock) -> Iterator[Library]:
    """On leaving, jobs end first, then chores, then the threads."""
    blobs, news = FileBlobs(settings.home / "blobs"), JobNews()
    files = Files(tables("files"), blobs, clock, random_id, settings.max_file_mib * 2**20)
    vdbs = Collections(
        table=tables("vdb"),
        store=lance_store(settings.home / "vectors"),
        log=SegmentLog(blobs, "vdb"),
        clock=clock,
        new_id=random_id,
        exclusive=OneWriter(),
        stage=settings.stage,
    )
    chores: list[Callable[[], object]] = [
        Sweep(vdbs),
        Tend(vdbs),
        seldom(partial(sweep_files, files), SELDOM_S, clock),
        seldom(partial(forget_documents, tables("ingested"), vdbs), SELDOM_S, clock),
    ]
    with ExitStack() as stack:
        pools = {f"{name}_threads": stack.enter_context(closing(Threads(name, n))) for name, n in THREADS.items()}
        caretaker = Chores(chores, CHORES_EVERY_S)
        stack.callback(caretaker.close)
        queue = Queue(tables("jobs"), clock, random_id, news)
        yield Library(
            vdbs, files, queue, news, **pools, _settings=settings, _tables=tables, _chores=caretaker, _stack=stack
        )


def lance_store(folder: Path) -> VectorStore:
    """Loading LanceDB takes two seconds and 100 MB: it waits until a vector database is used."""

    def make() -> VectorStore:
        from llmanager.adapters.local.lancedb_store import LanceDBVectorStore

        return LanceDBVectorStore(folder)

    return lazily(make, indexes=IndexFolders(folder).indexes)
