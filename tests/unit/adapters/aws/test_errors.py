"""What AWS answers becomes an error of ours that says what to do next, and never an account's number."""

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from llmanager.adapters.aws.errors import AlreadyThere, Missing, NotNow, QuotaReached, scrubbed, translated
from llmanager.kernel.errors import Final, InvalidInput, Retryable, Throttled, Unavailable

ARN = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/lm-test-a-abcdefgh"


def told(error: Exception) -> Exception:
    with pytest.raises(Exception) as raised, translated("create the endpoint"):
        raise error
    return raised.value


def refused(code: str, message: str = "no", status: int = 400) -> Exception:
    metadata = {"HTTPStatusCode": status}
    return told(
        ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}, "CreateEndpoint")
    )


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("ThrottlingException", "Rate exceeded", Throttled),
        ("Throttling", "Rate exceeded", Throttled),
        ("ThrottledException", "Rate exceeded", Throttled),
        ("ConcurrentUpdateException", "", Throttled),
        ("InternalFailure", "", Unavailable),
        ("InternalServiceException", "", Unavailable),
        ("InsufficientInstanceCapacity", "", Unavailable),
        ("ExpiredTokenException", "", Unavailable),
        ("InvalidSignatureException", "Signature expired", Unavailable),
        ("AccessDeniedException", f"role is not authorized on {ARN}", Unavailable),
        ("ResourceLimitExceeded", "The account-level service limit 'x' is 0", QuotaReached),
        ("LimitExceededException", "", QuotaReached),
        ("ObjectNotFoundException", "No scalable target found", Missing),
        ("ResourceNotFound", "", Missing),
        ("ResourceInUse", "", NotNow),
        ("ValidationException", f'Could not find endpoint "{ARN}".', Missing),
        ("ValidationException", f'Cannot create already existing endpoint "{ARN}".', AlreadyThere),
        ("ValidationException", f'Cannot update in-progress endpoint "{ARN}".', NotNow),
        ("ValidationException", f'Cannot delete inference component "{ARN}" in status CREATE_IN_PROGRESS.', NotNow),
        ("ValidationException", f'Cannot delete "{ARN}" while inference components are deployed to it.', NotNow),
        ("ValidationException", f'Cannot update endpoint "{ARN}" in status Failed.', NotNow),
        ("ValidationException", "Requested image x not found in ECR", InvalidInput),
    ],
)
def test_each_code_has_its_kind(code, message, kind):
    error = refused(code, message)
    assert type(error) is kind or (kind in (Throttled, Unavailable, InvalidInput) and isinstance(error, kind))
    assert "123456789012" not in str(error)
    assert error.__suppress_context__
    assert error.__cause__ is None


def test_a_status_of_500_is_enough():
    assert isinstance(refused("SomethingNew", status=503), Unavailable)


def test_an_unknown_code_stays_what_it_is():
    error = refused("SomethingNew")
    assert isinstance(error, ClientError)


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="https://x"),
        ConnectTimeoutError(endpoint_url="https://x"),
        EndpointConnectionError(endpoint_url="https://x"),
    ],
)
def test_no_answer_means_that_the_effect_is_unknown(error):
    assert "not known" in str(told(error))
    assert isinstance(told(error), Retryable)


def test_no_credentials_may_be_mended_meanwhile():
    assert isinstance(told(NoCredentialsError()), Unavailable)


def test_a_quota_is_for_a_person_to_raise():
    error = refused("ResourceLimitExceeded", "limit 'ml.g6.2xlarge for endpoint usage' is 0 Instances")
    assert isinstance(error, Final)
    assert "ml.g6.2xlarge" in str(error)
    assert "Ask AWS to raise it" in str(error)


def test_other_errors_pass():
    assert isinstance(told(KeyError("x")), KeyError)


def test_of_an_arn_the_name_stays():
    text = scrubbed(f'Role "arn:aws:iam::123456789012:role/hosting" may not use {ARN}; account 123456789012.')
    assert text == 'Role "hosting" may not use lm-test-a-abcdefgh; account ….'
