"""Values as bytes and states as hashes: how the explorer knows that it has been somewhere before."""

from collections.abc import Mapping
from hashlib import blake2b

import msgspec


def _plain(value: object) -> object:
    """For what msgpack does not know. An unknown type is refused: an address in a repr would hide or split states."""
    if isinstance(value, BaseException):
        return [type(value).__name__, [str(a) for a in value.args]]
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, type):
        return value.__qualname__
    raise TypeError(f"cannot fingerprint a {type(value).__qualname__}: give a dataclass, a plain value or an error")


_encoder = msgspec.msgpack.Encoder(enc_hook=_plain)
encoded = _encoder.encode


def fingerprint(*values: object) -> bytes:
    """16 bytes. Dicts count in their order: sort where the order means nothing."""
    return blake2b(encoded(values), digest_size=16).digest()


def chained(history: bytes, news: list[bytes]) -> bytes:
    return blake2b(history + b"\0".join(news), digest_size=16).digest()


def state_key(parts: list[bytes]) -> int:
    return int.from_bytes(blake2b(b"\0".join(parts), digest_size=8).digest(), "little")
