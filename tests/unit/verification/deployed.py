"""A deployed installation as a walk sees it: the real routes of models over an emulated account, in virtual time.

What answers for the data path, vector databases, chats and files here is a few lines that keep what they are told.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.exceptions import ClientError

from emulator.boto import connect
from llmanager.models.usecases.use import hold, let_go
from tests.fakes.clock import FakeClock
from tests.fakes.model_host import FakeModelHost
from tests.fakes.sagemaker import REGION, STAGE, clients_of
from tests.unit.api.cloud_house import CloudHouse
from tools.verification.account import AwsAccount, probe_of
from tools.verification.api import Answer
from tools.verification.evidence import Evidence, Probe
from tools.verification.made import Made
from tools.verification.pace import Pace
from tools.verification.recording import Recorder
from tools.verification.walk import Walk

TENANT = "acme"


@dataclass
class Deployed:
    """An Api. `refusals`: path -> status that it is answered with from now on."""

    house: CloudHouse
    has_key: bool = True
    chats: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    vdbs: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, bytes | None] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    interrupts: set[str] = field(default_factory=set)  # paths at which somebody presses Ctrl-C, once
    sent: list[str] = field(default_factory=list)

    def send(self, method: str, path: str, body: Any = None, *, with_key: bool = True) -> Answer:
        self.sent.append(path)
        if path in self.interrupts:
            self.interrupts.remove(path)
            raise KeyboardInterrupt
        if path in self.refusals:
            return refused(self.refusals[path], "refused")
        if not with_key:
            return refused(401, "unauthenticated")
        if isinstance(body, bytes):
            return refused(413, "body_too_large") if len(body) > 6 * 2**20 else Answer(200, {})
        room = path.split("/")[1]
        if room in ("model", "admin"):
            routes = self.house.client if room == "model" else self.house.admin_client()
            told = routes.request(method, path, json=body)
            return Answer(told.status_code, told.json())
        return {"v1": self._asked, "vdb": self._vdb, "history": self._chat, "files": self._file}.get(
            room, lambda *_: Answer(200, {})
        )(path, body)

    def stream(self, path: str, body: Any) -> list[float]:
        return [0.2, 0.5, 0.9]

    def put(self, url: str, content: bytes) -> int:
        self.files[url] = content
        return 200

    def _asked(self, path: str, body: Any) -> Answer:
        name = body["model"]
        if self.house.client.post("/model/status", json={"name": name}).json()["status"] == "ready":
            hold(self.house.registry, (TENANT, name), "gateway", 60)
            let_go(self.house.registry, (TENANT, name), "gateway")
            return Answer(200, {"choices": [{"message": {"content": "Hello."}}], "data": [{"embedding": [1.0]}]})
        self.house.client.post("/model/wake", json={"name": name})
        return refused(503, "waking")

    def _vdb(self, path: str, body: Any) -> Answer:
        verb, name = path.split("/")[2], body["name"]
        if verb == "create":
            self.vdbs[name] = []
        elif name not in self.vdbs:
            return refused(404, "not_found")
        elif verb == "add":
            self.vdbs[name] += body["texts"]
        elif verb == "delete":
            del self.vdbs[name]
        return Answer(200, {"data": self.vdbs.get(name, [])[-1:]})

    def _chat(self, path: str, body: Any) -> Answer:
        verb = path.split("/")[2]
        chat = body.get("chat_id", "c1")
        if verb in ("new", "append"):
            self.chats.setdefault(chat, []).append({"q": body["q"], "a": body["a"]})
            return Answer(200, {"chat_id": chat})
        return Answer(200, self.chats[chat] if verb == "get" else self.chats.pop(chat))

    def _file(self, path: str, body: Any) -> Answer:
        if path == "/files":
            self.files["file"] = None
            return Answer(200, {"file_id": "file", "put_url": "https://bucket/file"})
        return Answer(200, self.files.pop(body["file_id"]) or {})


class EmulatedRuntime(AwsAccount):
    """SageMaker's runtime is asked over HTTP by the real one; here the emulated account itself is."""

    house: CloudHouse

    def invoke(self, resource: str) -> Probe:
        try:
            self.house.account.cloud.invoke(resource, resource)
        except ClientError as error:
            return probe_of(error)
        return Probe(200, json.dumps({"choices": []}))

    def ask_openai_path(self, resource: str, route: str) -> Probe:
        return self.invoke(resource) if "chat" in route else Probe(404, "no such route")


def refused(status: int, code: str) -> Answer:
    return Answer(status, {"error": {"message": f"{code}.", "code": code}})


def installation() -> tuple[Deployed, EmulatedRuntime]:
    clock = FakeClock()
    house = CloudHouse(clock, FakeModelHost(), [])

    def client(service: str) -> Any:
        made = boto3.client(
            service, region_name=REGION, aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret"
        )
        connect(made, house.account.cloud)
        return made

    clients = clients_of(client, clock)
    recorder = Recorder("emulator")
    for service in ("sagemaker", "autoscaling", "cloudwatch", "tagging"):
        recorder.attach(getattr(clients, service))
    account = EmulatedRuntime(clients, None, None, STAGE, recorder, clock=clock)
    account.house = house
    return Deployed(house), account


def walk_on(api: Deployed, account: EmulatedRuntime) -> tuple[Walk, list[str]]:
    said: list[str] = []
    house = api.house

    def pause(_: float) -> None:
        house.minutes(1)

    pace = Pace(look_s=60.0, now_s=house.clock.monotonic_s, pause=pause)
    return Walk(api, account, Evidence(is_emulated=False), Made(), pace, said.append), said
