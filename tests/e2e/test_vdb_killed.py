"""`kill -9` at any moment while vector databases are made, filled, put to sleep, woken, deleted and files uploaded."""

import contextlib
import http.client
import random
import threading
import time

import pytest

from bench.ingest import put
from bench.vdb_kills import ids_of
from tests.e2e.test_killed_at_work import kill, serving
from tests.fakes.eventually import eventually

pytestmark = pytest.mark.e2e
ROUNDS = 3
DIM = 16


class Users:
    """What several clients do all the time, and what they were told."""

    def __init__(self):
        self.added, self.unknown = [], []  # lists of ids
        self.deleted, self.created = set(), set()
        self.uploads = 0
        self._number = 0

    def add(self, server):
        self._number += 1
        ids = [f"i{self._number}-{n}" for n in range(3)]
        self.unknown.append(ids)
        vectors = [[float(self._number + n + place) for place in range(DIM)] for n in range(3)]
        if server.ask("/vdb/add", {"name": "docs", "ids": ids, "vectors": vectors})[0] == 200:
            self.unknown.remove(ids)
            self.added.append(ids)

    def nap(self, server):
        server.ask("/vdb/hibernate", {"name": "docs"})
        server.ask("/vdb/restore", {"name": "docs"})

    def come_and_go(self, server):
        name = f"v{len(self.created)}"
        self.created.add(name)
        server.ask("/vdb/create", {"name": name, "dim": 2})
        server.ask("/vdb/add", {"name": name, "vectors": [[1.0, 2.0]]})
        if server.ask("/vdb/delete", {"name": name})[0] == 200:
            self.deleted.add(name)

    def upload(self, server):
        self.uploads += 1
        content = b"x" * 300_000
        announced = server.ask("/files", {"filename": f"{self.uploads}.txt", "bytes": len(content)})[1]
        put(server, announced["put_url"], content)

    @contextlib.contextmanager
    def at_work(self, server):
        is_over = threading.Event()

        def work(act):
            while not is_over.is_set():
                try:
                    act(server)
                except (OSError, http.client.HTTPException, ValueError):
                    is_over.wait(0.02)

        acts = (self.add, self.nap, self.come_and_go, self.upload)
        threads = [threading.Thread(target=work, args=(act,)) for act in acts]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            is_over.set()
            for thread in threads:
                thread.join()


def test_counts_are_exact_what_was_deleted_stays_so_and_nothing_is_left_of_what_was_not_finished(tmp_path):
    chooser, users = random.Random(20_261_120), Users()
    with serving(tmp_path) as server:
        assert server.ask("/vdb/create", {"name": "docs", "dim": DIM})[0] == 202
        users.add(server)
    for _ in range(ROUNDS):
        with serving(tmp_path) as server, users.at_work(server):
            begun = len(users.added)
            eventually(lambda begun=begun: len(users.added) > begun)  # the first write waits for LanceDB to be loaded
            time.sleep(chooser.uniform(0, 1))
            kill(server)
    with serving(tmp_path) as server:
        assert server.ask("/vdb/restore", {"name": "docs"})[0] == 202
        # A write finishes what the kill cut off before it was answered; else that may become visible between two looks.
        assert server.ask("/vdb/delete_items", {"name": "docs", "ids": ["nobody"]})[0] == 200
        there = ids_of(server, "docs")
        assert len(there) == len(set(there)) == server.ask("/vdb/status", {"name": "docs"})[1]["count"]
        assert all(set(ids) <= set(there) for ids in users.added)
        assert all(len(set(ids) & set(there)) in (0, len(ids)) for ids in users.unknown)

        names = {vdb["name"] for vdb in server.ask("/vdb/list", {"limit": 200})[1]["vdbs"]}
        assert names <= users.created - users.deleted | {"docs"}

        def left(kind):
            return {path.name.removeprefix("lm-dev-").rpartition("-")[0] for path in (tmp_path / kind).glob("lm-dev-*")}

        eventually(lambda: (left("vectors"), left("blobs/vdb") - names), lambda seen: seen == (names, set()))
        for name in names:
            item = {"ids": ["x"], "vectors": [[1.0] * (DIM if name == "docs" else 2)]}
            assert server.ask("/vdb/add", {"name": name, **item})[0] == 200
            assert server.ask("/vdb/delete", {"name": name})[0] == 200
        assert (left("vectors"), left("blobs/vdb")) == (set(), set())
        assert list((tmp_path / "blobs" / "~unfinished").iterdir()) == []
    assert users.added, "nothing was tried"
    assert users.deleted, "nothing was tried"
