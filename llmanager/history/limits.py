"""What may be kept. Sizes are of the JSON that is kept. Pure."""

import json
from collections.abc import Mapping, Sequence

from llmanager.history.entities import (
    MAX_CONTENT_BYTES,
    MAX_MESSAGES,
    MAX_METADATA_BYTES,
    MAX_TOGETHER_BYTES,
    NewMessage,
    Scalar,
)
from llmanager.history.errors import MessagesTooLarge, MessageTooLarge, MetadataTooLarge, TooManyMessages


def check_messages(messages: Sequence[NewMessage]) -> None:
    """Raises TooManyMessages, MessageTooLarge, MessagesTooLarge."""
    if len(messages) > MAX_MESSAGES:
        raise TooManyMessages(len(messages))
    sizes = [size_bytes(message.content) for message in messages]
    if max(sizes, default=0) > MAX_CONTENT_BYTES:
        raise MessageTooLarge(max(sizes))
    if sum(sizes) > MAX_TOGETHER_BYTES:
        raise MessagesTooLarge(sum(sizes))


def check_metadata(metadata: Mapping[str, Scalar]) -> None:
    """Raises MetadataTooLarge."""
    size = size_bytes(dict(metadata))
    if size > MAX_METADATA_BYTES:
        raise MetadataTooLarge(size)


def size_bytes(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())
