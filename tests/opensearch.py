"""A real OpenSearch for tests, started when the first one asks for it and ended with the test run.

Where there can be none (no Java, no Maven, nothing to download it from) the tests that need it are skipped and say why.
With LLMANAGER_TEST_REQUIRE=opensearch they fail instead.
"""

import atexit
import functools
import itertools
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from llmanager.adapters.aws.opensearch_http import OpenSearch, http_session, unsigned
from llmanager.adapters.aws.opensearch_kind import Kind, Patience
from llmanager.adapters.aws.opensearch_store import OpenSearchVectorStore
from llmanager.kernel.clock import SystemClock
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
