"""The same app in this process, served from a thread: for coverage and a debugger. Chosen by --in-process."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from pathlib import Path

import uvicorn

from llmanager.adapters.remote.aiohttp_upstreams import AiohttpUpstreams
from llmanager.wiring.local.app import app_of
from llmanager.wiring.local.connection import Connection
from llmanager.wiring.local.parts import opened_parts
from llmanager.wiring.local.server import base_url_of, listen
from llmanager.wiring.settings import Settings

STOP_S = 30


@contextmanager
def in_process_server(home: Path, **settings: str) -> Iterator[str]:
    """Yields the base URL. What the command `local` adds to this: signals, uvloop and a greeting."""
    chosen = Settings.from_env({"LLMANAGER_HOME": str(home), **settings})
    with closing(listen(chosen.host, 0)) as listener, opened_parts(chosen) as parts:
        server: Future[uvicorn.Server] = Future()

        async def run() -> None:
            upstreams = AiohttpUpstreams()
            app = app_of(chosen, parts, upstreams)
            config = uvicorn.Config(app.asgi, http=Connection, ws="none", lifespan="off", log_config=None)
            app.start()
            leases = asyncio.create_task(parts.directory.keep_leases())
            server.set_result(uvicorn.Server(config))
            try:
                await server.result().serve(sockets=[listener])
            finally:
                leases.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await leases
                await upstreams.close()

        thread = threading.Thread(target=lambda: asyncio.run(run()), name="server")
        thread.start()
        try:
            listener.listen(1024)  # a connection made before the server accepts waits for it
            yield base_url_of(listener)
        finally:
            server.result(STOP_S).should_exit = True
            thread.join(STOP_S)
