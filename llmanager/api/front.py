"""The outermost ASGI callable: what every request meets first and every answer passes last."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from llmanager.api.asgi import send_rendered
from llmanager.api.errors import BodyStalled, BodyTooLarge, BodyTooSlow, ServerStops, internal_error, render
from llmanager.api.head import HeadLimits, check_head, host_names, is_upload, public_path, request_id, stage_prefix
from llmanager.gateway.ports import Rendered
from llmanager.kernel.errors import LLManagerError
from llmanager.kernel.ids import NewId
from llmanager.kernel.origin import origin_of

log = structlog.get_logger()


class Front:
    """Refuses what no route should see, gives every answer its request id, and turns a crash into a clean 500.

    Routes below find the id as `request.state.request_id`; every log line of the request carries it. A stage's prefix
    is taken off the path, and stands in `request.state.stage_prefix`. `max_file_bytes` is for the content of files
    alone (None: as for any other body). `allowed_hosts` None: whoever stands before this has looked at the name, and
    no page can come here without a key.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        allowed_hosts: Iterable[str] | None,
        max_body_bytes: int,
        new_id: NewId,
        max_file_bytes: int | None = None,
        max_header_bytes: int = 16_384,
        body_s: float = 60.0,
        stage: str | None = None,
    ) -> None:
        self._app = app
        hosts = None if allowed_hosts is None else host_names(allowed_hosts)
        self._limits = HeadLimits(hosts, max_header_bytes, max_body_bytes)
        self._upload_limits = replace(self._limits, body_bytes=max_file_bytes or max_body_bytes)
        self._new_id = new_id
        self._body_s = body_s
        self._stage = stage

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": "No WebSockets here."})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        id_ = request_id(scope["headers"]) or self._new_id()
        inner = self._inner(scope, id_)
        takes_file = is_upload(inner["method"], inner["path"])
        limits = self._upload_limits if takes_file else self._limits
        exchange = _Exchange(receive, send, id_, limits.body_bytes, self._body_s, may_take_long=takes_file)
        with structlog.contextvars.bound_contextvars(request_id=id_):
            try:
                check_head(scope, limits)
                await self._app(inner, exchange.receive, exchange.send)
            except LLManagerError as error:
                await exchange.refuse(error)
            except asyncio.CancelledError:  # the server stops and has waited long enough: this task ends either way
                await exchange.refuse(ServerStops())
            except Exception as error:  # noqa: BLE001 (the outermost loop: beyond it is only the server)
                if exchange.cut_off is None:
                    _log_failure(scope, error)
                await exchange.refuse(internal_error(id_))
            else:
                if exchange.cut_off is not None:
                    await exchange.refuse(exchange.cut_off)

    def _inner(self, scope: Scope, id_: str) -> Scope:
        inner = {**scope, "path": public_path(scope["path"], self._stage)}
        if scope.get("raw_path"):
            inner["raw_path"] = public_path(scope["raw_path"].decode("latin-1"), self._stage).encode("latin-1")
        inner["state"] = {
            **scope.get("state", {}),
            "request_id": id_,
            "stage_prefix": stage_prefix(scope["path"], self._stage),
        }
        return inner


class _Exchange:
    """One request and its answer on their way through: counts what comes, marks what goes.

    The body must be here after `body_s`; one that `may_take_long` may be silent for that long.
    """

    def __init__(
        self, receive: Receive, send: Send, id_: str, limit_bytes: int, body_s: float, *, may_take_long: bool
    ) -> None:
        self.cut_off: LLManagerError | None = None  # why the rest of the body was not read
        self._is_started = False
        self._is_read = False
        self._receive = receive
        self._send = send
        self._id = id_
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._body_s = body_s
        self._may_take_long = may_take_long
        self._due_s = asyncio.get_running_loop().time() + body_s

    async def receive(self) -> Message:
        """What follows the body, the client's leaving, may take any time."""
        if self._may_take_long:
            self._due_s = asyncio.get_running_loop().time() + self._body_s
        try:
            async with asyncio.timeout_at(None if self._is_read else self._due_s):
                message = await self._receive()
        except TimeoutError:
            self.cut_off = (BodyStalled if self._may_take_long else BodyTooSlow)(self._body_s)
            return {"type": "http.disconnect"}
        self._is_read = not message.get("more_body", False)
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._limit_bytes:
            self.cut_off = BodyTooLarge(self._limit_bytes)
        return message if self.cut_off is None else {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self.cut_off is not None:
            return  # whatever the app makes of a body that was cut off, the answer says why it was
        if message["type"] == "http.response.start":
            self._is_started = True
            kept = [(name, value) for name, value in message.get("headers", ()) if name.lower() != b"x-request-id"]
            message = {**message, "headers": [*kept, (b"x-request-id", self._id.encode())]}
        await self._send(message)

    async def refuse(self, error: LLManagerError) -> None:
        """Answer with the error. Has an answer begun, it stays unfinished, and the server closes the connection."""
        if self._is_started:
            return
        error, self.cut_off = self.cut_off or error, None
        rendered = render(error)
        # A body may lie unread on the connection: it must not be taken for the next request.
        headers = (*rendered.headers, (b"connection", b"close"))
        await send_rendered(self.send, Rendered(rendered.status, headers, rendered.body))


def _log_failure(scope: Scope, error: Exception) -> None:
    cause = error.__cause__ or error.__context__
    log.error(
        "request_failed",
        method=scope["method"],
        path=scope["path"],
        error=type(error).__qualname__,
        cause=type(cause).__qualname__ if cause else None,
        where=origin_of(error),
    )
