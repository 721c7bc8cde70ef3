"""`./run.sh local`: one process that serves HTTP, reconciles, and takes its workers with it when it ends."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import TextIO

import uvicorn
import uvloop
from starlette.types import ASGIApp

from llmanager.adapters.remote.aiohttp_upstreams import AiohttpUpstreams
from llmanager.api.app import Application, control_plane
from llmanager.api.errors import render_as_openai
from llmanager.api.front import Front
from llmanager.api.idempotency import Idempotency
from llmanager.api.metrics import PrometheusMeter, metrics_routes
from llmanager.api.routes.auth import auth_routes
from llmanager.api.routes.history import history_routes
from llmanager.api.routes.models import model_routes
from llmanager.auth.usecases.authenticate import authenticate
from llmanager.gateway.app import Gateway
from llmanager.gateway.policy import Limits
from llmanager.gateway.ports import Keyring
from llmanager.kernel.ids import random_id
from llmanager.wiring.keyring import CachedKeyring, OpenKeyring
from llmanager.wiring.local.connection import Connection
from llmanager.wiring.local.greeting import greeting
from llmanager.wiring.local.parts import Parts, opened_parts
from llmanager.wiring.settings import Settings
from llmanager.wiring.values import SettingsError

GRACE_S = 5  # for open requests when the server is told to stop
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


def serve(settings: Settings, out: TextIO) -> None:
    """Serve until SIGINT or SIGTERM. Raises SettingsError, Conflict (another server has this home)."""
    with (
        contextlib.closing(listen(settings.host, settings.port)) as listener,
        opened_parts(settings) as parts,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_serve(settings, parts, listener, out))


def listen(host: str, port: int) -> socket.socket:
    """Raises SettingsError if the address cannot be had."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(socket.socket(family, kind))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            stack.pop_all()
    except OSError as error:
        raise SettingsError(
            "LLMANAGER_PORT", f"{port} cannot be listened on ({error.strerror}). Try --port 0."
        ) from error
    return listener


async def _serve(settings: Settings, parts: Parts, listener: socket.socket, out: TextIO) -> None:
    upstreams = AiohttpUpstreams()
    config = uvicorn.Config(
        app_of(settings, parts, upstreams),
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    parts.start()
    leases = asyncio.create_task(parts.directory.keep_leases())
    try:
        await _Server(config, base_url_of(listener), settings, out).serve(sockets=[listener])
    finally:
        leases.cancel()
        await upstreams.close()


class _Server(uvicorn.Server):
    """Says where it is once it listens, and leaves what follows a signal to its caller, who has workers to stop."""

    def __init__(self, config: uvicorn.Config, base_url: str, settings: Settings, out: TextIO) -> None:
        super().__init__(config)
        self._base_url, self._settings, self._out = base_url, settings, out

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._out.write(
                greeting(self._base_url, str(self._settings.home), needs_key=self._settings.auth == "keys") + "\n"
            )
            self._out.flush()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop, signals = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)
        for number in signals:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield
        for number in signals:
            loop.remove_signal_handler(number)


def base_url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def app_of(settings: Settings, parts: Parts, upstreams: AiohttpUpstreams) -> ASGIApp:
    clock, table, keyring = parts.clock, parts.store.table, keyring_of(settings, parts)
    meter = PrometheusMeter(parts.directory.count_by_state, lambda: gateway.relay.open_by_stage())  # noqa: PLW0108 (made below)
    gateway = Gateway(
        directory=parts.directory,
        upstreams=upstreams,
        keyring=keyring,
        meter=meter,
        render=render_as_openai,
        limits=limits_of(settings),
        clock=clock,
    )
    routers = [
        model_routes(
            registry=parts.registry,
            keyring=keyring,
            until=parts.directory.until,
            sleep_after_s=settings.sleep_after_s or None,
        ),
        history_routes(table=table("history"), keyring=keyring, clock=clock, new_id=random_id),
        auth_routes(table=table("auth"), keyring=keyring, clock=clock, new_id=random_id),
        metrics_routes(meter, keyring),
    ]
    control = control_plane(routers, parts.check_ready, _version())
    run = random_id()
    control.add_middleware(Idempotency, table=table("idempotency"), keyring=keyring, clock=clock, sole_server=run)
    app = Application(gateway, control)
    return Front(
        app,
        allowed_hosts=[*LOOPBACK_NAMES, settings.host, *settings.allowed_hosts],
        max_body_bytes=settings.max_body_mib * 2**20,
        stage=settings.stage,
        new_id=random_id,
    )


def keyring_of(settings: Settings, parts: Parts) -> Keyring:
    if settings.auth == "off":
        return OpenKeyring()
    table, clock = parts.store.table("auth"), parts.clock
    return CachedKeyring(lambda secret: authenticate(table, secret=secret, now=clock.now()), clock)


def limits_of(settings: Settings) -> Limits:
    return Limits(
        max_body_bytes=settings.max_body_mib * 2**20,
        first_byte_s=settings.first_byte_s,
        gap_s=settings.gap_s,
        hold_silent_s=settings.hold_silent_s,
        wake_timeout_s=settings.wake_timeout_s,
        max_waiters=settings.max_waiters,
    )


def _version() -> str:
    try:
        return version("llmanager")
    except PackageNotFoundError:  # runs from a checkout
        return "0.1.0"
