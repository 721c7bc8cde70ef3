"""A real OpenSearch for tests, started when the first one asks for it and ended with the test run.

Where there can be none (no Java, no Maven, nothing to download it from) the tests that need it are skipped and say why.
With LLMANAGER_TEST_REQUIRE=opensearch they fail instead.
"""

import atexit
import functools
import itertools
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import AWSRequest

from llmanager.adapters.aws.opensearch_http import OpenSearch, http_session, unsigned
from llmanager.adapters.aws.opensearch_kind import Kind, Patience
from llmanager.adapters.aws.opensearch_store import OpenSearchVectorStore
from llmanager.kernel.clock import SystemClock
from tests.fakes.survivors import outlives_tests
from tools.opensearch_server import Absent, start

PATIENCE = Patience(call_s=20.0, read_s=20.0, visible_s=20.0, refused_s=1.0)

_numbers = itertools.count()


@functools.cache
def _url_or_why_not() -> tuple[str | None, str]:
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # nothing here need outlive a power cut
    folder = Path(tempfile.mkdtemp(prefix="opensearch-", dir=memory))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        server = start(folder, is_brief=True)
    except Absent as absent:
        return None, str(absent)
    outlives_tests(server.process.pid, server.lifeline.pid)
    atexit.register(server.stop)  # before the folder goes: the last one registered runs first
    return server.url, ""


def url() -> str:
    found, why_not = _url_or_why_not()
    if found is not None:
        return found
    if "opensearch" in os.environ.get("LLMANAGER_TEST_REQUIRE", ""):
        pytest.fail(why_not)
    pytest.skip(why_not)


def fresh_prefix() -> str:
    """Of names that no test had before."""
    return f"lm-{os.getpid()}-{next(_numbers)}-"


def open_store() -> OpenSearchVectorStore:
    """A store without indexes."""
    http = OpenSearch(url(), http_session(PATIENCE), unsigned, SystemClock(), patience=PATIENCE)
    return OpenSearchVectorStore(http, Kind.OPEN, fresh_prefix(), SystemClock())


class ServerlessStandIn:
    """A session that gives a real OpenSearch the manners of a serverless collection.

    It refuses what serverless refuses, by what AWS documents; it shows nothing that was written until `time_goes_by`,
    which is a refresh there. The one thing it adds to a request is the engine, which a collection chooses by itself.
    """

    def __init__(self) -> None:
        self._session = http_session(PATIENCE)
        self.sent: list[tuple[str, str]] = []

    def send(self, request: Any) -> Any:
        parts = urlsplit(request.url)
        self.sent.append((request.method, parts.path))
        operation = parts.path.split("/")[-1] if "_" in parts.path else request.method
        assert operation in SERVERLESS_TAKES, request.url
        assert not parts.query, f"serverless knows no {parts.query}"
        assert operation != "_mapping" or parts.path != "/_mapping", "serverless wants an index or a pattern"
        if operation == "PUT":
            body = json.loads(request.body)
            check_serverless_creation(body)
            body["mappings"]["properties"]["vector"] = with_engine(body["mappings"]["properties"]["vector"])
            body["settings"]["index"]["refresh_interval"] = "-1"
            request = AWSRequest("PUT", request.url, {"Content-Type": "application/json"}, json.dumps(body)).prepare()
        return self._session.send(request)

    def time_goes_by(self, _: float = 0.0) -> None:
        self._session.send(AWSRequest("POST", f"{url()}/lm-{os.getpid()}-*/_refresh").prepare())


SERVERLESS_TAKES = {"PUT", "DELETE", "_bulk", "_search", "_mapping"}  # of what AWS lists, what this adapter uses


def check_serverless_creation(body: dict[str, Any]) -> None:
    assert body["settings"] == {"index": {"knn": True}}
    assert set(body["mappings"]["properties"]["vector"]) == {"type", "dimension", "space_type"}


def with_engine(vector: dict[str, Any]) -> dict[str, Any]:
    method = {"name": "hnsw", "engine": "lucene", "space_type": vector["space_type"]}
    return {"type": vector["type"], "dimension": vector["dimension"], "method": method}


def serverless_store(stand_in: ServerlessStandIn, prefix: str) -> OpenSearchVectorStore:
    clock, pause = SystemClock(), stand_in.time_goes_by
    http = OpenSearch(url(), stand_in, unsigned, clock, patience=PATIENCE, pause=pause)
    return OpenSearchVectorStore(http, Kind.SERVERLESS, prefix, clock)
