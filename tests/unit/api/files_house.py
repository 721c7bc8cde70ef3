"""The routes of files over fakes, behind the front as in a server."""

import asyncio
import threading
from concurrent.futures import Future

from starlette.testclient import TestClient

from llmanager.api.app import control_plane
from llmanager.api.front import Front
from llmanager.api.routes.files import file_routes
from llmanager.kernel.errors import LLManagerError
from tests.fakes.data_path import FakeKeyring
from tests.unit.files.world import World

BOTH = frozenset({"vdb:read", "vdb:write"})


class House(World):
    def __init__(self) -> None:
        super().__init__()
        self.threads = []
        self.serve(BOTH)

    async def run_blocking(self, work):
        """In a thread of its own, which ends with the tests whatever it waits for."""
        done = Future()
        self.threads.append(threading.Thread(target=_settle, args=(done, work), daemon=True))
        self.threads[-1].start()
        return await asyncio.wrap_future(done)

    def all_threads_end(self) -> bool:
        for thread in self.threads:
            thread.join(5)
        return not any(thread.is_alive() for thread in self.threads)

    def serve(self, scopes, **more) -> None:
        keyring = FakeKeyring(scopes=scopes)
        routes = file_routes(files=self.files, keyring=keyring, run_blocking=self.run_blocking)
        self.app = Front(
            control_plane([routes], lambda: None, "1"),
            **({"max_body_bytes": 200, "max_file_bytes": 1000, "stage": "dev"} | more),
            allowed_hosts=["testserver", "localhost"],
            new_id=lambda: "made-here",
        )
        self.client = TestClient(self.app, headers={"authorization": "Bearer acme"})

    def post(self, path="", status=200, **body):
        answer = self.client.post(f"/files{path}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def put(self, url, content, headers=None):
        """Without a key, as whoever was given the address."""
        return TestClient(self.app).put(url, content=content, headers=headers)

    def made(self, content=b"hello", filename="docs/a.txt"):
        return self.post(filename=filename, bytes=len(content))

    def uploaded(self, content=b"hello", filename="docs/a.txt"):
        made = self.made(content, filename)
        assert self.put(made["put_url"], content).status_code == 200
        return made["file_id"]


def _settle(done, work) -> None:
    done.set_running_or_notify_cancel()
    try:
        done.set_result(work())
    except (LLManagerError, AssertionError) as error:
        done.set_exception(error)


def code_of(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def path_of(url: str) -> str:
    return "/files/" + url.partition("/files/")[2]


def scope_of(made):
    path, _, query = path_of(made["put_url"]).partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": "PUT",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8080),
    }
