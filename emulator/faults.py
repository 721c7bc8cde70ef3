"""Failures on order: what an explorer's gate may ask for at a call, and what an ordinary test plans for the next."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from botocore import xform_name
from botocore.exceptions import ReadTimeoutError

from emulator.errors import Refusal

# "throttle": refused without effect. "timeout after effect": done, but the caller reads a timeout. "crash after": done,
# then the caller dies. "stale": the call reads what was true `stale_s` ago.
Directive = Literal["throttle", "timeout after effect", "crash after", "stale"]
Gate = Callable[[str, str, dict[str, Any]], Directive | None]
BeforeSend = Callable[[str], object]


class Crash(BaseException):
    """The calling process dies here. Nothing catches it but the test."""


@dataclass(frozen=True, slots=True)
class Planned:
    """The next call of `operation` fails; `after_effect` says whether it was done all the same."""

    operation: str
    code: str
    message: str
    after_effect: bool

    def is_for(self, operation: str) -> bool:
        """Operations may be named as the API does (CreateEndpoint) or as boto3 does (create_endpoint)."""
        return self.operation in (operation, xform_name(operation))

    def refusal(self) -> Refusal:
        return Refusal(self.code, self.message or "Planned by the test.")


def timeout(service: str, region: str) -> ReadTimeoutError:
    return ReadTimeoutError(endpoint_url=f"https://{service}.{region}.amazonaws.com/")
