"""S3's own ways: how many calls, parts, broken answers, refusals. What every Blobs does is told in tests/contracts."""

import io

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from botocore.response import StreamingBody

from llmanager.adapters.aws import s3_blobs
from llmanager.adapters.aws.s3_blobs import PART_BYTES, S3Blobs
from llmanager.kernel.errors import BlobNotFound, Throttled, TooLarge, Unavailable
from tests import aws
from tests.fakes.aws_client import FaultyClient, refusal


@pytest.fixture
def client():
    with aws.moto() as clients:
        aws.make_bucket(clients.s3, "blobs")
        yield FaultyClient(clients.s3)


@pytest.fixture
def blobs(client):
    return S3Blobs(client, "blobs")


def parts_left(client) -> int:
    return len(client._client.list_multipart_uploads(Bucket="blobs").get("Uploads", []))


class TestRoundTrips:
    def test_of_a_small_put_are_two_where_its_folders_are_known(self, blobs, client):
        blobs.put("a/b/c", [b"x"])
        assert client.calls == {"head_object": 2, "list_objects_v2": 1, "put_object": 1}
        client.calls.clear()
        blobs.put("a/b/d", [b"x" * (PART_BYTES - 1)])
        assert client.calls == {"list_objects_v2": 1, "put_object": 1}

    def test_of_a_large_put_are_one_for_each_part_and_two(self, blobs, client):
        blobs.put("a", [b"x" * PART_BYTES, b"y" * PART_BYTES, b"z"])
        assert client.calls == {
            "list_objects_v2": 1,
            "create_multipart_upload": 1,
            "upload_part": 3,
            "complete_multipart_upload": 1,
        }
        assert blobs.find("a").size_bytes == 2 * PART_BYTES + 1

    def test_of_all_else_are_one(self, blobs, client):
        blobs.put("a", [b"x"])
        for operation, act in {
            "get_object": lambda: list(blobs.read("a")),
            "head_object": lambda: blobs.find("a"),
            "list_objects_v2": lambda: list(blobs.list("")),
            "delete_object": lambda: blobs.delete("a"),
        }.items():
            client.calls.clear()
            act()
            assert client.calls == {operation: 1}

    def test_of_a_list_are_one_for_each_page(self, blobs, client):
        for n in range(5):
            blobs.put(f"a/{n}", [b"x"])
        client.calls.clear()
        assert len(list(blobs._listed("a/", MaxKeys=2))) == 5
        assert client.calls == {"list_objects_v2": 3}


class TestParts:
    @pytest.mark.parametrize("extra", [-1, 0, 1, PART_BYTES])
    def test_begin_where_a_blob_is_as_large_as_one(self, blobs, extra):
        data = b"x" * (PART_BYTES + extra)
        assert blobs.put("a", [data[:100], data[100:]]) == len(data)
        assert b"".join(blobs.read("a")) == data

    @pytest.mark.parametrize("error", [OSError("gone"), KeyboardInterrupt()], ids=type)
    def test_are_given_up_when_their_source_breaks(self, blobs, client, error):
        def pieces():
            yield b"x" * PART_BYTES
            assert parts_left(client) == 1
            raise error

        with pytest.raises(type(error)):
            blobs.put("a", pieces())
        assert parts_left(client) == 0

    @pytest.mark.parametrize("call", ["upload_part", "complete_multipart_upload"])
    def test_are_given_up_when_s3_breaks(self, blobs, client, call):
        client.refuses = [None, None] + [None] * (call != "upload_part") + [refusal("SlowDown", status=503)]
        with pytest.raises(Throttled):
            blobs.put("a", [b"x" * PART_BYTES])
        assert client.calls[call] == 1
        assert parts_left(client) == 0

    def test_that_cannot_be_given_up_do_not_hide_why(self, blobs, client):
        client.refuses = [None, None, refusal("SlowDown"), EndpointConnectionError(endpoint_url="https://aws")]
        with pytest.raises(Throttled):
            blobs.put("a", [b"x" * PART_BYTES])

    def test_are_at_most_as_many_as_s3_takes(self, blobs, client, monkeypatch):
        monkeypatch.setattr(s3_blobs, "MAX_PARTS", 1)
        with pytest.raises(TooLarge):
            blobs.put("a", [b"x" * PART_BYTES, b"y"])
        assert parts_left(client) == 0


class TestRefusals:
    @pytest.mark.parametrize(
        ("refused", "kind", "text"),
        [
            (refusal("NoSuchBucket"), Unavailable, "no such bucket"),
            (refusal("AccessDenied", "arn:aws:iam::123456789012:role/x"), Unavailable, "permission"),
            (refusal("403"), Unavailable, "permission"),
            (refusal("400"), Unavailable, "credentials"),
            (refusal("ExpiredToken"), Unavailable, "credentials"),
            (refusal("InvalidAccessKeyId"), Unavailable, "credentials"),
            (refusal("RequestTimeTooSkewed"), Unavailable, "clock"),
            (NoCredentialsError(), Unavailable, "No AWS credentials were found"),
            (refusal("SlowDown", status=503), Throttled, "too often"),
            (refusal("503", status=503), Unavailable, "no answer"),
            (EndpointConnectionError(endpoint_url="https://aws"), Unavailable, "not be reached"),
            (refusal("BadDigest"), Unavailable, "nothing was written"),
        ],
        ids=lambda value: str(value)[:40],
    )
    def test_say_what_to_do(self, blobs, client, refused, kind, text):
        client.refuses = [refused]
        with pytest.raises(kind, match=text) as caught:
            blobs.find("a")
        assert "123456789012" not in str(caught.value)

    def test_that_nobody_knows_stay_what_they_are(self, blobs, client):
        client.refuses = [refusal("InvalidObjectState")]
        with pytest.raises(ClientError, match="InvalidObjectState"):
            blobs.read("a")


class TestABrokenAnswer:
    def test_ends_in_a_clean_error_and_never_in_fewer_bytes(self, blobs, client):
        broken = FaultyClient(client)
        broken.get_object = lambda **_: {"Body": StreamingBody(io.BytesIO(b"half"), content_length=8)}
        with pytest.raises(Unavailable):
            list(S3Blobs(broken, "blobs").read("a"))

    @pytest.mark.parametrize("is_begun", [False, True])
    def test_is_closed_with_its_reader(self, client, is_begun):
        raw, broken = io.BytesIO(b"x"), FaultyClient(client)
        broken.get_object = lambda **_: {"Body": StreamingBody(raw, content_length=1)}
        pieces = S3Blobs(broken, "blobs").read("a")
        if is_begun:
            next(pieces)
        assert not raw.closed
        del pieces
        assert raw.closed


def test_objects_of_others_are_not_listed(blobs, client):
    for key in ("a", "a b", "a//b", "b/"):
        client.put_object(Bucket="blobs", Key=key, Body=b"x")
    assert [info.key for info in blobs.list("")] == ["a"]


def test_a_blob_that_is_gone_names_no_key(blobs):
    with pytest.raises(BlobNotFound) as caught:
        blobs.read("secret")
    assert "secret" not in str(caught.value)
