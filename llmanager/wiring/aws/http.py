"""From API Gateway's event to an ASGI app and back, on one event loop a handler."""

import asyncio
from typing import Any, cast

from mangum import Mangum
from mangum.types import ASGI
from starlette.types import ASGIApp

from llmanager.wiring.aws.handling import Event, Handler


def http_handler(app: ASGIApp) -> Handler[dict[str, Any]]:
    """One request at a time, as Lambda does it: between two of them nothing of the app runs."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    adapter = Mangum(cast(ASGI, app), lifespan="off")

    def handler(event: Event, context: Any) -> dict[str, Any]:
        asyncio.set_event_loop(loop)  # Mangum runs a request on the thread's
        return adapter(event, context)

    return handler
