"""What keeps documents findable: blobs, files, vector databases, and the jobs that fill them, on this platform."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from llmanager.adapters.documents.reader import ChildDocumentReader
from llmanager.adapters.documents.splitter import BorderSplitter
from llmanager.adapters.local.file_blobs import FileBlobs
from llmanager.adapters.local.folder_source import SCHEME, FolderSource
from llmanager.adapters.local.lancedb_folders import IndexFolders
from llmanager.files.entities import MAX_UPLOADS_AT_ONCE
from llmanager.files.usecases.files import Files
from llmanager.files.usecases.sweep import sweep_files
from llmanager.jobs.usecases.queue import Queue
from llmanager.kernel.clock import Clock
from llmanager.kernel.ids import random_id
from llmanager.kernel.table import Table
from llmanager.vdb.ports import VectorStore
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.forget import forget_documents
from llmanager.vdb.usecases.ingest import Embed, Ingestion
from llmanager.vdb.usecases.log import SegmentLog
from llmanager.vdb.usecases.sweep import Sweep, Tend
from llmanager.wiring.local.chores import Chores
from llmanager.wiring.serving.ingestion import Documents, job_handlers
from llmanager.wiring.serving.job_workers import JobNews, JobWorkers
from llmanager.wiring.serving.lazy import is_made, lazily
from llmanager.wiring.serving.one_writer import OneWriter
from llmanager.wiring.serving.seldom import seldom
from llmanager.wiring.serving.stopping import Stopping
from llmanager.wiring.serving.threads import Threads
from llmanager.wiring.serving.uploaded_documents import UploadedDocuments
from llmanager.wiring.settings import Settings

CHORES_EVERY_S = 2.0
TEND_EVERY_S = 10.0
SELDOM_S = 600.0  # what lists all there is
# What is slow in one holds up no other.
THREADS = {"vdb": 16, "writing": 16, "history": 4, "upload": MAX_UPLOADS_AT_ONCE}
JOBS_AT_ONCE = 2


@dataclass(frozen=True)
class Library:
    """What runs as long as the server does."""

    vdbs: Collections
    files: Files
    queue: Queue
    news: JobNews
    vdb_threads: Threads
    writing_threads: Threads
    history_threads: Threads
    upload_threads: Threads
    _settings: Settings
    _tables: Callable[[str], Table]
    _chores: Sequence[Chores]
    _stopping: Stopping
    _at_stop: ExitStack

    def start(self, embed: Embed) -> None:
        """`embed`: what jobs embed with."""
        workers = JobWorkers(self.queue, job_handlers(self._ingestion(embed)), workers=JOBS_AT_ONCE)
        self.news.connect(workers)
        self._at_stop.callback(workers.close)
        self._at_stop.callback(self._stopping.begin)
        self._at_stop.callback(workers.interrupt)  # the first of them, so that no job counts as failed for the others
        workers.start()
        for chores in self._chores:
            chores.start()

    def stop(self) -> None:
        """Jobs go back to the queue, and what takes long ends at its next step. Blocks a few seconds at most."""
        self._at_stop.close()

    def _ingestion(self, embed: Embed) -> Ingestion:
        folder = self._settings.home / "reading"
        folder.mkdir(exist_ok=True, mode=0o700)
        return Ingestion(
            vdbs=self.vdbs,
            table=self._tables("ingested"),
            source=Documents(UploadedDocuments(self.files), {SCHEME: FolderSource(self._settings.own_docs)}),
            reader=ChildDocumentReader(folder),
            splitter=BorderSplitter(),
            embed=embed,
            embedded=lambda tenant: SegmentLog(self.files.blobs, f"embedded/{tenant}"),
        )


@contextmanager
def opened_library(settings: Settings, tables: Callable[[str], Table], clock: Clock) -> Iterator[Library]:
    """On leaving, it stops, then chores end, then the threads."""
    blobs, news, stopping = FileBlobs(settings.home / "blobs"), JobNews(), Stopping()
    files = Files(tables("files"), blobs, clock, random_id, settings.max_file_mib * 2**20)
    vdbs = Collections(
        table=tables("vdb"),
        store=lance_store(settings.home / "vectors"),
        log=SegmentLog(blobs, "vdb"),
        clock=clock,
        new_id=random_id,
        exclusive=OneWriter(check=stopping.check),
        stage=settings.stage,
        go_on=stopping.check,
    )
    care: list[Callable[[], object]] = [
        Sweep(vdbs),
        seldom(partial(sweep_files, files), SELDOM_S, clock),
        seldom(partial(forget_documents, tables("ingested"), vdbs), SELDOM_S, clock),
    ]
    with ExitStack() as stack:
        pools = {f"{name}_threads": stack.enter_context(closing(Threads(name, n))) for name, n in THREADS.items()}
        # Tending takes minutes: what is due to sleep, to go or to be mended does not wait for it.
        chores = (Chores(care, CHORES_EVERY_S), Chores([partial(tend_used, Tend(vdbs), vdbs.store)], TEND_EVERY_S))
        for one in chores:
            stack.callback(one.close)
        at_stop = stack.enter_context(ExitStack())
        queue = Queue(tables("jobs"), clock, random_id, news)
        yield Library(
            vdbs,
            files,
            queue,
            news,
            **pools,
            _settings=settings,
            _tables=tables,
            _chores=chores,
            _stopping=stopping,
            _at_stop=at_stop,
        )


def tend_used(tend: Tend, store: VectorStore) -> None:
    """What nobody uses can wait: tending it would load LanceDB into a server that does without."""
    if is_made(store):
        tend()


def lance_store(folder: Path) -> VectorStore:
    """Loading LanceDB takes two seconds and 100 MB: it waits until a vector database is used."""

    def make() -> VectorStore:
        from llmanager.adapters.local.lancedb_store import LanceDBVectorStore

        return LanceDBVectorStore(folder)

    return lazily(make, indexes=IndexFolders(folder).indexes)
