"""Many clients at vector databases that sleep, wake, go and come anew; and two tenants with equal names."""

import contextlib
import json
import random
import threading
import time
from collections import Counter

import psutil
import pytest

from bench.vdb_kills import ids_of
from tests.api.client import Api
from tests.api.server import create_key
from tests.e2e.test_killed_at_work import serving
from tests.e2e.world import opened_world

pytestmark = pytest.mark.e2e
DIM = 16
CROWD_S = 5.0
QUERIES = 200


def vector(name):
    chance = random.Random(name)
    return [chance.gauss(0, 1) for _ in range(DIM)]


class Crowd:
    def __init__(self, server):
        self.server, self.is_over = server, threading.Event()
        self.answers, self.wrong = Counter(), []
        self.added = {n: ["first"] for n in range(8)}
        self.tag = self.gone = 0  # generations of "anew": what adders write; all up to it are gone for good

    def ask(self, connection, path, body):
        connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read())
        self.answers[path, response.status] += 1
        if response.status >= 500 and response.status != 503:
            self.wrong.append((path, response.status, answer))
        if response.status == 503 and not response.getheader("retry-after"):
            self.wrong.append((path, "no retry-after", answer))
        return response.status, answer

    def add(self, ask, me):
        for number in range(10_000):
            if self.is_over.is_set():
                return
            ids = [f"{me}-{number}-{n}" for n in range(3)]
            assert ask("/vdb/add", {"name": "docs", "ids": ids, "vectors": [vector(id_) for id_ in ids]})[0] == 200
            self.added[me] += ids
            item = {"ids": [f"{me}-{number}"], "vectors": [vector("x")], "metadata": [{"generation": self.tag}]}
            ask("/vdb/add", {"name": "anew", **item})

    def query(self, ask, me):
        while not self.is_over.is_set():
            wanted = random.choice(list(self.added[me]))
            status, answer = ask("/vdb/query", {"name": "docs", "vector": vector(wanted), "k": 1})
            if status == 200 and answer["results"][0]["id"] != wanted:
                self.wrong.append((wanted, answer))
            gone = self.gone
            status, answer = ask("/vdb/query", {"name": "anew", "vector": vector("x"), "k": 200})
            found = answer["results"] if status == 200 else ()
            self.wrong += [(gone, hit) for hit in found if hit["metadata"]["generation"] < gone]

    def nap(self, ask, _):
        while not self.is_over.wait(0.2):
            for path, name in (("hibernate", "docs"), ("restore", "docs"), ("hibernate", "anew")):
                ask(f"/vdb/{path}", {"name": name})

    def renew(self, ask, _):
        while not self.is_over.wait(0.7):
            self.tag += 1  # what is on its way now may carry the tag before, into either generation
            if ask("/vdb/delete", {"name": "anew"})[0] == 200 and ask("/vdb/create", {"name": "anew", "dim": DIM}):
                self.gone = self.tag - 1

    def run(self, act, me):
        with contextlib.closing(self.server.connect()) as connection:
            try:
                act(lambda path, body: self.ask(connection, path, body), me)
            except Exception as error:  # noqa: BLE001 (for the test's thread to see)
                self.wrong.append(error)

    def work(self, for_s):
        acts = (
            [(self.add, n) for n in range(8)] + [(self.query, n) for n in range(4)] + [(self.nap, 0), (self.renew, 0)]
        )
        threads = [threading.Thread(target=self.run, args=act) for act in acts]
        for thread in threads:
            thread.start()
        time.sleep(for_s)
        self.is_over.set()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()


def test_nobody_in_a_crowd_gets_a_wrong_answer_or_waits_for_ever(tmp_path):
    with serving(tmp_path) as server:
        for name in ("docs", "anew"):
            assert server.ask("/vdb/create", {"name": name, "dim": DIM})[0] == 202
        assert server.ask("/vdb/add", {"name": "docs", "ids": ["first"], "vectors": [vector("first")]})[0] == 200
        crowd = Crowd(server)
        crowd.work(CROWD_S)
        assert crowd.wrong == []
        wanted = {id_ for ids in crowd.added.values() for id_ in ids}
        there = ids_of(server, "docs")
        assert (len(there), set(there)) == (len(wanted), wanted)
        assert server.ask("/vdb/status", {"name": "docs"})[1]["count"] == len(wanted)
        assert crowd.answers["/vdb/hibernate", 200] > 3
        assert crowd.answers["/vdb/create", 202] > 1
        assert psutil.Process(server.process.pid).num_threads() < 120


WORDS = ["llama", "camel", "vicuna", "alpaca", "guanaco"]


def filled(api, tenant):
    """The same names and ids for every tenant."""
    assert api.post("/vdb/create", {"name": "docs", "dim": DIM}).status == 202
    ids = [f"i{n}" for n in range(50)]
    body = {"ids": ids, "texts": [f"{WORDS[n % 5]} {tenant}" for n in range(50)]}
    metadata = [{"owner": tenant, "n": n} for n in range(50)]
    vectors = [vector(f"{tenant} {id_}") for id_ in ids]
    assert api.post("/vdb/add", {"name": "docs", **body, "metadata": metadata, "vectors": vectors}).status == 200
    announced = api.post("/files", {"filename": "same.csv", "bytes": 12}).json
    path = announced["put_url"].removeprefix(api.base_url)
    assert api.send("PUT", path, f"text\n{tenant:7}".encode()).status == 200
    return announced["file_id"]


def test_tenants_with_the_same_names_and_ids_never_see_each_other(tmp_path):
    keys = {tenant: create_key(tmp_path, tenant, "--tenant", tenant) for tenant in ("acme", "rival")}
    chance = random.Random(20_261_120)
    with opened_world(tmp_path, LLMANAGER_AUTH="keys") as world:
        apis = {tenant: Api(world.api.base_url, key) for tenant, key in keys.items()}
        files = {tenant: filled(api, tenant) for tenant, api in apis.items()}
        for tenant, other in (("acme", "rival"), ("rival", "acme")):
            api = apis[tenant]
            for _ in range(QUERIES):
                asked = {
                    "query": f"{chance.choice(WORDS)} {other}",
                    "vector": vector(f"{other} i{chance.randrange(50)}"),
                }
                where = chance.choice([None, {"owner": other}, {"$or": [{"n": {"$gte": 0}}, {"owner": other}]}])
                mode = chance.choice(["vector", "text", "hybrid"])
                answer = api.post("/vdb/query", {"name": "docs", "k": 50, "mode": mode, "filter": where, **asked})
                assert answer.status == 200, answer
                assert {hit["metadata"]["owner"] for hit in answer.json["results"]} <= {tenant}
            assert api.post("/vdb/get", {"name": "docs", "ids": ["i1"]}).json["items"][0]["metadata"]["owner"] == tenant
            assert [file["file_id"] for file in api.post("/files/list", {}).json["files"]] == [files[tenant]]
            assert api.post("/files/delete", {"file_id": files[other]}).status == 404
            job = api.post("/vdb/add", {"name": "docs", "src": "same.csv"})
            assert job.status == 202, job
            assert apis[other].post("/jobs/status", {"job_id": job.json["job_id"]}).status == 404
            assert apis[other].post("/jobs/cancel", {"job_id": job.json["job_id"]}).status == 404
            jobs = apis[other].post("/jobs/list", {}).json["jobs"]
            assert job.json["job_id"] not in {one["job_id"] for one in jobs}
        assert apis["acme"].post("/vdb/delete", {"name": "docs"}).status == 200
        assert apis["acme"].post("/vdb/query", {"name": "docs", "vector": vector("x")}).status == 404
        assert apis["rival"].post("/vdb/status", {"name": "docs"}).json["count"] == 50
