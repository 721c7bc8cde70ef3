"""What AWS and the way there can answer, told as the kernel's errors. Unknown codes stay what they are."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    ProxyConnectionError,
)
from botocore.exceptions import ConnectionError as ConnectionFailed

from llmanager.adapters.aws.credential_errors import (
    NO_SIGN_IN,
    NOT_CONFIGURED,
    REFUSED_CREDENTIALS,
    no_sign_in,
    not_configured,
    refused_credentials,
)
from llmanager.kernel.errors import InvalidInput, LLManagerError, Throttled, TooLarge, Unavailable

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
INSTANCE_QUOTA = frozenset({"ResourceLimitExceeded"})  # SageMaker's: so many instances of a type
QUOTA = frozenset({"LimitExceeded", "LimitExceededException", "LimitExceededFault", "ServiceQuotaExceededException"})
TOO_LARGE = frozenset(
    {
        "PayloadTooLargeException",
        "RequestEntityTooLargeException",
        "RequestSizeTooLargeException",
        "RequestTooLargeException",
    }
)
NOT_REACHED = (EndpointConnectionError, ProxyConnectionError)
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
LONGEST_WORDS = 400  # characters of AWS's own text: a refused instance type comes with the list of all there are


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
    except NOT_CONFIGURED as error:
        raise not_configured(error, what) from None
    except NO_SIGN_IN:
        raise no_sign_in(what) from None
    except NOT_REACHED:
        raise _not_reached(what) from None
    except (HTTPClientError, ConnectionFailed, IncompleteReadError, FlexibleChecksumError):  # timeouts, broken
        # and refused connections, half an answer or another one than was sent
        raise _no_answer(what) from None


def scrubbed(text: str) -> str:
    """AWS's words without account numbers and ARNs: of an ARN the last part stays. Long ones are cut."""
    told = ACCOUNT.sub("…", ARN.sub(r"\1", text)).strip()
    return told if len(told) <= LONGEST_WORDS else f"{told[:LONGEST_WORDS]}…"


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
    if code in INSTANCE_QUOTA | QUOTA:
        return _quota(what, message, is_of_instances=code in INSTANCE_QUOTA)
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


def _quota(what: str, message: str, *, is_of_instances: bool) -> QuotaReached:
    otherwise = "choose another instance type" if is_of_instances else "delete what is no longer needed"
    return QuotaReached(
        f"AWS refused to {what}: a quota of the account is reached ({scrubbed(message)}). "
        f"Ask AWS to raise it in Service Quotas, or {otherwise}.",
        param="instance_type" if is_of_instances else None,
    )


def _of_any_service(error: ClientError, what: str) -> LLManagerError | None:
    code, _ = told(error)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in THROTTLING:
        return Throttled(f"AWS is asked too often and did not {what}. It is tried again.", retry_after_s=2.0)
    if code in REFUSED_CREDENTIALS:
        return refused_credentials(what, code)
    if code in DENIED:
        return denied(what)
    if code in TOO_LARGE or status == 413:
        return TooLarge(f"AWS takes no request of this size to {what}. Send less, or in several requests.")
    return _no_answer(what) if code in BROKEN or status >= 500 else None


def _not_now(what: str) -> NotNow:
    return NotNow(f"AWS cannot {what} while it changes something there. It is tried again.", retry_after_s=5.0)


def _no_answer(what: str) -> NoAnswer:
    return NoAnswer(f"AWS gave no answer when asked to {what}; whether it was done is not known. It is tried again.")


def _not_reached(what: str) -> NoAnswer:
    return NoAnswer(
        f"AWS could not be reached to {what}; whether an earlier try did it is not known. Check this server's network "
        "and the name of its region; it is tried again.",
        retry_after_s=5.0,
    )


def denied(what: str) -> Unavailable:
    return Unavailable(
        f"AWS does not allow this server to {what}. Add the permission to its role; it is tried again.",
        retry_after_s=60.0,
    )
