"""Ingesting and loading as jobs, and where their documents are."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from llmanager.jobs.entities import Job, Progress
from llmanager.jobs.ports import Handler, Reporter
from llmanager.kernel.principal import Principal
from llmanager.vdb.entities import Document
from llmanager.vdb.ports import DocumentSource
from llmanager.vdb.usecases.ingest import INGEST, Ingestion, Order, Tell, ingest
from llmanager.vdb.usecases.load import LOAD, load

UPLOAD = "upload:"
SCOPES = frozenset({"model:query"})  # all that a job needs of the key that asked for it


class Documents:
    """The DocumentSource of `src` as users write it: one of `places` by the scheme it begins with, else an upload."""

    def __init__(self, uploads: DocumentSource, places: Mapping[str, DocumentSource]) -> None:
        self._uploads, self._places = uploads, places

    def list(self, tenant: str, src: str) -> Iterator[Document]:
        scheme = next((scheme for scheme in self._places if src.startswith(scheme)), UPLOAD)
        return _marked(scheme, self._places.get(scheme, self._uploads).list(tenant, src))

    def read(self, tenant: str, document: Document) -> Iterator[bytes]:
        scheme, colon, address = document.address.partition(":")
        source = self._places.get(scheme + colon, self._uploads)
        return source.read(tenant, replace(document, address=address))


def _marked(scheme: str, documents: Iterator[Document]) -> Iterator[Document]:
    return (replace(document, address=scheme + document.address) for document in documents)


def job_handlers(tools: Ingestion) -> Mapping[str, Handler]:
    def do_ingest(job: Job, report: Reporter) -> Mapping[str, Any]:
        return ingest(tools, caller=_caller(job), order=Order.of(job.payload), tell=_telling(report))

    def do_load(job: Job, report: Reporter) -> Mapping[str, Any]:
        payload = job.payload
        return load(tools, caller=_caller(job), name=payload["name"], src=payload["src"], tell=_telling(report))

    return {INGEST: do_ingest, LOAD: do_load}


def _caller(job: Job) -> Principal:
    return Principal(job.tenant, job.key_id, SCOPES)


def _telling(report: Reporter) -> Tell:
    def tell(done: int, total: int | None, unit: str, stage: str) -> None:
        report.tell(Progress(done, total, unit, stage))

    return tell
