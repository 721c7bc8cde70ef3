"""What every DirectUploads must do. An adapter joins in tests/contracts/direct_uploads.py."""

import hashlib

import pytest

from llmanager.kernel.errors import BlobNotFound
from tests.contracts.direct_uploads import ADAPTERS


@pytest.fixture(params=ADAPTERS)
def parts(request):
    with ADAPTERS[request.param]() as parts:
        yield parts


def content(blobs, key: str) -> bytes:
    return b"".join(blobs.read(key))


@pytest.mark.parametrize("body", [b"", b"hello", b"\0\xff" * 500_000], ids=len)
def test_what_is_sent_to_an_address_can_be_kept_and_its_digest_is_told(parts, body):
    uploads, blobs, send = parts
    assert send(uploads.address("incoming/acme/1", len(body), for_s=60), body) == 200
    assert uploads.keep("incoming/acme/1", "files/acme/1/a") == hashlib.sha256(body).hexdigest()
    assert content(blobs, "files/acme/1/a") == body


def test_what_was_kept_stays_when_the_address_is_used_again(parts):
    uploads, blobs, send = parts
    address = uploads.address("incoming/acme/1", 5, for_s=60)
    send(address, b"hello")
    uploads.keep("incoming/acme/1", "files/acme/1/a")
    assert send(address, b"other") == 200
    assert content(blobs, "files/acme/1/a") == b"hello"


def test_what_never_came_cannot_be_kept(parts):
    uploads, blobs, _ = parts
    uploads.address("incoming/acme/1", 5, for_s=60)
    with pytest.raises(BlobNotFound):
        uploads.keep("incoming/acme/1", "files/acme/1/a")
    assert blobs.find("files/acme/1/a") is None


@pytest.mark.parametrize("body", [b"", b"hell", b"hello!"])
def test_a_body_of_another_size_is_refused(parts, body):
    uploads, blobs, send = parts
    assert send(uploads.address("incoming/acme/1", 5, for_s=60), body) == 403
    assert blobs.find("incoming/acme/1") is None


def test_an_address_is_for_one_blob(parts):
    uploads, blobs, send = parts
    address = uploads.address("incoming/acme/1", 5, for_s=60)
    assert send(address.replace("acme/1", "acme/2", 1), b"hello") == 403
    assert blobs.find("incoming/acme/2") is None
