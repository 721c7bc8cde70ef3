"""Functions that serve, over fakes: rows, blobs and vectors in memory, models at a stand-in engine.

The reconciler and the workers are other processes: here they are told by lists, and act when a test says so.
"""

import asyncio
import json
from collections import defaultdict
from contextlib import suppress
from datetime import timedelta
from functools import partial
from types import SimpleNamespace

from llmanager.adapters.remote.aiohttp_upstreams import AiohttpUpstreams
from llmanager.adapters.remote.openai_host import RemoteModelHost
from llmanager.auth.usecases.create import create_key
from llmanager.jobs.usecases.queue import Queue
from llmanager.kernel.errors import Conflict
from llmanager.kernel.ids import random_id
from llmanager.kernel.principal import SCOPES, Principal
from llmanager.models.entities import Backend, Kind, ModelSpec
from llmanager.models.usecases.change import sleep
from llmanager.models.usecases.create import Creation, create
from llmanager.models.usecases.reconcile import reconcile_once
from llmanager.models.usecases.registry import Registry
from llmanager.wiring.aws.clock import ThawedClock
from llmanager.wiring.aws.data_path import data_path
from llmanager.wiring.aws.house import House
from llmanager.wiring.aws.job_queue import JobQueue
from llmanager.wiring.aws.library import library_of
from llmanager.wiring.aws.settings import AwsSettings
from llmanager.wiring.aws.stores import Stores
from llmanager.wiring.aws.vdb_care import chores_of
from tests.fakes.asgi import Client
from tests.fakes.blobs import FakeBlobs
from tests.fakes.eventually import eventually
from tests.fakes.queue import FakeQueue
from tests.fakes.table import FakeTable
from tests.fakes.vector_store import FakeVectorStore

TENANT = "acme"


class Messages(FakeQueue):
    def taken(self) -> dict:
        """An SQS event with all of them; then there are none."""
        bodies, self.sent = [body for body, _ in self.sent], []
        return {"Records": [{"messageId": f"m{n}", "body": json.dumps(body)} for n, body in enumerate(bodies)]}


class ServingWorld:
    def __init__(self, engine, **settings: str) -> None:
        remotes = {
            "engine": {"base_url": engine.url},
            "vectors": {"base_url": engine.url, "kind": "embedding"},
        }
        self.clock = ThawedClock()
        self.tables = defaultdict(partial(FakeTable, self.clock))
        self.settings = AwsSettings.from_env({"LLMANAGER_REMOTES": json.dumps(remotes), **settings})
        self.stores = Stores(FakeBlobs(), FakeVectorStore())
        self.poked: list[tuple[str, str]] = []
        self.messages = Messages()
        host = RemoteModelHost(self.settings.common.remotes, on_change=lambda _: None)
        self.registry = Registry(self.tables["registry"], {Backend.REMOTE: host}, self.clock, random_id)

    def house(self) -> House:
        """A function that starts anew: what it knew is forgotten, rows and blobs stay."""
        return House(self.settings, self.tables.__getitem__, self.clock)

    def parts(self, house: House) -> SimpleNamespace:
        return SimpleNamespace(
            path=data_path(house, self.poked.append, house.keyring, AiohttpUpstreams()),
            library=library_of(self.settings, house.tables, self.clock, self.stores, house.time_left.check),
            queue=JobQueue(Queue(house.tables("jobs"), self.clock, random_id), self.messages),
        )

    def client(self, app, scopes=SCOPES) -> Client:
        admin = Principal(TENANT, "admin", SCOPES)
        made = create_key(
            self.tables["auth"],
            caller=admin,
            name=f"key-{random_id()}",
            scopes=scopes,
            expires_in_s=None,
            now=self.clock.now(),
            new_id=random_id,
        )
        return Client(_at_api_gateway(app), authorization=f"Bearer {made.secret}")

    # what other functions do

    def reconcile(self, name: str) -> None:
        for _ in range(5):
            with suppress(Conflict):
                reconcile_once(self.registry, (TENANT, name), "reconciler")

    def up(self, name: str = "m", remote: str = "engine", kind: Kind = Kind.CHAT) -> None:
        spec = ModelSpec(remote, kind=kind, backend=Backend.REMOTE, sleep_after_s=900)
        create(self.registry, Creation(TENANT, name, spec, accept_unknown_price=True))
        self.reconcile(name)

    def asleep(self, name: str = "m") -> None:
        self.up(name)
        sleep(self.registry, (TENANT, name))
        self.reconcile(name)

    def reconcile_when_told(self) -> None:
        """As the reconciler's function, for the first message that comes."""
        (key, *_) = eventually(lambda: self.poked)
        self.reconcile(key[1])


def _at_api_gateway(app):
    async def called(scope, receive, send):
        sent = [(b"host", b"a1b2c3.execute-api.us-east-1.amazonaws.com"), (b"content-type", b"application/json")]
        await app({**scope, "headers": [*sent, *scope["headers"]]}, receive, send)

    return called


def served_by(world, app_of, work):
    """What `work(client)` gives, in a function that starts anew."""

    async def run():
        house = world.house()
        parts = world.parts(house)
        try:
            return await work(world.client(app_of(house, parts)))
        finally:
            await parts.path.gateway.relay._upstreams.close()

    return asyncio.run(run())


def reaped(world) -> None:
    """One minute's pass of the reaper."""
    parts = world.parts(world.house())
    for chore in chores_of(parts.library, parts.queue, world.tables.__getitem__, world.clock):
        chore()


class Later:
    """Another function's clock, so far ahead."""

    def __init__(self, clock, ahead_s) -> None:
        self._clock, self._ahead = clock, timedelta(seconds=ahead_s)

    def now(self):
        return self._clock.now() + self._ahead
