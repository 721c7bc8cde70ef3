"""The fence of real boto3 clients, their timeouts, and the bearer token that is signed for them."""

import base64
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.awsrequest import AWSResponse
from botocore.credentials import Credentials
from botocore.exceptions import UnauthorizedSSOTokenError

from llmanager.adapters.aws.bearer import RENEWED_AFTER_S, Bearer, token
from llmanager.adapters.aws.fence import CLIENT_CONFIG
from llmanager.adapters.aws.session import connected
from llmanager.kernel.deadline import TooLate, deadline
from llmanager.kernel.errors import Unavailable
from tests.fakes.clock import FakeClock


@pytest.fixture
def account(monkeypatch):
    """Credentials that boto3 finds, and a way out of every client that only counts."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "emulated")
    clock, sent = FakeClock(), []
    clients, bearer = connected("us-east-1", clock)
    statuses = [500]

    def answer(request, **_):
        sent.append(request.url)
        clock.advance(4)
        response = AWSResponse(request.url, statuses[0], {}, None)
        response._content = b'{"EndpointConfigArn": "x"}'
        return response

    events = clients.sagemaker.meta.events
    events.register("before-send", answer)  # after the fence, as the network is
    # Without waiting; an answer is there unless sending raised.
    events.register_first("needs-retry.sagemaker", lambda response, **_: 0 if response and statuses[0] == 500 else None)
    return clients, clock, sent, statuses, bearer


def test_no_call_and_no_retry_of_it_leaves_after_the_deadline(account):
    clients, clock, sent, _, _ = account
    with deadline(clock.monotonic_s() + 5), pytest.raises(TooLate):
        clients.sagemaker.delete_endpoint(EndpointName="a")
    assert len(sent) == 2  # at 0 s and at 4 s; the third attempt would have left at 8 s
    with deadline(clock.monotonic_s()), pytest.raises(TooLate):
        clients.sagemaker.delete_endpoint(EndpointName="a")
    assert len(sent) == 2


def test_looking_is_always_allowed(account):
    clients, clock, sent, statuses, _ = account
    statuses[0] = 200
    with deadline(clock.monotonic_s()):
        clients.sagemaker.list_endpoints()
    assert len(sent) == 1


def test_a_call_is_over_soon():
    assert (CLIENT_CONFIG.connect_timeout, CLIENT_CONFIG.read_timeout) == (3, 10)
    assert CLIENT_CONFIG.retries == {"mode": "standard", "total_max_attempts": 3}


def test_the_token_is_a_presigned_request():
    made = token(Credentials("AKIDEXAMPLE", "secret"), "eu-west-1", lives_s=60)
    url = "https://" + base64.b64decode(made.removeprefix("sagemaker-api-key-")).decode()
    query = {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
    assert urlsplit(url).netloc == "sagemaker.amazonaws.com"
    assert query["Action"] == "CallWithBearerToken"
    assert query["Version"] == "1"
    assert query["X-Amz-Expires"] == "60"
    assert "/eu-west-1/sagemaker/aws4_request" in query["X-Amz-Credential"]
    assert len(query["X-Amz-Signature"]) == 64


def test_it_is_renewed_long_before_it_ends():
    signings, clock = [], FakeClock()

    class Counting(Credentials):
        def get_frozen_credentials(self):
            signings.append(clock.monotonic_s())
            return super().get_frozen_credentials()

    bearer = Bearer(Counting("AKIDEXAMPLE", "secret"), "us-east-1", clock)
    first = bearer()
    assert first.startswith("Bearer sagemaker-api-key-")
    clock.advance(RENEWED_AFTER_S - 1)
    assert bearer() == first
    clock.advance(1)
    bearer()
    assert signings == [0, RENEWED_AFTER_S]


def test_without_credentials_it_says_what_is_missing():
    with pytest.raises(Unavailable, match="role"):
        Bearer(None, "us-east-1", FakeClock())()


def test_a_sign_in_that_ran_out_is_told_as_one_of_our_errors():
    class RanOut(Credentials):
        def get_frozen_credentials(self):
            raise UnauthorizedSSOTokenError

    with pytest.raises(Unavailable, match="credentials"):
        Bearer(RanOut("AKIDEXAMPLE", "secret"), "us-east-1", FakeClock())()


def test_the_clients_bearer_is_made_from_the_same_credentials(account):
    assert account[4]().startswith("Bearer sagemaker-api-key-")
