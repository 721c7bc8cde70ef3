from dataclasses import replace

import pytest

from llmanager.adapters.local.folder_source import SCHEME, FolderSource
from llmanager.jobs.entities import Job, JobState, Progress
from llmanager.vdb.usecases.ingest import Order
from llmanager.wiring.serving.ingestion import Documents, job_handlers
from tests.fakes.clock import NOON
from tests.fakes.documents import FakeDocuments
from tests.unit.vdb.usecases.ingestion import IngestWorld


class Report:
    def __init__(self) -> None:
        self.told: list[Progress] = []

    def tell(self, progress: Progress) -> None:
        self.told.append(progress)


def job(kind, payload) -> Job:
    return Job("acme", "job-1", kind, "key-7", payload, JobState.RUNNING, NOON, NOON)


def test_jobs_ingest_and_load_in_the_name_of_their_key():
    world, report = IngestWorld(), Report()
    world.add("a.txt", "one", "two")
    handlers = job_handlers(world.tools)
    result = handlers["vdb.ingest"](job("vdb.ingest", Order("minilm", "a.txt", target="kept").payload()), report)
    assert result["chunks"] == 2
    assert handlers["vdb.load"](job("vdb.load", {"name": "docs", "src": "kept"}), report)["written"] == 2
    assert {(caller.tenant, caller.key_id) for caller in world.embed.callers} == {("acme", "key-7")}
    assert Progress(0, None, "chunks", "document 1 of 1: a.txt") in report.told
    assert report.told[-1] == Progress(2, None, "items", "loading")


def test_documents_come_from_the_folder_or_from_uploads(tmp_path):
    (tmp_path / "a.txt").write_text("of the folder")
    uploads = FakeDocuments()
    uploads.files["acme", "a.txt"] = b"of an upload"
    documents = Documents(uploads, {SCHEME: FolderSource(tmp_path)})
    for src, content in (("folder:a.txt", b"of the folder"), ("a.txt", b"of an upload")):
        (document,) = documents.list("acme", src)
        assert document.name == "a.txt"
        assert b"".join(documents.read("acme", document)) == content


@pytest.mark.parametrize("address", ["folder:x.txt", "upload:x.txt"])
def test_an_uploads_own_address_is_never_taken_for_a_path(tmp_path, address):
    (tmp_path / "x.txt").write_text("secret")
    uploads = FakeDocuments()
    uploads.files["acme", address] = b"of an upload"
    uploads.list = lambda tenant, src, list_=uploads.list: (replace(d, name="n") for d in list_(tenant, ""))
    documents = Documents(uploads, {SCHEME: FolderSource(tmp_path)})
    (document,) = documents.list("acme", "n")
    assert b"".join(documents.read("acme", document)) == b"of an upload"
