"""`Idempotency-Key`: asking twice gives the first answer again and does nothing a second time.

Around the FastAPI app (`app.add_middleware(Idempotency, table=..., keyring=..., clock=...)`), so that no router has
to know of it and none can forget it; the gateway beside that app is not touched.

access pattern      partition               sort                      expires
a used key          idempotency#TENANT      sha256(path, key), hex    after 24 h

A request that was cut off, by a crash of its server or in another way, may have been carried out or not: a repeat is
told so with 409, for doing it twice is what the key is to prevent. An answer with `cache-control: no-store` (a secret)
is never kept: a repeat of it is told so with 409 too.
"""

import asyncio
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from llmanager.api.asgi import again, read_body, send_rendered, values
from llmanager.api.errors import render
from llmanager.gateway.ports import Keyring, Rendered
from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import Conflict, InvalidInput, LLManagerError, Unauthenticated
from llmanager.kernel.principal import Principal
from llmanager.kernel.table import Row, Table

HEADER = b"idempotency-key"
KEEP_S = 24 * 3600
LEASE_S = 300.0  # longer than any request takes that was not cut off
MAX_KEPT_BYTES = 100 * 1024  # a row holds 350 KiB, and escaping can treble a text
KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
ATTEMPTS = 3  # to claim a key that others claim and free at the same time
NEVER_KEPT = frozenset({401, 403, 408, 429})  # about the caller or the moment, not about the request

log = structlog.get_logger()


class KeyReused(InvalidInput):
    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was used within 24 hours for another body or with another API key. Choose a new one.",
            param="Idempotency-Key",
        )


class StillRunning(Conflict):
    code = "idempotency_still_running"
    retry_after_s = 1.0

    def __init__(self) -> None:
        super().__init__("The first request with this Idempotency-Key is still running. Ask again in a moment.")


class CutOff(Conflict):
    code = "idempotency_cut_off"

    def __init__(self) -> None:
        super().__init__(
            "The first request with this Idempotency-Key was cut off, so it was carried out or not. Look at what is "
            "there; if it was not, ask with a new key."
        )


class NotReplayed(Conflict):
    code = "idempotency_not_replayed"

    def __init__(self) -> None:
        super().__init__(
            "The request with this Idempotency-Key was carried out, and its answer is never repeated, because it holds "
            "a secret or is too long to keep. Look at what it made, or ask with a new key."
        )


@dataclass(frozen=True)
class Ask:
    """What is asked, and where its row is."""

    partition: str
    sort: str
    fingerprint: str  # of who asks for what; the same key with another one is refused


@dataclass(frozen=True)
class Kept:
    status: int
    content_type: str
    text: str

    @property
    def rendered(self) -> Rendered:
        body = self.text.encode()
        length = str(len(body)).encode()
        headers = [(b"content-length", length), (b"idempotent-replayed", b"true")]
        if self.content_type:
            headers.append((b"content-type", self.content_type.encode()))
        return Rendered(self.status, tuple(headers), body)


def identify(scope: Scope, principal: Principal, keys: list[str], body: bytes) -> Ask:
    """Raises InvalidInput for a key that is not one."""
    if len(keys) != 1 or not KEY.fullmatch(keys[0]):
        raise InvalidInput(
            "Idempotency-Key must be one header of 1 to 255 visible ASCII characters.", param="Idempotency-Key"
        )
    # Who asks is part of it: what one API key may see is not replayed to another with fewer scopes.
    asked = "\0".join((principal.key_id, scope["query_string"].hex(), hashlib.sha256(body).hexdigest()))
    return Ask(
        partition=f"idempotency#{principal.tenant}",
        sort=hashlib.sha256(f"{scope['path']}\0{keys[0]}".encode()).hexdigest(),
        fingerprint=hashlib.sha256(asked.encode()).hexdigest(),
    )


def kept_in(row: Row, ask: Ask, sole_server: str | None, now: datetime) -> Kept:
    """The answer to a repeat. Raises KeyReused, StillRunning, CutOff, NotReplayed."""
    if row.body["fingerprint"] != ask.fingerprint:
        raise KeyReused
    if row.body["state"] == "running":
        is_ours = row.body["server"] == sole_server
        raise StillRunning if is_ours and now.timestamp() < row.body["until"] else CutOff
    if row.body["state"] == "not kept":
        raise NotReplayed
    return Kept(row.body["status"], row.body["content_type"], row.body["text"])


class Idempotency:
    """`sole_server`: the id of this run, where one server at a time has the table; what another one left is cut off."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        table: Table,
        keyring: Keyring,
        clock: Clock,
        sole_server: str | None = None,
        lease_s: float = LEASE_S,
    ) -> None:
        self._app = app
        self._table = table
        self._keyring = keyring
        self._clock = clock
        self._sole_server = sole_server
        self._lease_s = lease_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        keys = values(scope["headers"], HEADER) if scope["type"] == "http" and scope["method"] == "POST" else []
        if not keys:
            await self._app(scope, receive, send)
            return
        try:
            principal = await self._keyring.principal(next(iter(values(scope["headers"], b"authorization")), None))
            body = await read_body(receive)
            if body is None:
                return
            claim = await asyncio.to_thread(self._claim, identify(scope, principal, keys, body))
        except Unauthenticated:
            await self._app(scope, receive, send)  # nothing was read yet; the route refuses in its own words
        except LLManagerError as error:
            await send_rendered(send, render(error))
        else:
            if isinstance(claim, Kept):
                await send_rendered(send, claim.rendered)
            else:
                await self._run(claim, scope, again(body, receive), send)

    def _claim(self, ask: Ask) -> Row | Kept:
        """The row that is now ours, or the answer there is. Raises KeyReused, StillRunning, CutOff, NotReplayed."""
        for _ in range(ATTEMPTS):
            now = self._clock.now()
            running = {
                "fingerprint": ask.fingerprint,
                "state": "running",
                "server": self._sole_server,
                "until": int(now.timestamp() + self._lease_s),  # rows hold whole numbers
            }
            row = Row(ask.partition, ask.sort, running, expires_at=now + timedelta(seconds=KEEP_S))
            try:
                return self._table.put(row, expect="absent")
            except Conflict:
                found = self._table.get(ask.partition, ask.sort)
            if found is not None:
                return kept_in(found, ask, self._sole_server, now)
        raise StillRunning

    async def _run(self, claim: Row, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _HeldAnswer(send)
        is_cancelled = False
        try:
            await self._app(scope, receive, answer.send)
        except asyncio.CancelledError:
            is_cancelled = True  # what was begun may go on in a thread, and nobody will know how it ended
            raise
        finally:
            if not is_cancelled:
                await asyncio.to_thread(self._settle, claim, answer.to_keep())
        await answer.let_go()

    def _settle(self, claim: Row, result: Mapping[str, Any] | None) -> None:
        """Keep the result, or free the key if there is none to keep."""
        try:
            if result is None:
                self._table.delete(claim.partition, claim.sort, expect=claim.version)
            else:
                body = {"fingerprint": claim.body["fingerprint"], **result}
                until = self._clock.now() + timedelta(seconds=KEEP_S)
                self._table.put(replace(claim, body=body, expires_at=until), expect=claim.version)
        except LLManagerError as error:  # the request is done all the same, and its answer goes out
            log.warning("idempotency_not_settled", error=error.code)


class _HeldAnswer:
    """Holds a short text back until it is kept, so that no repeat can come between; a stream passes as it comes."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body: list[Message] = []
        self._is_short_text = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            self._is_short_text = _is_short_text(_headers(message))
        elif self._is_short_text:
            self._body.append(message)
        if not self._is_short_text:
            await self._send(message)

    async def let_go(self) -> None:
        if self._start is not None and self._is_short_text:
            for message in (self._start, *self._body):
                await self._send(message)

    def to_keep(self) -> Mapping[str, Any] | None:
        """What the row is to say, or None where a repeat is to be carried out."""
        if self._start is None:
            return None
        status, headers = self._start["status"], _headers(self._start)
        if status >= 500 or status in NEVER_KEPT or "retry-after" in headers:
            return None
        if not self._is_short_text or "no-store" in headers.get("cache-control", ""):
            return {"state": "not kept"}
        text = b"".join(message.get("body", b"") for message in self._body).decode()
        content_type = headers.get("content-type", "")
        return {"state": "kept", "status": status, "content_type": content_type, "text": text}


def _is_short_text(headers: Mapping[str, str]) -> bool:
    content_type = headers.get("content-type", "text/")
    return content_type.startswith(("application/json", "text/")) and (
        int(headers.get("content-length", MAX_KEPT_BYTES + 1)) <= MAX_KEPT_BYTES
    )


def _headers(start: Message) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in start.get("headers", ())}
