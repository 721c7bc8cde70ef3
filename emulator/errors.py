"""The refusals of the emulated services, as handlers raise them; the client turns each into botocore's ClientError."""

import hashlib
from typing import Any

Params = dict[str, Any]
SERVER_FAULTS = frozenset({"InternalFailure", "InternalServiceException", "InternalServiceFault", "ServiceUnavailable"})


class Refusal(Exception):
    """An error answer of the service: its code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def invalid(message: str) -> Refusal:
    return Refusal("ValidationException", message)


def over_limit(message: str) -> Refusal:
    return Refusal("ResourceLimitExceeded", message)


def missing(what: str, arn: str) -> Refusal:
    return invalid(f'Could not find {what} "{arn}".')


def duplicate(what: str, arn: str) -> Refusal:
    return invalid(f'Cannot create already existing {what} "{arn}".')


def response(code: str, message: str) -> Params:
    """What botocore parses from an error answer."""
    status = 500 if code in SERVER_FAULTS else 400
    metadata = {"HTTPStatusCode": status, "RequestId": "emulated", "RetryAttempts": 0, "HTTPHeaders": {}}
    return {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}


def fresh(value: Any) -> Any:
    """A copy of requests and answers that shares nothing that can change."""
    if type(value) is dict:
        return {k: fresh(v) if type(v) in CONTAINERS else v for k, v in value.items()}
    return [fresh(v) if type(v) in CONTAINERS else v for v in value]


def copied(view: Params) -> Params:
    """A stored answer, for a caller to do with as it likes."""
    answer: Params = fresh(view)
    return answer


def seal_of(request: Params) -> str:
    """Stands for a request in digests of the state."""
    return hashlib.blake2b(repr(request).encode(), digest_size=12).hexdigest()


CONTAINERS = frozenset({dict, list, tuple})
