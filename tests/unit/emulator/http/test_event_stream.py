"""The binary event stream, read by botocore's own decoder."""

import json

from botocore.eventstream import EventStreamBuffer

from emulator.http.event_stream import PART_BYTES, broken, parts


def decoded(data):
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return list(buffer)


def test_content_comes_as_payload_parts_of_limited_size():
    content = bytes(range(256)) * 1000
    events = decoded(parts(content))
    assert len(events) == -(-len(content) // PART_BYTES)
    assert b"".join(event.payload for event in events) == content
    assert events[0].headers[":event-type"] == "PayloadPart"
    assert events[0].to_response_dict()["status_code"] == 200


def test_a_broken_stream_says_why():
    (event,) = decoded(broken("StreamBroken", "It ended."))
    assert event.headers[":exception-type"] == "ModelStreamError"
    assert json.loads(event.payload) == {"Message": "It ended.", "ErrorCode": "StreamBroken"}
    assert event.to_response_dict()["status_code"] == 400
