import itertools
import json
from contextlib import nullcontext

import pytest
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.testclient import TestClient

from llmanager.api.routes.ingest import ingest_routes
from llmanager.jobs.entities import Job, JobState
from llmanager.kernel.errors import LLManagerError
from llmanager.vdb.entities import Chunking, Strategy
from llmanager.vdb.errors import EmbedderMissing
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.create import Creation, create
from llmanager.vdb.usecases.ingest import Order
from llmanager.vdb.usecases.log import SegmentLog
from tests.fakes.blobs import FakeBlobs
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.table import FakeTable
from tests.fakes.vector_store import FakeVectorStore
from tests.fakes.word_embedder import WordEmbedder
from tests.unit.api.test_history_routes import FakeKeyring, misfit, rendered

S3 = {"s3_src_bucket": "src", "s3_src_key": "k.txt", "s3_dest_bucket": "dest", "s3_dest_key": "k.txt"}


@pytest.fixture
def submitted():
    return []


@pytest.fixture
def vdbs():
    ids = itertools.count()
    vdbs = Collections(
        table=FakeTable(),
        store=FakeVectorStore(),
        log=SegmentLog(FakeBlobs(), "vdb"),
        clock=FakeClock(),
        new_id=lambda: f"{next(ids):016}",
        exclusive=lambda _: nullcontext(),
    )
    create(vdbs, Creation("acme", "docs", model="minilm"))
    create(vdbs, Creation("acme", "small", dim=4))
    return vdbs


class Embedders(WordEmbedder):
    """Of those besides `minilm` nobody knows the dimensions yet."""

    def dimensions(self, caller, model):
        if model == "absent":
            raise EmbedderMissing("There is no model 'absent'.")
        return 384 if model == "minilm" else None


@pytest.fixture
def client(vdbs, submitted):
    def submit(*, caller, kind, payload, lane):
        submitted.append((caller.tenant, kind, payload, lane))
        return Job(caller.tenant, "job-1", kind, caller.key_id, payload, JobState.QUEUED, NOON, NOON)

    async def run_blocking(work):
        return work()

    app = FastAPI()
    app.add_exception_handler(LLManagerError, rendered)
    app.add_exception_handler(RequestValidationError, misfit)
    app.include_router(
        ingest_routes(
            vdbs=vdbs,
            embedder=Embedders(),
            run_blocking=run_blocking,
            keyring=FakeKeyring(),
            submit=submit,
        )
    )
    with TestClient(app, headers={"authorization": "Bearer acme vdb:write"}) as client:
        yield client


def test_an_order_becomes_a_job_in_the_tenants_lane(client, submitted):
    chunking = {"strategy": "sentence", "size": 500, "overlap": 50}
    body = {"model": "minilm", "src": "a.txt", "vdb": "docs", "target": "kept", "chunking": chunking}
    answer = client.post("/vdb/embed", json=body)
    assert (answer.status_code, answer.json()) == (202, {"job_id": "job-1", "status": "queued"})
    ((tenant, kind, payload, lane),) = submitted
    assert (tenant, kind, lane) == ("acme", "vdb.ingest", "acme")
    assert Order.of(payload) == Order("minilm", "a.txt", "docs", "kept", Chunking(Strategy.SENTENCE, 500, 50))


def test_buckets_and_keys_are_names_of_files_and_targets(client, submitted):
    assert client.post("/vdb/embed", json={"model": "minilm", **S3}).status_code == 202
    order = Order.of(submitted[0][2])
    assert (order.src, order.target, order.vdb) == ("s3://src/k.txt", "s3://dest/k.txt", None)


def test_the_overlap_is_a_tenth_unless_it_is_told(client, submitted):
    client.post("/vdb/embed", json={"model": "minilm", "src": "a", "vdb": "docs", "chunking": {"size": 200}})
    client.post("/vdb/embed", json={"model": "minilm", "src": "a", "vdb": "docs"})
    assert [Order.of(payload).chunking for _, _, payload, _ in submitted] == [
        Chunking(Strategy.RECURSIVE, 200, 20),
        Chunking(Strategy.RECURSIVE, 1000, 100),
    ]


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"src": None}, 422, "invalid_input"),
        ({"vdb": None}, 422, "invalid_input"),
        ({"model": None}, 422, "invalid_input"),
        ({"src": "\ud800"}, 422, "invalid_input"),
        ({"src": ""}, 422, "invalid_input"),
        ({"src": "x" * 1025}, 422, "invalid_input"),
        ({"unknown": 1}, 422, "invalid_input"),
        ({"s3_src_bucket": "b"}, 422, "invalid_input"),
        (S3, 422, "invalid_input"),
        ({"chunking": {"strategy": "magic"}}, 422, "invalid_input"),
        ({"chunking": {"size": 10}}, 422, "invalid_input"),
        ({"chunking": {"size": "100"}}, 422, "invalid_input"),
        ({"chunking": {"size": 100, "overlap": 60}}, 422, "invalid_input"),
        ({"model": "absent"}, 409, "embedder_missing"),
        ({"model": "other"}, 422, "embedder_unfit"),
        ({"vdb": "absent"}, 404, "vdb_not_found"),
        ({"vdb": "small"}, 422, "dimension_mismatch"),
    ],
)
def test_what_is_wrong_is_told_before_a_job_is_made(client, submitted, changed, status, code):
    body = {"model": "minilm", "src": "a.txt", "vdb": "docs"} | changed
    body = {name: value for name, value in body.items() if value is not None}
    answer = client.post("/vdb/embed", content=json.dumps(body), headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert submitted == []


def test_it_takes_a_key_that_may_write(client):
    body = {"model": "minilm", "src": "a.txt", "vdb": "docs"}
    assert client.post("/vdb/embed", json=body, headers={"authorization": "Bearer acme vdb:query"}).status_code == 403


def test_other_tenants_databases_are_not_there(client):
    body = {"model": "minilm", "src": "a.txt", "vdb": "docs"}
    assert client.post("/vdb/embed", json=body, headers={"authorization": "Bearer b vdb:write"}).status_code == 404
