"""Whole answers: the upstream's body to the caller's, and the usage in it. Each raises UpstreamFailed for nonsense."""

import base64
import struct
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from llmanager.gateway.ports import Usage
from llmanager.kernel.errors import UpstreamFailed

T = TypeVar("T")


class Counts(Struct):
    prompt_tokens: int = 0
    completion_tokens: int | None = None  # embeddings have none

    @property
    def usage(self) -> Usage:
        return Usage(self.prompt_tokens, self.completion_tokens or 0)


class _Message(Struct):
    content: str | None = None


class _Choice(Struct):
    message: _Message


class _Vector(Struct):
    index: int
    embedding: list[float]


# The bodies may be long, so each is decoded once: its top level, and of the rest only what is looked at.
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_counts = msgspec.json.Decoder(Counts | None).decode
_decode_choices = msgspec.json.Decoder(list[_Choice]).decode
_decode_vectors = msgspec.json.Decoder(list[_Vector]).decode


def generated(body: bytes, name: str) -> tuple[bytes, Usage | None]:
    """Of chat and text completions: as received, under the caller's model name."""
    return _renamed(body, name, "choices")


def embedded(body: bytes, name: str) -> tuple[bytes, Usage | None]:
    return _renamed(body, name, "data")


def embedded_base64(body: bytes, name: str) -> tuple[bytes, Usage | None]:
    """Upstreams are always asked for numbers, since not all know base64: little-endian float32, as OpenAI's."""
    members = _members(body, name, "data")
    data = [
        {"object": "embedding", "index": vector.index, "embedding": _packed(vector.embedding, name)}
        for vector in _read(_decode_vectors, members["data"], name)
    ]
    return msgspec.json.encode({**members, "model": name, "data": data}), _usage(members, name)


def queried(body: bytes, name: str) -> tuple[bytes, Usage | None]:
    """Of a chat completion, what /model/query answers."""
    members = _members(body, name, "choices")
    choices = _read(_decode_choices, members["choices"], name)
    if not choices:
        raise _nonsense(name)
    answer = {"response": choices[0].message.content or "", "model": name, "usage": members.get("usage")}
    return msgspec.json.encode(answer), _usage(members, name)


def _renamed(body: bytes, name: str, required: str) -> tuple[bytes, Usage | None]:
    members = _members(body, name, required)
    return msgspec.json.encode({**members, "model": name}), _usage(members, name)


def _members(body: bytes, name: str, required: str) -> dict[str, Any]:
    members = _read(_decode_members, body, name)
    if required not in members:
        raise _nonsense(name)
    return members


def _usage(members: dict[str, Any], name: str) -> Usage | None:
    counts = _read(_decode_counts, members.get("usage", b"null"), name)
    return counts.usage if counts else None


def _packed(vector: list[float], name: str) -> str:
    try:
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    except OverflowError:  # no float32
        raise _nonsense(name) from None


def _read(decode: Callable[[Any], T], data: bytes | Raw, name: str) -> T:
    try:
        if isinstance(data, bytes):
            data.decode()  # raw members are not checked otherwise
        return decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _nonsense(name) from None


def _nonsense(name: str) -> UpstreamFailed:
    return UpstreamFailed(f"The server of model {name!r} sent an answer that cannot be read. Ask again.")
