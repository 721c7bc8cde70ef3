"""What is refused before anything is done: requests without a signature or with a key that is none, or too old."""

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.credentials import Credentials

from emulator.http.credentials import Denied, bearer_region
from llmanager.adapters.aws.bearer import token

KEY = token(Credentials("AKID", "secret", "session"), "eu-west-1", lives_s=600)


def signed_at(key=KEY):
    """botocore signs by a clock of its own, in whole seconds; the key tells when that was."""
    presigned = base64.b64decode(key.rpartition("-")[2]).decode()
    said = parse_qs(urlsplit(f"https://{presigned}").query)["X-Amz-Date"][0]
    return datetime.strptime(f"{said}+0000", "%Y%m%dT%H%M%SZ%z")


def region(key=KEY, after_s=0.0):
    return bearer_region({"Authorization": f"Bearer {key}"}, signed_at() + timedelta(seconds=after_s))


def changed(old, new):
    prefix, _, coded = KEY.rpartition("-")
    presigned = base64.b64decode(coded).decode()
    assert old in presigned
    return f"{prefix}-{base64.b64encode(presigned.replace(old, new).encode()).decode()}"


def test_the_key_that_the_adapter_makes_is_good_for_as_long_as_it_says():
    assert region() == "eu-west-1"
    assert region(after_s=599) == "eu-west-1"
    with pytest.raises(Denied, match="expired"):
        region(after_s=600)
    assert region(after_s=-300) == "eu-west-1"  # clocks differ
    with pytest.raises(Denied, match="expired"):
        region(after_s=-301)


@pytest.mark.parametrize(
    "key",
    [
        "sk-123",
        "sagemaker-api-key-%%%",
        "sagemaker-api-key-" + base64.b64encode(b"\xff\xfe").decode(),
        "sagemaker-api-key-" + base64.b64encode(b"sagemaker.amazonaws.com/?Action=CallWithBearerToken").decode(),
        changed("sagemaker.amazonaws.com", "example.com"),
        changed("CallWithBearerToken", "InvokeEndpoint"),
        changed("AWS4-HMAC-SHA256", "AWS4"),
        changed("%2Fsagemaker%2F", "%2Fs3%2F"),
        changed("X-Amz-Expires=600", "X-Amz-Expires=43201"),
        changed("X-Amz-Expires=600", "X-Amz-Expires=soon"),
        changed("X-Amz-Signature=", "X-Amz-Signature=x"),
    ],
)
def test_what_is_not_such_a_key_is_refused(key):
    with pytest.raises(Denied):
        region(key)


def test_a_request_without_a_key_is_refused():
    with pytest.raises(Denied, match="Missing Authentication Token"):
        bearer_region({}, datetime.now(UTC))
