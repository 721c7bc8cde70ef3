"""AWS's binary event stream, as far as InvokeEndpointWithResponseStream needs it.

https://smithy.io/2.0/aws/amazon-eventstream.html
"""

import json
import struct
import zlib
from collections.abc import Mapping

CONTENT_TYPE = "application/vnd.amazon.eventstream"
TEXT = 7
PART_BYTES = 64 * 1024  # a longer piece is sent as several parts


def parts(content: bytes) -> bytes:
    """Payload parts. They break where the container's bytes happened to, not where its lines end."""
    pieces = [content[start : start + PART_BYTES] for start in range(0, len(content), PART_BYTES)]
    headers = {":event-type": "PayloadPart", ":content-type": "application/octet-stream", ":message-type": "event"}
    return b"".join(message(headers, piece) for piece in pieces)


def broken(code: str, text: str) -> bytes:
    """The stream's end by an error: ModelInvocationTimeExceeded or StreamBroken."""
    headers = {
        ":exception-type": "ModelStreamError",
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    return message(headers, json.dumps({"Message": text, "ErrorCode": code}).encode())


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    head = b"".join(header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    checked = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + payload
    return checked + struct.pack(">I", zlib.crc32(checked))


def header(name: str, value: str) -> bytes:
    said, text = name.encode(), value.encode()
    return bytes([len(said)]) + said + bytes([TEXT]) + struct.pack(">H", len(text)) + text
