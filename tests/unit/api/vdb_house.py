"""POST /vdb/* over the ASGI app, with fakes for table, index, blobs, embedder and time."""

from starlette.testclient import TestClient

from llmanager.api.app import control_plane
from llmanager.api.routes.vdb import vdb_routes
from llmanager.jobs.entities import Job, JobState
from tests.fakes.clock import NOON
from tests.fakes.data_path import FakeKeyring
from tests.unit.vdb.usecases.world import World, in_thread

SCOPES = frozenset({"vdb:read", "vdb:write", "vdb:query"})
DOCUMENTS = [
    {"id": "1", "text": "red apple", "metadata": {"year": 2020, "source": "fruit.txt"}},
    {"id": "2", "text": "green pear", "metadata": {"year": 2024}},
]


class House(World):
    """The routes; `jobs` are those that were submitted."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.jobs: list[Job] = []
        self.serve(SCOPES)

    def serve(self, scopes) -> None:
        routes = vdb_routes(
            vdbs=self.vdbs,
            embedder=self.embedder,
            run_blocking=in_thread,
            run_writing=in_thread,
            keyring=FakeKeyring(scopes=scopes),
            submit=self.submit,
        )
        self.app = control_plane([routes], lambda: None, "1")
        self.client = TestClient(self.app, headers={"authorization": "Bearer acme"})

    def submit(self, *, caller, kind, payload, lane) -> Job:
        job = Job(caller.tenant, "job-1", kind, caller.key_id, payload, JobState.QUEUED, NOON, NOON)
        assert lane == caller.tenant
        self.jobs.append(job)
        return job

    def post(self, verb, status=200, headers=None, **body):
        answer = self.client.post(f"/vdb/{verb}", json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    def refusal(self, verb, status, **body):
        error = self.post(verb, status, **body)["error"]
        return error["code"], error["param"]


def filled_house() -> House:
    house = House()
    house.post("create", 202, name="docs", model="minilm")
    house.post("add", name="docs", documents=DOCUMENTS)
    return house
