"""The few moves that our raw ASGI parts share."""

from collections.abc import Sequence

from starlette.types import Message, Receive, Send

from llmanager.gateway.ports import Rendered

Headers = Sequence[tuple[bytes, bytes]]  # names in lower case


def values(headers: Headers, name: bytes) -> list[str]:
    """Every value of one header, as sent."""
    return [value.decode("latin-1") for found, value in headers if found == name]


async def send_rendered(send: Send, rendered: Rendered) -> None:
    await send({"type": "http.response.start", "status": rendered.status, "headers": list(rendered.headers)})
    await send({"type": "http.response.body", "body": rendered.body})


async def read_body(receive: Receive) -> bytes | None:
    """All of it (the front bounds its size), or None if the client went away before its end."""
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


def again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was read already, once more, and then goes on where reading stopped."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return pending.pop() if pending else await receive()

    return receive_again
