from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from llmanager.adapters.remote.aiohttp_upstreams import AiohttpUpstreams
from llmanager.api.errors import render
from llmanager.gateway.app import Gateway
from llmanager.gateway.policy import Limits
from llmanager.gateway.ports import Route
from llmanager.kernel.clock import SystemClock
from tests.fakes.asgi import Client
from tests.fakes.data_path import FakeKeyring, FakeMeter
from tests.fakes.directory import FakeDirectory, chat_route
from tests.fakes.upstream_server import Script, UpstreamServer

CHAT = "/v1/chat/completions"
ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
STREAM = ASK | {"stream": True}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Stage:
    """A gateway with everything around it: real sockets to a scripted server, fakes for the rest."""

    gateway: Gateway
    directory: FakeDirectory
    meter: FakeMeter
    keyring: FakeKeyring
    server: UpstreamServer
    client: Client

    def assert_nothing_is_held(self) -> None:
        assert not +self.directory.using, "leases are left"
        assert not self.gateway.relay.balance.open_requests, "open requests are left"
        assert not self.gateway.relay.hold.waiting, "waiters are left"


@asynccontextmanager
async def staged(
    script: Script,
    *,
    route: Callable[[UpstreamServer], Route] = lambda server: chat_route(server.upstream()),
    keyring: FakeKeyring | None = None,
    **limits: Any,
) -> AsyncIterator[Stage]:
    async with UpstreamServer(script) as server:
        directory, meter, upstreams = FakeDirectory(route(server)), FakeMeter(), AiohttpUpstreams()
        keyring = keyring or FakeKeyring()
        gateway = Gateway(
            directory=directory,
            upstreams=upstreams,
            keyring=keyring,
            meter=meter,
            render=render,
            limits=Limits(**limits),
            clock=SystemClock(),
        )
        stage = Stage(gateway, directory, meter, keyring, server, Client(gateway))
        try:
            yield stage
            stage.assert_nothing_is_held()
        finally:
            await upstreams.close()
