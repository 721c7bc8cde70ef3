"""POST /jobs/* over the ASGI app."""

import asyncio
import json

import pytest
from starlette.testclient import TestClient

from llmanager.api.app import control_plane
from llmanager.api.routes.jobs import job_routes
from llmanager.jobs.entities import Progress
from llmanager.jobs.usecases.report import report
from llmanager.wiring.serving.waiters import Waiters
from tests.fakes.asgi import Client
from tests.fakes.data_path import FakeKeyring
from tests.unit.jobs.world import BUSY, WRONG, World

ROUTES = {"status": {"job_id": "x"}, "cancel": {"job_id": "x"}, "list": {}}


class House(World):
    """The routes; `wait` is what a request waits with."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = []
        self.meanwhile = lambda: None
        self.serve(frozenset({"jobs"}))

    def serve(self, scopes, until=None) -> None:
        routes = job_routes(queue=self.queue, keyring=FakeKeyring(scopes=scopes), until=until or self.wait)
        self.app = control_plane([routes], lambda: None, "1")
        self.client = TestClient(self.app, headers={"authorization": "Bearer acme"})

    async def wait(self, key, is_so, timeout_s) -> None:
        self.waits.append((key, timeout_s, is_so()))
        await asyncio.to_thread(self.meanwhile)
        self.waits.append((key, timeout_s, is_so()))

    def post(self, verb, status=200, headers=None, **body):
        answer = self.client.post(f"/jobs/{verb}", json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def house():
    return House()


def test_a_job_is_told_with_all_that_is_known_of_it(house):
    made = house.submit()
    job = house.claimed()
    report(house.queue, job, Progress(3, 9, "chunks", "embedding"))
    house.clock.advance(2)
    house.finish(job, items=9)
    assert house.post("status", job_id=made.id) == {
        "job_id": made.id,
        "kind": "test",
        "status": "done",
        "progress": {"done": 0, "total": None, "unit": "", "stage": ""},
        "result": {"items": 9},
        "error": None,
        "created_at": "2026-11-20T12:00:00.000Z",
        "started_at": "2026-11-20T12:00:00.000Z",
        "ended_at": "2026-11-20T12:00:02.000Z",
        "attempts": 1,
    }


def test_while_a_job_runs_its_progress_is_told(house):
    job = house.submit() and house.claimed()
    report(house.queue, job, Progress(3, None, "chunks", "embedding"))
    told = house.post("status", job_id=job.id)
    assert (told["status"], told["result"], told["ended_at"]) == ("running", None, None)
    assert told["progress"] == {"done": 3, "total": None, "unit": "chunks", "stage": "embedding"}


@pytest.mark.parametrize(
    ("error", "status", "code"), [(WRONG, "failed", "invalid_input"), (BUSY, "queued", "unavailable")]
)
def test_why_a_job_failed_or_is_tried_again_is_told(house, error, status, code):
    job = house.submit() and house.claimed()
    house.fail(job, error)
    told = house.post("status", job_id=job.id)
    assert (told["status"], told["error"]) == (status, {"code": code, "message": str(error)})


def test_a_status_that_waits_answers_what_is_so_afterwards(house):
    job = house.submit()
    house.meanwhile = lambda: house.finish(house.claimed())
    assert house.post("status", job_id=job.id, wait_s=60)["status"] == "done"
    assert house.waits == [(job.key, 60, False), (job.key, 60, True)]


def test_a_wait_for_a_job_that_there_is_not_is_over_at_once(house):
    house.post("status", 404, job_id="never", wait_s=60)
    assert [is_so for _, _, is_so in house.waits] == [True, True]


def test_many_wait_for_one_job_and_all_hear_of_its_end(house):
    waiters, waiting, all_wait = Waiters(), [], asyncio.Event()
    job = house.submit()

    async def until(*asked):
        waiting.append(asked)
        if len(waiting) == 100:
            all_wait.set()
        await waiters.until(*asked)

    house.serve(frozenset({"jobs"}), until)
    client, body = Client(house.app), {"job_id": job.id, "wait_s": 60}

    async def ask():
        headers = {"content-type": "application/json"}
        asked = [asyncio.create_task(client.post("/jobs/status", body, headers=headers)) for _ in range(100)]
        await all_wait.wait()
        await asyncio.to_thread(lambda: house.finish(house.claimed()))
        waiters.tell(job.key)
        return await asyncio.gather(*asked)

    answers = asyncio.run(asyncio.wait_for(ask(), 20))
    assert {json.loads(answer.body)["status"] for answer in answers} == {"done"}


def test_a_job_that_waits_is_cancelled_and_one_that_runs_is_asked(house):
    waiting = house.submit("a")
    assert house.post("cancel", job_id=waiting.id)["status"] == "cancelled"
    running = house.submit("b") and house.claimed()
    assert house.post("cancel", job_id=running.id)["status"] == "running"
    assert house.now(running).is_cancel_asked


def test_jobs_are_listed_newest_first_in_pages(house):
    made = []
    for _ in range(3):
        made.append(house.submit().id)
        house.clock.advance(1)
    first = house.post("list", limit=2)
    rest = house.post("list", limit=2, cursor=first["cursor"])
    assert [job["job_id"] for job in first["jobs"] + rest["jobs"]] == made[::-1]
    assert rest["cursor"] is None


@pytest.mark.parametrize("verb", ["status", "cancel"])
def test_another_tenants_job_reads_as_one_that_never_was(house, verb):
    job = house.submit()
    answers = [
        house.client.post(f"/jobs/{verb}", json={"job_id": id_}, headers={"authorization": "Bearer rival"})
        for id_ in (job.id, "never")
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    assert answers[0].json()["error"]["code"] == "job_not_found"


def test_each_tenant_lists_its_own(house):
    house.submit()
    assert house.post("list", headers={"authorization": "Bearer rival"})["jobs"] == []


@pytest.mark.parametrize("verb", ROUTES)
def test_every_route_wants_the_scope_jobs_and_a_key(house, verb):
    assert house.post(verb, 401, headers={"authorization": ""}, **ROUTES[verb])["error"]["code"]
    house.serve(frozenset({"vdb:write"}))
    assert "'jobs'" in house.post(verb, 403, **ROUTES[verb])["error"]["message"]


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("status", {}),
        ("status", {"job_id": ""}),
        ("status", {"job_id": 3}),
        ("status", {"job_id": "x" * 65}),
        ("status", {"job_id": "x", "wait_s": 61}),
        ("status", {"job_id": "x", "wait_s": -1}),
        ("status", {"job_id": "x", "wait_s": "1"}),
        ("cancel", {"job_id": "x", "wait_s": 1}),
        ("list", {"limit": 0}),
        ("list", {"limit": 201}),
        ("list", {"cursor": "é"}),
    ],
)
def test_what_does_not_fit_is_422(house, verb, body):
    house.post(verb, 422, **body)
