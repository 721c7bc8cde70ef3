import base64
import json
import struct

import pytest

from llmanager.gateway import answers
from llmanager.gateway.ports import Usage
from llmanager.kernel.errors import UpstreamFailed
from tests.fakes.upstream_server import completion

VECTORS = {
    "data": [{"embedding": [0.5, -1.25], "index": 0, "object": "embedding"}],
    "model": "up",
    "object": "list",
    "usage": {"prompt_tokens": 4, "total_tokens": 4},
}


def test_members_we_do_not_know_pass():
    body = json.dumps(completion("Hi", model="up") | {"system_fingerprint": "b1"}).encode()
    out, usage = answers.generated(body, "m")
    assert json.loads(out) == completion("Hi") | {"system_fingerprint": "b1"}
    assert usage == Usage(3, 2)


def test_vectors_pass_as_numbers():
    out, usage = answers.embedded(json.dumps(VECTORS).encode(), "m")
    assert json.loads(out) == VECTORS | {"model": "m"}
    assert usage == Usage(4, 0)


def test_vectors_become_base64_of_little_endian_float32():
    out, usage = answers.embedded_base64(json.dumps(VECTORS).encode(), "m")
    vector = json.loads(out)["data"][0]
    assert vector["object"] == "embedding"
    assert struct.unpack("<2f", base64.b64decode(vector["embedding"])) == (0.5, -1.25)
    assert (json.loads(out)["usage"], usage) == (VECTORS["usage"], Usage(4, 0))


def test_a_query_is_answered_with_its_text():
    out, usage = answers.queried(json.dumps(completion("Grüß dich", model="up")).encode(), "m")
    assert json.loads(out) == {"response": "Grüß dich", "model": "m", "usage": completion("")["usage"]}
    assert usage == Usage(3, 2)


def test_a_query_answered_with_no_text_is_empty_text():
    body = json.dumps({"choices": [{"message": {"content": None}}]}).encode()
    assert json.loads(answers.queried(body, "m")[0]) == {"response": "", "model": "m", "usage": None}


def test_a_number_beyond_float32_is_an_upstreams_failure():
    with pytest.raises(UpstreamFailed):
        answers.embedded_base64(b'{"data":[{"index":0,"embedding":[1e300]}]}', "m")


@pytest.mark.parametrize("whole", [answers.generated, answers.embedded, answers.embedded_base64, answers.queried])
@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"error":{}}', b'{"data":[],"choices":[],"usage":7}', b'{"\xff":1}']
)
def test_nonsense_is_an_upstreams_failure(whole: answers.generated, body: bytes):
    with pytest.raises(UpstreamFailed):
        whole(body, "m")
