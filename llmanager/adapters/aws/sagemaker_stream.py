"""Streams of SageMaker's containers as events of OpenAI's API, wherever their bytes are cut. Pure but for the response.

InvokeEndpointWithResponseStream wraps a container's bytes into messages of AWS's own; what is within are events, or,
from some containers, a line of JSON each.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Final, Protocol

import msgspec
from botocore.eventstream import EventStreamBuffer, ParserError
from msgspec import Struct

from llmanager.gateway.ports import UpstreamResponse
from llmanager.gateway.sse import DONE, event
from llmanager.kernel.errors import UpstreamFailed, UpstreamTimeout

WRAPPED: Final = "application/vnd.amazon.eventstream"
LINES: Final = ("application/jsonlines", "application/jsonl", "application/x-ndjson", "application/ndjson")
MAX_LINE_BYTES: Final = 1_000_000
_TOO_LATE: Final = "ModelInvocationTimeExceeded"
_BROKEN: Final = "The model's server broke its stream off. Ask again."


class _Failure(Struct):
    ErrorCode: str = ""


class Unwrapped:
    """Of AWS's messages, what the container sent."""

    def __init__(self) -> None:
        self._buffer = EventStreamBuffer()

    def feed(self, data: bytes) -> bytes:
        """Raises UpstreamFailed for what is no message, or the failure that one tells; UpstreamTimeout."""
        self._buffer.add_data(data)
        parts = []
        try:
            for message in self._buffer:
                if message.headers.get(":message-type") != "event":
                    raise _failure(message.payload)
                parts.append(message.payload)
        except ParserError:
            raise UpstreamFailed(_BROKEN) from None
        return b"".join(parts)

    def end(self) -> bytes:
        return b""


class Events:
    """Events as they are; lines of JSON as an event each, the last of them [DONE]."""

    def __init__(self) -> None:
        self._rest = b""
        self._has_lines: bool | None = None  # None: nothing but blanks came yet

    def feed(self, data: bytes) -> bytes:
        """Raises UpstreamFailed for a line without an end."""
        self._rest += data
        if self._has_lines is None:
            self._rest = self._rest.lstrip()
            if not self._rest:
                return b""
            self._has_lines = self._rest.startswith(b"{")
        if not self._has_lines:
            out, self._rest = self._rest, b""
            return out
        *lines, self._rest = self._rest.split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            raise UpstreamFailed(f"The model's server sent a line of more than {MAX_LINE_BYTES} bytes. Ask again.")
        return b"".join(event(line.strip()) for line in lines if line.strip())

    def end(self) -> bytes:
        last, self._rest = self._rest.strip(), b""
        if not self._has_lines:
            return last
        return (event(last) if last else b"") + DONE


class Step(Protocol):
    def feed(self, data: bytes) -> bytes: ...

    def end(self) -> bytes: ...


class StreamedResponse:
    """An UpstreamResponse whose bytes go through `steps`, one after another."""

    def __init__(self, response: UpstreamResponse, *steps: Step) -> None:
        self._response, self._steps = response, steps
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self.content_type = "text/event-stream"

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.chunks():
            if out := self._through(chunk, self._steps):
                yield out
        for number, step in enumerate(self._steps):
            if out := self._through(step.end(), self._steps[number + 1 :]):
                yield out

    async def read(self, limit_bytes: int) -> bytes:
        whole = b"".join([chunk async for chunk in self.chunks()])
        if len(whole) > limit_bytes:
            raise UpstreamFailed(f"The model's server answered more than {limit_bytes} bytes. Ask for less.")
        return whole

    async def close(self) -> None:
        await self._response.close()

    def _through(self, data: bytes, steps: tuple[Step, ...]) -> bytes:
        for step in steps:
            data = step.feed(data)
        return data


def as_events(response: UpstreamResponse) -> UpstreamResponse:
    """Of a stream, events; any other answer as it is."""
    kind = response.content_type.partition(";")[0].strip().lower()
    if kind == WRAPPED:
        return StreamedResponse(response, Unwrapped(), Events())
    return StreamedResponse(response, Events()) if kind in LINES else response


def _failure(payload: bytes) -> UpstreamFailed | UpstreamTimeout:
    try:
        code = msgspec.json.decode(payload, type=_Failure).ErrorCode
    except (msgspec.DecodeError, UnicodeDecodeError):
        code = ""
    if code == _TOO_LATE:
        return UpstreamTimeout("The model did not finish in the time that SageMaker gives a stream. Ask for less.")
    return UpstreamFailed(_BROKEN)
