"""`./run.sh local`: one process that serves HTTP, reconciles, and takes its workers with it when it ends."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import TextIO

import uvicorn
import uvloop

from llmanager.adapters.remote.aiohttp_upstreams import AiohttpUpstreams
from llmanager.wiring.aws.models import sagemaker_upstreams
from llmanager.wiring.local.app import app_of
from llmanager.wiring.local.connection import Connection
from llmanager.wiring.local.greeting import greeting
from llmanager.wiring.local.parts import Parts, opened_parts
from llmanager.wiring.settings import Settings
from llmanager.wiring.values import SettingsError

GRACE_S = 5  # for open requests when the server is told to stop


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
    app = app_of(settings, parts, sagemaker_upstreams(settings, upstreams, parts.clock, parts.missed))
    config = uvicorn.Config(
        app.asgi,
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    app.start()
    leases = asyncio.create_task(parts.directory.keep_leases())
    try:
        await _Server(config, app.stop, base_url_of(listener), settings, out).serve(sockets=[listener])
    finally:
        leases.cancel()
        await app.stop()
        await upstreams.close()


class _Server(uvicorn.Server):
    """Says where it is once it listens, and leaves what follows a signal to its caller, who has workers to stop."""

    def __init__(
        self,
        config: uvicorn.Config,
        stop: Callable[[], Awaitable[None]],
        base_url: str,
        settings: Settings,
        out: TextIO,
    ) -> None:
        super().__init__(config)
        self._stop, self._base_url, self._settings, self._out = stop, base_url, settings, out

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._out.write(
                greeting(self._base_url, str(self._settings.home), needs_key=self._settings.auth == "keys") + "\n"
            )
            self._out.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Open requests have their grace meanwhile, and those that wait for a restore are answered."""
        await asyncio.gather(super().shutdown(sockets), self._stop())

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
