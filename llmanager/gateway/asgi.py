"""The three shapes of ASGI, and reading a request from them."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from llmanager.kernel.errors import InvalidInput, TooLarge

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class ClientGone(Exception):
    """The client closed its connection: there is nobody to answer."""


def header(scope: Scope, name: bytes) -> str | None:
    """The first of that name (lower case), as text."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)


async def read_body(scope: Scope, receive: Receive, *, max_bytes: int, within_s: float) -> bytes:
    """Raises TooLarge as soon as that is known, InvalidInput for a client that stops sending, ClientGone."""
    length = header(scope, b"content-length")
    if length is not None and length.isdigit() and int(length) > max_bytes:
        raise _too_large(max_bytes)
    try:
        async with asyncio.timeout(within_s):
            return await _joined(receive, max_bytes)
    except TimeoutError:
        raise InvalidInput(f"The body did not arrive within {within_s:g} s. Send it again.") from None


async def _joined(receive: Receive, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part = message.get("body", b"")
        size += len(part)
        if size > max_bytes:
            raise _too_large(max_bytes)
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"The body is larger than {max_bytes} bytes, the limit of this route. Send less.")
