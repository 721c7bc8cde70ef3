"""From API Gateway's event to an ASGI app and back, on one event loop a handler."""

import asyncio
import json
from typing import Any, Final, cast

from mangum import Mangum
from mangum.types import ASGI
from starlette.types import ASGIApp

from llmanager.api.errors import render
from llmanager.kernel.errors import TooLarge
from llmanager.wiring.aws.handling import Event, Handler

MAX_ANSWER_BYTES: Final = 6 * 2**20  # of Lambda: of all that it returns, as JSON
MOST_TIMES_LONGER: Final = 6  # as JSON: a character may become \u001f


class AnswerTooLarge(TooLarge):
    code = "answer_too_large"

    def __init__(self) -> None:
        super().__init__(
            f"The answer is over {MAX_ANSWER_BYTES} bytes, which is as much as a request may be told here. Ask for "
            "less: with a lower limit, or without vectors and texts."
        )


def http_handler(app: ASGIApp) -> Handler[dict[str, Any]]:
    """One request at a time, as Lambda does it: between two of them nothing of the app runs."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    adapter = Mangum(cast(ASGI, app), lifespan="off")

    def handler(event: Event, context: Any) -> dict[str, Any]:
        asyncio.set_event_loop(loop)  # Mangum runs a request on the thread's
        return fitting(adapter(event, context))

    return handler


def fitting(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, or an error in its place: AWS would say 502 of a larger one, as if it were worth another try."""
    body = answer.get("body") or ""
    if len(body) * MOST_TIMES_LONGER <= MAX_ANSWER_BYTES or _json_bytes(answer) <= MAX_ANSWER_BYTES:
        return answer
    rendered = render(AnswerTooLarge())
    headers = {name.decode(): value.decode() for name, value in rendered.headers}
    kept = {name: value for name, value in answer.get("headers", {}).items() if name.lower() == "x-request-id"}
    own = {"headers": kept | headers, "multiValueHeaders": {}, "isBase64Encoded": False}
    return {**answer, **own, "statusCode": rendered.status, "body": rendered.body.decode()}


def _json_bytes(answer: dict[str, Any]) -> int:
    """As Lambda's runtime writes it."""
    return len(json.dumps(answer, ensure_ascii=False).encode())
