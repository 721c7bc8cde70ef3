"""The library's parts, joined over a real home and fake rows."""

import asyncio
import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest

from llmanager.files.usecases.announce import announce
from llmanager.files.usecases.receive import receive
from llmanager.jobs.entities import JobState
from llmanager.jobs.usecases.submit import submit
from llmanager.kernel.errors import Unavailable
from llmanager.kernel.principal import Principal
from llmanager.vdb.entities import Item, Vectors, Write
from llmanager.vdb.usecases.create import Creation, create
from llmanager.vdb.usecases.hibernate import hibernate
from llmanager.vdb.usecases.ingest import Order
from llmanager.vdb.usecases.read import list_items
from llmanager.vdb.usecases.restore import ready
from llmanager.vdb.usecases.sweep import Tend
from llmanager.vdb.usecases.write import write
from llmanager.wiring.local import library as local
from llmanager.wiring.serving.ingestion import INGEST
from llmanager.wiring.settings import Settings
from tests.fakes.clock import FakeClock
from tests.fakes.documents import FakeEmbed
from tests.fakes.eventually import eventually
from tests.fakes.table import FakeTable
from tests.fakes.vector_store import FakeVectorStore

ADA = Principal("acme", "key-1", frozenset())
DOCS = ("acme", "docs")


class Home:
    """Outlives the libraries that are opened on it."""

    def __init__(self, path, monkeypatch) -> None:
        self.path, self.clock, self.embed = path, FakeClock(), FakeEmbed()
        self.tables: dict[str, FakeTable] = {}
        self.store = FakeVectorStore()
        monkeypatch.setattr(local, "lance_store", lambda folder: local.lazily(lambda: self.store, indexes=tuple))
        monkeypatch.setattr(local, "CHORES_EVERY_S", 0.01)
        monkeypatch.setattr(local, "TEND_EVERY_S", 0.01)

    @contextmanager
    def opened(self):
        settings = Settings.from_env({"LLMANAGER_HOME": str(self.path)})
        with local.opened_library(settings, self.table, self.clock) as library:
            yield library

    def table(self, name: str) -> FakeTable:
        return self.tables.setdefault(name, FakeTable(self.clock))


@pytest.fixture
def home(tmp_path, monkeypatch):
    return Home(tmp_path, monkeypatch)


def upload(library, name: str, content: bytes) -> None:
    made = announce(library.files, tenant="acme", filename=name, size_bytes=len(content))
    receive(library.files, file_id=made.file.id, token=made.token, pieces=[content], told_bytes=len(content))


def submit_ingestion(library):
    create(library.vdbs, Creation(*DOCS))
    upload(library, "a.txt", b"Salmon swim up rivers.")
    payload = Order("minilm", "a.txt", vdb="docs").payload()
    return submit(library.queue, caller=ADA, kind=INGEST, payload=payload, lane="acme")


def until(library, job, state: JobState):
    return eventually(lambda: library.queue.require(job.key), lambda now: now.state is state, within_s=20)


def threads_now() -> set[str]:
    return {thread.name.rstrip("0123456789_-") for thread in threading.enumerate() if thread.name != "MainThread"}


def test_an_upload_becomes_a_searchable_document_by_a_job(home):
    with home.opened() as library:
        library.start(home.embed)
        job = submit_ingestion(library)
        assert until(library, job, JobState.DONE).result["chunks"] == 1
        assert [item.text for item in list_items(library.vdbs, DOCS, limit=9).items] == ["Salmon swim up rivers."]


def test_stopping_gives_the_job_back_and_the_next_server_does_it(home):
    home.embed.is_waking.set()
    with home.opened() as library:
        library.start(home.embed)
        job = submit_ingestion(library)
        until(library, job, JobState.RUNNING)
        library.stop()
        now = library.queue.require(job.key)
        assert (now.state, now.attempts, now.failure) == (JobState.QUEUED, 0, None)
    home.embed.is_waking.clear()
    with home.opened() as library:
        library.start(home.embed)
        assert until(library, job, JobState.DONE).attempts == 1


def test_nothing_of_it_runs_on_after_its_end(home):
    before = threads_now()
    with home.opened() as library:
        library.start(home.embed)
        asyncio.run(used(library))
        assert {"chores", "jobs", "vdb", "writing", "history", "upload"} <= threads_now()
    assert threads_now() == before


async def used(library) -> None:
    for threads in (library.vdb_threads, library.writing_threads, library.history_threads, library.upload_threads):
        await threads(lambda: None)


def test_leaving_without_a_start_is_fine(home):
    with home.opened() as library:
        library.stop()


def test_a_restore_ends_when_the_server_stops(home):
    with home.opened() as library:
        library.start(home.embed)
        create(library.vdbs, Creation(*DOCS))
        write(library.vdbs, DOCS, Write((Item("a", "text"),), Vectors(1, bytes(4))))
        hibernate(library.vdbs, DOCS)
        library.stop()
        with pytest.raises(Unavailable, match="stopping"):
            ready(library.vdbs, DOCS)


def test_what_is_due_to_go_goes_by_itself(home):
    with home.opened() as library:
        library.start(home.embed)
        create(library.vdbs, Creation(*DOCS, ttl_s=60))
        home.clock.advance(61)
        eventually(lambda: library.vdbs.find_any(DOCS) is None, within_s=10)


def test_what_is_used_is_tended_and_what_was_not_used_since_the_start_is_not(home):
    with home.opened() as library:
        create(library.vdbs, Creation(*DOCS))
        write(library.vdbs, DOCS, Write((Item("a", "text"),), Vectors(1, bytes(4))))
    home.clock.advance(timedelta(hours=1).total_seconds())
    with home.opened() as library:
        local.tend_used(Tend(library.vdbs), library.vdbs.store)
        assert home.store.tended == []
        list_items(library.vdbs, DOCS, limit=1)
        home.clock.advance(61)
        local.tend_used(Tend(library.vdbs), library.vdbs.store)
        assert home.store.tended == [library.vdbs.require(DOCS).resource]


def test_a_home_of_an_earlier_version_gets_its_folders(home):
    (home.path / "llmanager.sqlite").touch()
    with home.opened() as library:
        library.start(home.embed)
        upload(library, "a.txt", b"x")
    assert {entry.name for entry in home.path.iterdir() if entry.is_dir()} >= {"blobs", "reading"}


def test_opening_and_looking_after_collections_loads_no_lancedb(tmp_path):
    """In this process others may have loaded it: what counts is that the store is not made."""
    store = local.lance_store(tmp_path / "vectors")
    assert store.indexes() == ()
    assert not local.is_made(store)
