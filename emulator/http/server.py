"""The emulated account at one address of this machine: routes, the passing of time, the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from emulator.cloud import Cloud
from emulator.http.control import Control
from emulator.http.fleet import Fleet
from emulator.http.runtime import LARGEST_BYTES, Limits, Runtime
from emulator.http.view import View

TICK_S = 0.1
HOST = "127.0.0.1"


@asynccontextmanager
async def serving(
    cloud: Cloud, fleet: Fleet | None = None, *, port: int = 0, limits: Limits | None = None
) -> AsyncIterator[tuple[str, "asyncio.Task[None]"]]:
    """The URL, and the task that keeps the workers in step, which ends only by an error. The cloud is the loop's own:
    while this serves, nobody else calls it."""
    headers = {"Accept-Encoding": "identity"}
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None), headers=headers) as session:
        app = application(cloud, fleet, Runtime(cloud, fleet, session, limits or Limits()))
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await runner.setup()
        keeping = asyncio.create_task(keep_up(cloud, fleet, session))
        try:
            await web.TCPSite(runner, HOST, port).start()
            yield f"http://{HOST}:{runner.addresses[0][1]}", keeping
        finally:
            keeping.cancel()
            await runner.cleanup()
            if fleet is not None:
                await fleet.close()


def application(cloud: Cloud, fleet: Fleet | None, runtime: Runtime) -> web.Application:
    control, view = Control(cloud), View(cloud, fleet)
    app = web.Application(client_max_size=LARGEST_BYTES + 1)
    app.add_routes(
        [
            web.post("/", control.answer),
            web.post("/service/{service}/operation/{operation}", control.answer),
            web.post("/endpoints/{endpoint}/invocations", runtime.invoke),
            web.post("/endpoints/{endpoint}/invocations-response-stream", runtime.invoke_with_response_stream),
            web.post("/endpoints/{endpoint}/openai/{path:.*}", runtime.openai),
            web.post("/endpoints/{endpoint}/inference-components/{component}/openai/{path:.*}", runtime.openai),
            web.get("/_emulator/bill", view.bill),
            web.get("/_emulator/resources", view.resources),
            web.get("/_emulator/containers", view.containers),
            web.post("/_emulator/{hook}", view.act),
        ]
    )
    return app


async def keep_up(cloud: Cloud, fleet: Fleet | None, session: aiohttp.ClientSession) -> None:
    """Time passes, and the workers follow the copies."""
    while True:
        wanted = cloud.containers()
        if fleet is not None:
            fleet.follow(wanted)
            await fleet.look(session)
        await asyncio.sleep(TICK_S)
