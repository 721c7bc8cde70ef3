"""A home on a small disk that fills up: refused clearly, read on, nothing lost, and well again when there is room."""

import contextlib
import json
import sqlite3
import subprocess
import sys

import pytest

from bench._server import Server
from bench.ingest import finished, long_text, put
from tests.api.server import environment
from tests.fakes.eventually import eventually
from tests.fakes.openai_engine import OpenAIEngine
from tests.fakes.survivors import survivors

pytestmark = pytest.mark.e2e
DISK_MIB = 128
BLOCK = 4096
HELLO = {"model": "toy", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8}


@pytest.fixture
def disk(tmp_path):
    """A file system of its own, of DISK_MIB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=700", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command here")
    if done.returncode:
        pytest.skip(f"no file system may be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextlib.contextmanager
def serving(home, **settings):
    with (home.parent / "stderr.log").open("ab") as errors:
        server = Server(home, errors, **settings)
        try:
            yield server.ready()
        finally:
            assert survivors(server.kill(), within_s=5) == []


def fill(disk, leave_mib=0):
    """Until nothing more fits, or not much more."""
    with (disk / "filler").open("wb", buffering=0) as filler:
        try:
            for size in (2**20, BLOCK):
                with contextlib.suppress(OSError):
                    while True:
                        filler.write(bytes(size))
        finally:
            filler.truncate(filler.tell() - int(leave_mib * 2**20))


def free(disk):
    (disk / "filler").unlink()


def turns(server, chat):
    return [turn["q"] for turn in server.ask("/history/get", {"id": chat, "limit": 200})[1]]


def append_until_refused(server, chat, acknowledged):
    """What the log of the rows has room for is still written, and acknowledged."""
    while True:
        name = f"turn {len(acknowledged)}"
        status, answer = server.ask("/history/append", {"id": chat, "q": name, "a": "x" * 20_000})
        if status != 200:
            return status, answer
        acknowledged.append(name)


def assert_is_full(status, answer):
    assert status == 507, answer
    assert set(answer["error"]) == {"message", "type", "code", "param"}
    assert answer["error"]["code"] == "out_of_space"
    assert "Free some space" in answer["error"]["message"]


def test_a_full_disk_refuses_writes_serves_reads_and_loses_nothing(disk):
    with serving(disk) as server:
        chat = server.ask("/history/new", {"q": "turn 0", "a": "x"})[1]["id"]
        assert server.ask("/model/create", {"name": "toy", "model": "demo-tiny", "wait_s": 60})[1]["is_up"]
        fill(disk)
        acknowledged = ["turn 0"]
        assert_is_full(*append_until_refused(server, chat, acknowledged))

        assert_is_full(*server.ask("/history/new", {"q": "q", "a": "a" * 20_000}))
        assert_is_full(*server.ask("/model/create", {"name": "other", "model": "demo-tiny"}))
        assert_is_full(*server.ask("/model/delete", {"name": "toy"}))
        assert_is_full(*server.ask("/history/delete", {"id": chat}, {"idempotency-key": "k"}))

        assert turns(server, chat) == acknowledged
        assert [m["name"] for m in server.ask("/model/list", {})[1]["models"]] == ["toy"]
        assert server.ask("/model/status", {"name": "toy"})[1]["is_up"]
        assert server.ask("/v1/chat/completions", HELLO)[0] == 200

        free(disk)
        status, _ = server.ask("/history/append", {"id": chat, "q": "last", "a": "x"})
        assert status == 200
        assert turns(server, chat) == [*acknowledged, "last"]
        assert server.ask("/model/delete", {"name": "toy"})[0] == 202
        eventually(lambda: server.ask("/model/status", {"name": "toy"})[0] == 404)
    with contextlib.closing(sqlite3.connect(disk / "llmanager.sqlite")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_server_starts_on_a_full_disk_and_reads(disk):
    with serving(disk) as server:
        chat = server.ask("/history/new", {"q": "turn 0", "a": "x"})[1]["id"]
        assert server.ask("/model/create", {"name": "toy", "model": "demo-tiny", "wait_s": 60})[1]["is_up"]
        acknowledged = ["turn 0"]
        fill(disk)
        append_until_refused(server, chat, acknowledged)
    with serving(disk) as server:
        assert turns(server, chat) == acknowledged
        free(disk)
        eventually(lambda: server.ask("/model/status", {"name": "toy"})[1]["is_up"])


def test_a_worker_that_dies_while_the_disk_is_full_comes_back_when_there_is_room(disk):
    with serving(disk) as server:
        chat = server.ask("/history/new", {"q": "turn 0", "a": "x"})[1]["id"]
        assert server.ask("/model/create", {"name": "toy", "model": "demo-tiny", "wait_s": 60})[1]["is_up"]
        fill(disk)
        append_until_refused(server, chat, [])
        (worker,) = server.workers()
        worker.kill()
        eventually(lambda: not server.ask("/model/status", {"name": "toy"})[1]["is_up"])
        assert_is_full(*server.ask("/v1/chat/completions", HELLO))
        free(disk)
        eventually(lambda: server.ask("/model/status", {"name": "toy"})[1]["is_up"])
        assert server.ask("/v1/chat/completions", HELLO)[0] == 200


def test_a_first_start_on_a_full_disk_says_what_to_do(disk):
    (disk / "home").mkdir()
    fill(disk)
    command = [sys.executable, "-m", "llmanager.cli", "local", "--port", "0"]
    done = subprocess.run(
        command, env=environment(disk / "home"), capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "llmanager: The disk is full, so nothing was written. Free some space, then ask again.\n"


def test_a_model_that_finds_no_room_on_the_disk_says_so_and_comes_when_there_is(disk):
    with serving(disk) as server:
        fill(disk, leave_mib=40)
        server.ask("/model/create", {"name": "toy", "model": "demo-tiny"})

        def status():
            return server.ask("/model/status", {"name": "toy"})[1]

        eventually(lambda: status()["status"] == "failed")
        assert "The disk is too full" in status()["reason"]
        assert "MiB are needed" in status()["reason"]
        refused, answer = server.ask("/v1/chat/completions", HELLO)
        assert (refused, "The disk is too full" in answer["error"]["message"]) == (503, True)
        free(disk)
        eventually(lambda: status()["is_up"])


def add_items(server, first, texts=500):
    ids = [f"i{n}" for n in range(first, first + texts)]
    vectors = [[float((int(id_[1:]) * 7919 + place * 31) % 1009) for place in range(64)] for id_ in ids]
    body = {"name": "docs", "ids": ids, "texts": [f"{id_} {vector}" for id_, vector in zip(ids, vectors, strict=True)]}
    return server.ask("/vdb/add", {**body, "vectors": vectors})


def count(server, name="docs"):
    return server.ask("/vdb/status", {"name": name})[1]["count"]


def listed(server):
    ids, cursor = [], None
    while True:
        page = server.ask("/vdb/get", {"name": "docs", "limit": 200, "cursor": cursor})[1]
        ids += [item["id"] for item in page["items"]]
        if (cursor := page["cursor"]) is None:
            return ids


def test_a_vector_database_takes_all_of_a_write_or_nothing_and_sleeps_and_wakes_when_there_is_room(disk):
    with serving(disk) as server:
        assert server.ask("/vdb/create", {"name": "docs", "dim": 64})[0] == 202
        assert add_items(server, 0)[0] == 200
        for number, leave_kib in enumerate((0, 100, 300), start=1):  # for nothing, for rows, for half a segment
            fill(disk, leave_mib=leave_kib / 1024)
            assert_is_full(*add_items(server, number * 500))
            assert len(listed(server)) == count(server) == number * 500
            free(disk)
            assert add_items(server, number * 500)[0] == 200
        fill(disk)
        assert_is_full(*server.ask("/vdb/hibernate", {"name": "docs"}))
        assert count(server) == len(listed(server)) == 2000
        free(disk)
        assert server.ask("/vdb/hibernate", {"name": "docs"})[0] == 200
        for leave_mib in (0, 0.7):  # for nothing, for half an index
            fill(disk, leave_mib)
            assert_is_full(*server.ask("/vdb/restore", {"name": "docs"}))
            assert count(server) == 2000
            free(disk)
        assert len(set(listed(server))) == count(server) == 2000
        fill(disk)
        assert_is_full(*server.ask("/vdb/delete", {"name": "docs"}))
        free(disk)
        assert server.ask("/vdb/delete", {"name": "docs"})[0] == 200
        assert not list((disk / "vectors").glob("lm-dev-docs-*"))


def test_an_upload_and_an_ingestion_that_meet_a_full_disk_are_done_when_there_is_room(disk):
    text = long_text(1000).encode()
    with OpenAIEngine() as engine, serving(disk, LLMANAGER_REMOTES=remotes(engine)) as server:
        model = {"name": "e", "model": "e", "backend": "remote", "kind": "embedding", "accept_unknown_price": True}
        assert server.ask("/model/create", {**model, "wait_s": 30})[0] == 202
        assert server.ask("/vdb/create", {"name": "docs", "model": "e"})[0] == 202
        upload = server.ask("/files", {"filename": "long.txt", "bytes": len(text)})[1]
        fill(disk)
        with pytest.raises(RuntimeError, match="out_of_space"):
            put(server, upload["put_url"], text)
        free(disk)
        put(server, upload["put_url"], text)

        engine.embed_s = 0.002
        job = server.ask("/vdb/embed", {"model": "e", "src": upload["file_id"], "vdb": "docs"})[1]["job_id"]
        eventually(lambda: count(server) >= 200)
        fill(disk)
        waits = eventually(lambda: server.ask("/jobs/status", {"job_id": job})[1], lambda seen: seen["error"])
        assert (waits["status"], waits["error"]["code"]) == ("queued", "out_of_space")
        assert len(listed(server)) == count(server)
        free(disk)
        ended = finished(server, job)
        assert (ended["status"], ended["error"]) == ("done", None)
        assert len(set(listed(server))) == count(server) == ended["result"]["chunks"]


def remotes(engine):
    return json.dumps({"e": {"base_url": engine.url, "kind": "embedding"}})
