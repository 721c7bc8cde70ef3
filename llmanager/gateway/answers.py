"""Whole answers: the upstream's body to the caller's, and the usage in it. Each raises UpstreamFailed for nonsense."""

import base64
import struct
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from llmanager.gateway.ports import Usage
from llmanager.kernel.errors import UpstreamFailed

T = TypeVar("T")


class _Counts(Struct):
    prompt_tokens: int = 0
    completion_tokens: int | None = None  # embeddings have none


class _Usage(Struct):
    usage: _Counts | None = None


class _Message(Struct):
    content: str | None = None


class _Choice(Struct):
    message: _Message


class _Chat(Struct):
    choices: list[_Choice]
    usage: Raw = Raw(b"null")


class _Vector(Struct):
    index: int
    embedding: list[float]


class _Vectors(Struct):
    data: list[_Vector]


def generated(body: bytes, name: str) -> tuple[bytes, Usage | None]:
    """Of chat and text completions: as received, under the caller's model name."""
    return _renamed(body, name, "choices"), usage_in(body, name)


def embedded(body: bytes, name: str) -> tuple[bytes, Usage | None]:
    return _renamed(body, name, "data"), usage_in(body, name)


def embedded_base64(body: bytes, name: str) -> tuple[bytes, Usage | None]:
    """Upstreams are always asked for numbers, since not all know base64: little-endian float32, as OpenAI's."""
    members: dict[str, Any] = _read(body, name, dict[str, Raw])
    members["model"] = name
    members["data"] = [
        {"object": "embedding", "index": vector.index, "embedding": _packed(vector.embedding)}
        for vector in _read(body, name, _Vectors).data
    ]
    return msgspec.json.encode(members), usage_in(body, name)


def queried(body: bytes, name: str) -> tuple[bytes, Usage | None]:
    """Of a chat completion, what /model/query answers."""
    chat = _read(body, name, _Chat)
    if not chat.choices:
        raise _nonsense(name)
    answer = {"response": chat.choices[0].message.content or "", "model": name, "usage": chat.usage}
    return msgspec.json.encode(answer), usage_in(body, name)


def usage_in(body: bytes, name: str) -> Usage | None:
    counts = _read(body, name, _Usage).usage
    return Usage(counts.prompt_tokens, counts.completion_tokens or 0) if counts else None


def _renamed(body: bytes, name: str, required: str) -> bytes:
    members: dict[str, Any] = _read(body, name, dict[str, Raw])
    if required not in members:
        raise _nonsense(name)
    members["model"] = name
    return msgspec.json.encode(members)


def _packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _read(body: bytes, name: str, kind: type[T]) -> T:
    try:
        body.decode()  # raw members are not checked otherwise
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _nonsense(name) from None


def _nonsense(name: str) -> UpstreamFailed:
    return UpstreamFailed(f"The server of model {name!r} sent an answer that cannot be read. Ask again.")
