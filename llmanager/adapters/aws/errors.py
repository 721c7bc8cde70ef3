"""What AWS and the way there can answer, told as the kernel's errors. Unknown codes stay what they are."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    LoginError,
    MetadataRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as ConnectionFailed

from llmanager.kernel.errors import InvalidInput, LLManagerError, Throttled, Unavailable

THROTTLING = frozenset(
    {
        "ConcurrentModificationException",
        "ConcurrentUpdateException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
BROKEN = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "InternalServiceError",
        "InternalServiceException",
        "InternalServiceFault",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    }
)
NO_CAPACITY = frozenset({"InsufficientCapacity", "InsufficientCapacityException", "InsufficientInstanceCapacity"})
QUOTA = frozenset({"LimitExceeded", "LimitExceededException", "LimitExceededFault", "ResourceLimitExceeded"})
REFUSED_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
MISSING = frozenset({"ObjectNotFoundException", "ResourceNotFound", "ResourceNotFoundException"})
BUSY = frozenset({"ConflictException", "ResourceConflict", "ResourceInUse", "ResourceInUseException"})
INVALID = frozenset({"InvalidParameterException", "InvalidParameterValueException", "ValidationError"}) | {
    "ValidationException"
}
SAYS_MISSING = re.compile(r"could not find|does(?: not|n't) exist|no scalable \w+ (?:was )?found", re.IGNORECASE)
SAYS_THERE = re.compile(r"already exist", re.IGNORECASE)
SAYS_BUSY = re.compile(
    r"in[-_ ]progress|\b(?:status|state|while|is)\b[^.]*\b(?:Creating|Updating|Deleting|Failed|InService)\b"
    r"|inference components? (?:is|are|still)|(?:has|contains?) inference components|scalable target exists",
    re.IGNORECASE,
)
ARN = re.compile(r"arn:[\w-]+:[^\s\"',;]*?([\w.-]+)(?=[\s\"',;]|$)")
ACCOUNT = re.compile(r"\b\d{12}\b")


# On the way to credentials, before anything is asked: a sign-in that ran out, above all.
NO_CREDENTIALS = (
    CredentialRetrievalError,
    LoginError,
    MetadataRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)


class Missing(Exception):
    """AWS has nothing of that name, or does not show it yet."""


class AlreadyThere(Exception):
    """AWS has something of that name."""


class NotNow(Unavailable):
    """What is asked cannot be done in the state that the thing is in: a later call does it."""

    code = "not_now"


class QuotaReached(InvalidInput):
    """The account may not have so much at once. Only a person can change that."""

    code = "quota_reached"


class NoAnswer(Unavailable):
    """Whether it was done is not known."""


Reading = Callable[[ClientError, str], Exception | None]  # what one service's codes mean; None: not known there


@contextmanager
def translated(what: str, reading: Reading | None = None) -> Iterator[None]:
    """Around one call of AWS. `what` names the act, such as "create the endpoint". `reading` is asked first about
    what AWS refused; without one, SageMaker's codes are read.

    Raises Missing, AlreadyThere and kernel errors; what it does not know it lets pass unchanged.
    """
    try:
        yield
    except ClientError as error:
        known = (reading or _of_sagemaker)(error, what) or _of_any_service(error, what)
        if known is None:
            raise
        raise known from None  # its text names accounts and roles
    except NO_CREDENTIALS:
        raise Unavailable(
            f"There are no valid credentials of AWS to {what} with. Give this server a role, or sign in where it runs; "
            "it is tried again.",
            retry_after_s=30.0,
        ) from None
    except (HTTPClientError, ConnectionFailed, IncompleteReadError, FlexibleChecksumError):  # timeouts, broken
        # and refused connections, half an answer or another one than was sent
        raise _no_answer(what) from None


def scrubbed(text: str) -> str:
    """AWS's words without account numbers and ARNs: of an ARN the last part stays."""
    return ACCOUNT.sub("…", ARN.sub(r"\1", text)).strip()


def told(error: ClientError) -> tuple[str, str]:
    """Code and message."""
    content = error.response.get("Error", {})
    return str(content.get("Code", "")), str(content.get("Message", ""))


def _of_sagemaker(error: ClientError, what: str) -> Exception | None:
    code, message = told(error)
    if code in MISSING:
        return Missing()
    if code in BUSY:
        return _not_now(what)
    if code in INVALID:
        return _invalid(what, message)
    if code in QUOTA:
        return QuotaReached(
            f"AWS refused to {what}: a quota of the account is reached ({scrubbed(message)}). "
            "Ask AWS to raise it in Service Quotas, or choose another instance type.",
            param="instance_type",
        )
    if code in NO_CAPACITY:
        return Unavailable(
            f"AWS has no instance free to {what}. It is tried again; another instance type may be free now.",
            retry_after_s=60.0,
        )
    return None


def _invalid(what: str, message: str) -> Exception:
    """SageMaker has one code for wrong input, for what is absent and for what is busy: only the text tells."""
    if SAYS_THERE.search(message):
        return AlreadyThere()
    if SAYS_MISSING.search(message):
        return Missing()
    if SAYS_BUSY.search(message):
        return _not_now(what)
    return InvalidInput(f"AWS refused to {what}: {scrubbed(message)} Change the model's settings and try again.")


def _of_any_service(error: ClientError, what: str) -> LLManagerError | None:
    code, _ = told(error)
    if code in THROTTLING:
        return Throttled(f"AWS is asked too often and did not {what}. It is tried again.", retry_after_s=2.0)
    if code in REFUSED_CREDENTIALS:
        return refused_credentials(what)
    if code in DENIED:
        return denied(what)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return _no_answer(what) if code in BROKEN or status >= 500 else None


def _not_now(what: str) -> NotNow:
    return NotNow(f"AWS cannot {what} while it changes something there. It is tried again.", retry_after_s=5.0)


def _no_answer(what: str) -> NoAnswer:
    return NoAnswer(f"AWS gave no answer when asked to {what}; whether it was done is not known. It is tried again.")


def denied(what: str) -> Unavailable:
    return Unavailable(
        f"AWS does not allow this server to {what}. Add the permission to its role; it is tried again.",
        retry_after_s=60.0,
    )


def refused_credentials(what: str) -> Unavailable:
    return Unavailable(
        f"AWS did not accept this server's credentials when asked to {what}. Check its role, and that its clock is "
        "right; it is tried again.",
        retry_after_s=30.0,
    )
