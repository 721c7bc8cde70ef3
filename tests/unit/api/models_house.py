"""The routes of models over the ASGI app, with fakes for table, host and time."""

import asyncio
from dataclasses import replace
from decimal import Decimal

from starlette.testclient import TestClient

from llmanager.api.app import control_plane
from llmanager.api.routes.models import model_routes
from llmanager.models.entities import Backend
from llmanager.models.ports import HostTraits
from tests.fakes.clock import FakeClock
from tests.fakes.data_path import FakeKeyring
from tests.fakes.model_host import FakeModelHost
from tests.unit.models.usecases.world import World

SCOPES = frozenset({"model:read", "model:write"})


class PricedHost(FakeModelHost):
    """Everything costs; nothing of it is known where `price` is None."""

    price: Decimal | None = Decimal("1.2120")

    def quote(self, spec):
        return replace(
            super().quote(spec),
            usd_per_hour=self.price,
            usd_per_month=self.price,
            usd_per_instance_hour=self.price,
            download_mib=350,
        )


class House(World):
    """The routes; `wait` is what a request waits with."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.remote = PricedHost()
        self.cloud = PricedHost(traits=HostTraits(is_billed=True))
        hosts = {Backend.LOCAL: self.host, Backend.REMOTE: self.remote, Backend.SAGEMAKER: self.cloud}
        self.registry = replace(self.registry, hosts=hosts)
        self.waits: list[tuple[tuple[str, str], float]] = []
        self.meanwhile = self.settle
        self.serve(SCOPES)

    def serve(self, scopes) -> None:
        """Anew, over the registry as it is now."""
        keyring = FakeKeyring(scopes=scopes)
        routes = model_routes(registry=self.registry, keyring=keyring, until=self.wait, sleep_after_s=900)
        self.app = control_plane([routes], lambda: None, "1")
        self.client = TestClient(self.app, headers={"authorization": "Bearer acme"})

    async def wait(self, key, is_so, timeout_s) -> None:
        if is_so():
            return
        self.waits.append((key, timeout_s))
        await asyncio.to_thread(self.meanwhile)
        assert is_so()

    def post(self, verb, status=200, headers=None, **body):
        answer = self.client.post(f"/model/{verb}", json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    def make(self, **more):
        return self.post("create", 202, name="greeter", model="demo-tiny", **more)


def empty_house() -> House:
    return House(FakeClock(), FakeModelHost(), [])


def error_of(answer):
    return answer["error"]["code"], answer["error"]["param"]
