"""What S3 is asked for an upload that goes to it. What every DirectUploads does is told in tests/contracts."""

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import NoCredentialsError

from llmanager.adapters.aws.clients import ServiceClients
from llmanager.adapters.aws.s3_uploads import S3Uploads
from llmanager.kernel.errors import BlobNotFound, Throttled, Unavailable
from tests import aws
from tests.fakes.aws_client import FaultyClient, refusal

ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "emulated",
    "AWS_SECRET_ACCESS_KEY": "emulated",
    "AWS_SESSION_TOKEN": "emulated",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class TestAddress:
    @pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
    def test_leads_to_the_bucket_in_its_region_over_tls(self, region):
        """S3 answers the address of no region with a redirection, which a body does not survive."""
        with aws.environment(ACCOUNT):
            address = S3Uploads(ServiceClients(region).s3, "blobs-1").address("incoming/a/1", 5, for_s=60)
        parts = urlsplit(address)
        assert (parts.scheme, parts.netloc, parts.path) == (
            "https",
            f"blobs-1.s3.{region}.amazonaws.com",
            "/incoming/a/1",
        )

    def test_signs_the_size_and_nothing_that_a_plain_client_does_not_send(self):
        with aws.environment(ACCOUNT):
            address = S3Uploads(ServiceClients("us-east-1").s3, "blobs").address("incoming/a/1", 5, for_s=60)
        signed = parse_qs(urlsplit(address).query)
        assert signed["X-Amz-SignedHeaders"] == ["content-length;host"]
        assert signed["X-Amz-Expires"] == ["60"]
        assert not [name for name in signed if "checksum" in name.lower()]

    def test_without_credentials_says_what_to_do(self):
        nowhere = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null"}
        with (
            aws.environment(nowhere | {"AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}),
            pytest.raises(Unavailable, match="No AWS credentials were found"),
        ):
            S3Uploads(ServiceClients("us-east-1").s3, "blobs").address("incoming/a/1", 5, for_s=60)


class TestKeep:
    @pytest.fixture
    def client(self):
        with aws.moto() as clients:
            aws.make_bucket(clients.s3, "blobs")
            clients.s3.put_object(Bucket="blobs", Key="incoming/a/1", Body=b"hello")
            yield FaultyClient(clients.s3)

    def test_takes_one_round_trip_where_s3_tells_the_digest(self, client):
        digest = hashlib.sha256(b"hello").digest()
        told = {"CopyObjectResult": {"ChecksumSHA256": base64.b64encode(digest).decode()}}
        client.copy_object = lambda **request: told if request["ChecksumAlgorithm"] == "SHA256" else {}
        assert S3Uploads(client, "blobs").keep("incoming/a/1", "files/a/1/x") == digest.hex()
        assert client.calls == {}

    def test_reads_the_copy_where_it_does_not(self, client):
        client.copy_object = lambda **request: client._client.copy_object(**request) and {"CopyObjectResult": {}}
        told = S3Uploads(client, "blobs").keep("incoming/a/1", "files/a/1/x")
        assert told == hashlib.sha256(b"hello").hexdigest()
        assert client.calls == {"get_object": 1}

    @pytest.mark.parametrize(
        ("refused", "kind"),
        [(refusal("NoSuchKey"), BlobNotFound), (refusal("SlowDown"), Throttled), (NoCredentialsError(), Unavailable)],
        ids=str,
    )
    def test_says_what_went_wrong(self, client, refused, kind):
        client.refuses = [refused]
        with pytest.raises(kind):
            S3Uploads(client, "blobs").keep("incoming/a/1", "files/a/1/x")
