"""Streamed answers: what a caller must see differently from what the upstream sent, and the usage on its way.

Every event is checked (UTF-8, JSON, shape; half a microsecond each) and nearly all are passed on as received.
Changed are: another model name (by replacing its bytes), null content, usage and empty `choices` nobody asked for.
The first one carries the citations, where there are any.
"""

from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from llmanager.gateway import refusals, sse
from llmanager.gateway.answers import Counts
from llmanager.gateway.ports import Usage
from llmanager.gateway.refusals import Complaint
from llmanager.kernel.errors import UpstreamFailed


class _Delta(Struct):
    content: str | UnsetType | None = UNSET


class _Choice(Struct):
    finish_reason: str | None = None
    delta: _Delta | None = None
    text: str | UnsetType | None = UNSET

    @property
    def has_null(self) -> bool:
        return self.text is None or (self.delta is not None and self.delta.content is None)


class _Chunk(Struct):
    model: str | UnsetType = UNSET
    choices: list[_Choice] = []
    usage: Counts | None = None
    error: Complaint | None = None


_decode_chunk = msgspec.json.Decoder(_Chunk).decode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.encode


class StreamRewriter:
    """One stream's state. `take` events; `drain` what the caller gets of them."""

    def __init__(self, name: str, *, wants_usage: bool, citations: bytes = b"") -> None:
        self._name = name
        self._named = b'"model":' + _encode(name)
        self._wants_usage = wants_usage
        self._citations = citations  # until they are out
        self._has_finished = False  # a finish_reason was seen
        self._out: list[bytes] = []
        self.is_done = False
        self.usage: Usage | None = None

    def drain(self) -> bytes:
        out, self._out = b"".join(self._out), []
        return out

    def take(self, event: bytes) -> None:
        """Raises UpstreamFailed for what is no event of OpenAI's API, or the error that the event carries."""
        data = sse.data_of(event)
        if data is None or self.is_done:
            return
        if data.strip() == b"[DONE]":
            if not self._has_finished:
                raise UpstreamFailed(f"The server of model {self._name!r} gave no finish_reason. Ask again.")
            self.is_done = True
            self._out.append(sse.DONE)
            return
        chunk = self._checked(event, data)
        if chunk.usage is not None:
            self.usage = chunk.usage.usage
        self._has_finished |= any(choice.finish_reason for choice in chunk.choices)
        if chunk.choices or (self._wants_usage and chunk.usage is not None):
            self._out.append(self._passed_on(event, data, chunk))

    def _checked(self, event: bytes, data: bytes) -> _Chunk:
        try:
            event.decode()
            chunk = _decode_chunk(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise UpstreamFailed(f"The server of model {self._name!r} sent a malformed event. Ask again.") from None
        if chunk.error is not None:
            raise refusals.of_complaint(self._name, refusals.status_in(chunk.error), chunk.error)
        return chunk

    def _passed_on(self, event: bytes, data: bytes, chunk: _Chunk) -> bytes:
        hides_usage = chunk.usage is not None and not self._wants_usage
        if hides_usage or self._citations or any(choice.has_null for choice in chunk.choices):
            return sse.event(self._remade(data, hides_usage=hides_usage))
        if chunk.model == self._name:
            return event
        # An unescaped quote cannot stand inside a JSON string: these bytes are a member, not somebody's text.
        said = b'"model":' + _encode(chunk.model) if chunk.model is not UNSET else b""
        if said and event.count(said) == 1:
            return event.replace(said, self._named)
        return sse.event(self._remade(data, hides_usage=False))

    def _remade(self, data: bytes, *, hides_usage: bool) -> bytes:
        members: dict[str, Any] = _decode_members(data)
        members["model"] = self._name
        members["choices"] = [_without_nulls(choice) for choice in msgspec.json.decode(members.get("choices", b"[]"))]
        if hides_usage:
            del members["usage"]
        if self._citations:
            members["citations"], self._citations = Raw(self._citations), b""
        return _encode(members)


def _without_nulls(choice: dict[str, Any]) -> dict[str, Any]:
    if choice.get("text", "") is None:
        choice["text"] = ""
    delta = choice.get("delta")
    if delta is not None and delta.get("content", "") is None:
        delta["content"] = ""
    return choice
