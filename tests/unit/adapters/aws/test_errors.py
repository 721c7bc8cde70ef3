"""What AWS answers becomes an error of ours that says what to do next, and never an account's number."""

import boto3
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    SSOTokenLoadError,
    UnauthorizedSSOTokenError,
)

from llmanager.adapters.aws.errors import (
    LONGEST_WORDS,
    AlreadyThere,
    Missing,
    NotNow,
    QuotaReached,
    scrubbed,
    translated,
)
from llmanager.adapters.aws.session import connected
from llmanager.kernel.errors import Final, InvalidInput, Retryable, Throttled, TooLarge, Unavailable
from tests.fakes.clock import FakeClock

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
        ("ServiceQuotaExceededException", "", QuotaReached),
        ("RequestEntityTooLargeException", "", TooLarge),
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


@pytest.mark.parametrize(
    ("error", "what_it_is", "next_step"),
    [
        (NoCredentialsError(), "No AWS credentials were found", "AWS_PROFILE"),
        (PartialCredentialsError(provider="env", cred_var="aws_secret_access_key"), "a part is missing", "SECRET"),
        (ProfileNotFound(profile="payroll"), "AWS_PROFILE names no profile", "list-profiles"),
        (UnauthorizedSSOTokenError(), "sign-in has run out", "aws sso login"),
        (SSOTokenLoadError(error_msg="x"), "sign-in has run out", "aws sso login"),
        (EndpointConnectionError(endpoint_url="https://sagemaker.mars-1.amazonaws.com"), "not be reached", "region"),
    ],
)
def test_what_is_missing_on_this_side_is_named_with_the_next_step(error, what_it_is, next_step):
    said = str(told(error))
    assert what_it_is in said
    assert next_step in said
    assert "create the endpoint" in said
    assert "payroll" not in said
    assert isinstance(told(error), Retryable)  # a person may mend it while the server runs


@pytest.mark.parametrize(
    ("code", "what_it_is", "next_step"),
    [
        ("ExpiredTokenException", "have expired", "aws sso login"),
        ("ExpiredToken", "have expired", "aws sso login"),
        ("RequestExpired", "wrong time", "clock"),
        ("UnrecognizedClientException", "not accepted", "access key"),
        ("InvalidClientTokenId", "not accepted", "access key"),
    ],
)
def test_refused_credentials_say_why_and_what_to_do(code, what_it_is, next_step):
    said = str(refused(code))
    assert what_it_is in said
    assert next_step in said


def test_without_a_region_that_is_said(monkeypatch):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(Unavailable, match=r"No AWS region is set.*Set AWS_REGION"), translated("read rows"):
        boto3.Session().client("dynamodb")


def test_a_profile_that_does_not_exist_is_told_at_the_start(monkeypatch):
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_PROFILE", "payroll")
    with pytest.raises(Unavailable, match="list-profiles"):
        connected("us-east-1", FakeClock())


def test_a_quota_is_for_a_person_to_raise():
    error = refused("ResourceLimitExceeded", "limit 'ml.g6.2xlarge for endpoint usage' is 0 Instances")
    assert isinstance(error, Final)
    assert "ml.g6.2xlarge" in str(error)
    assert "Ask AWS to raise it" in str(error)
    assert error.param == "instance_type"


def test_another_quota_is_not_blamed_on_the_instance_type():
    error = refused("LimitExceededException", "too many alarms")
    assert error.param is None
    assert "delete what is no longer needed" in str(error)


def test_a_request_that_is_too_large_is_told_by_its_status_too():
    assert isinstance(refused("413", status=413), TooLarge)
    assert "Send less" in str(refused("RequestTooLargeException", status=413))


def test_a_list_of_everything_that_would_be_allowed_is_cut():
    types = ", ".join(f"ml.x{i}.xlarge" for i in range(300))
    said = str(refused("ValidationException", f"Value 'ml.huge' must satisfy enum value set: [{types}]"))
    assert "ml.huge" in said
    assert len(said) < LONGEST_WORDS + 150


def test_other_errors_pass():
    assert isinstance(told(KeyError("x")), KeyError)


def test_of_an_arn_the_name_stays():
    text = scrubbed(f'Role "arn:aws:iam::123456789012:role/hosting" may not use {ARN}; account 123456789012.')
    assert text == 'Role "hosting" may not use lm-test-a-abcdefgh; account ….'
