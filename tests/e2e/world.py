"""A local server in a process of its own, as the data path's tests see it from outside."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.api.client import Api
from tests.api.server import server_process
from tests.fakes.eventually import eventually
from tests.fakes.survivors import survivors

HELLO = [{"role": "user", "content": "Hello, who are you?"}]


@dataclass
class World:
    api: Api
    process: psutil.Process
    home: Path
    made: list[str] = field(default_factory=list)

    def create(self, name: str, model: str = "demo-tiny", **more: Any) -> str:
        """A model that is ready."""
        self.made.append(name)
        created = self.api.post("/model/create", {"name": name, "model": model, "wait_s": 30, **more})
        assert created.status == 202, created
        assert created.json["status"] == "ready", created.json
        return name

    def status(self, name: str) -> dict[str, Any]:
        answer = self.api.post("/model/status", {"name": name})
        assert answer.status == 200, answer
        return answer.json

    def events(self, name: str) -> list[str]:
        return [event["what"] for event in self.status(name)["events"]]

    def until_status(self, name: str, *wanted: str) -> dict[str, Any]:
        return eventually(lambda: self.status(name), lambda seen: seen["status"] in wanted, within_s=20)

    def sleep(self, name: str) -> None:
        """Asleep, and its worker gone."""
        before = self.workers()
        assert self.api.post("/model/sleep", {"name": name}).status == 202
        eventually(
            lambda: self.status(name), lambda seen: seen["status"] == "asleep" and not seen["replicas"], within_s=10
        )
        assert len(self.workers()) < len(before)

    def workers(self) -> list[psutil.Process]:
        """Children that hold replicas, oldest first."""
        found = [child for child in self.process.children() if child.status() != psutil.STATUS_ZOMBIE]
        return sorted(found, key=lambda child: (child.create_time(), child.pid))

    def chat(self, model: str, max_tokens: int = 8, **more: Any) -> Any:
        body = {"model": model, "messages": HELLO, "max_tokens": max_tokens, **more}
        return self.api.post("/v1/chat/completions", body)

    def metric(self, line: str) -> float:
        """The value behind a metric's name and labels; 0 where there is none."""
        text = self.api.get("/metrics").body.decode()
        return next((float(found.rpartition(" ")[2]) for found in text.splitlines() if found.startswith(line)), 0.0)

    def open_requests(self) -> float:
        return sum(self.metric(f'llmanager_open_requests{{stage="{stage}"}}') for stage in ("waiting", "at a replica"))

    def clear(self) -> None:
        for name in self.made:
            assert self.api.post("/model/delete", {"name": name}).status in (202, 404)
        for name in self.made:
            eventually(
                lambda name=name: self.api.post("/model/status", {"name": name}).status, lambda s: s == 404, within_s=20
            )
        self.made.clear()
        eventually(self.workers, lambda left: not left, within_s=10)


@contextmanager
def opened_world(home: Path, **settings: str) -> Iterator[World]:
    """Whatever the tests did to it, the server leaves no process behind."""
    with server_process(home, **settings) as (url, pid):
        process = psutil.Process(pid)
        yield World(Api(url), process, home)
        family = process.children(recursive=True)
    assert survivors([process, *family], within_s=5) == []
