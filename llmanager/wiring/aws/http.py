"""From API Gateway's event to an ASGI app and back, on one event loop a process."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from mangum import Mangum
from mangum.types import ASGI
from starlette.types import ASGIApp

Event = dict[str, Any]
HttpHandler = Callable[[Event, Any], dict[str, Any]]


def http_handler(app: ASGIApp) -> HttpHandler:
    """A Lambda handler. What the app keeps from one request to the next must not hang on a running loop."""
    asyncio.set_event_loop(asyncio.new_event_loop())  # Mangum runs each request on the thread's own
    return Mangum(cast(ASGI, app), lifespan="off")
