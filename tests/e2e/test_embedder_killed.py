"""The embedder's own process ends, or sleeps, while documents are ingested: the job goes on by itself."""

import pytest

from bench.ingest import finished, long_text, put
from tests.e2e.test_killed_at_work import serving
from tests.fakes.eventually import eventually

pytestmark = pytest.mark.e2e
CHUNKS = 80


def test_an_ingestion_goes_on_whatever_becomes_of_the_embedder(tmp_path):
    text = long_text(CHUNKS).encode()
    with serving(tmp_path) as server:
        assert server.ask("/model/create", {"name": "embed", "model": "minilm", "wait_s": 60})[1]["is_up"]
        assert server.ask("/model/sleep", {"name": "embed"})[0] == 202
        server.until("embed", "asleep")
        assert server.ask("/vdb/create", {"name": "docs", "model": "embed"})[0] == 202
        upload = server.ask("/files", {"filename": "long.txt", "bytes": len(text)})[1]
        put(server, upload["put_url"], text)
        job = server.ask("/vdb/embed", {"model": "embed", "src": upload["file_id"], "vdb": "docs"})[1]["job_id"]
        (worker,) = eventually(server.workers)  # it woke
        server.until("embed", "ready")
        worker.kill()
        ended = finished(server, job)
        assert (ended["status"], ended["error"]) == ("done", None)
        assert ended["result"]["failed"] == []
        assert server.ask("/vdb/status", {"name": "docs"})[1]["count"] == ended["result"]["chunks"] > CHUNKS / 2
