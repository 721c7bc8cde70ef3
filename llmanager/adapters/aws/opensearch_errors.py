"""What an OpenSearch and the way to it can answer, told as the kernel's errors. Unknown answers stay what they are."""

from typing import Any, Final

from llmanager.kernel.errors import LLManagerError, OutOfSpace, Throttled, Unavailable
from llmanager.vdb.errors import WriteTooLarge

BUSY: Final = 429
FORBIDDEN: Final = frozenset({401, 403})
WORTH_REPEATING: Final = frozenset({BUSY, 500, 502, 503, 504})


class Refused(Exception):
    """An answer that nothing here expects: a bug of ours, or an OpenSearch that is not what we took it for."""

    def __init__(self, what: str, status: int, type_: str, reason: str) -> None:
        super().__init__(f"OpenSearch refused to {what}: {status} {type_}: {reason}")
        self.status = status


def error_of(status: int, answer: Any, what: str) -> Exception:
    """`answer`: the body, decoded; None where it is no JSON. `what` names the act, such as "search"."""
    type_, reason = told(answer)
    return known(status, type_, reason, what) or Refused(what, status, type_, reason)


def told(answer: Any) -> tuple[str, str]:
    """The type and the reason of an error."""
    error = answer.get("error") if isinstance(answer, dict) else answer
    if isinstance(error, dict):
        return str(error.get("type", "")), str(error.get("reason", ""))
    return "", str(error or "")


def known(status: int, type_: str, reason: str, what: str) -> LLManagerError | None:
    if type_ == "cluster_block_exception" and "read-only" in reason:
        return OutOfSpace(
            "OpenSearch takes no more writes because its disk is nearly full. Delete what is not needed, or give it "
            "more room.",
            retry_after_s=60.0,
        )
    if status in FORBIDDEN:
        return Unavailable(
            f"OpenSearch does not allow this server to {what}. Add its role to the collection's data access policy, or "
            "to the domain's; it is tried again.",
            retry_after_s=30.0,
        )
    if status == 413:
        return WriteTooLarge("OpenSearch does not take so much at once. Send fewer or smaller items.")
    if status == BUSY:
        return Throttled(f"OpenSearch has too much to do and did not {what}. Try again.", retry_after_s=2.0)
    if status >= 500:
        return no_answer(what)
    return None


def no_answer(what: str) -> Unavailable:
    return Unavailable(
        f"OpenSearch gave no answer when asked to {what}. A collection that nobody used for a while needs up to half a "
        "minute to wake. Try again.",
        retry_after_s=5.0,
    )
