"""Around every handler: logs as lines of JSON that carry the invocation's id."""

from collections.abc import Callable
from typing import Any, TypeVar

from structlog.contextvars import bound_contextvars

from llmanager.wiring import logs

T = TypeVar("T")
Event = dict[str, Any]
Handler = Callable[[Event, Any], T]


def logged(serve: Handler[T], level: str) -> Handler[T]:
    """`serve` takes the event and AWS's context. What it raises AWS logs, counts and acts on."""
    logs.configure(level)

    def handler(event: Event, context: Any) -> T:
        with bound_contextvars(aws_request_id=getattr(context, "aws_request_id", None)):
            return serve(event, context)

    return handler


def left_s(context: Any) -> float:
    """Until AWS ends this invocation."""
    return float(context.get_remaining_time_in_millis()) / 1000
