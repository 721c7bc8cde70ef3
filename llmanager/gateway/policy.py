"""The limits of the data path, and when a request may be sent a second time. Pure."""

from dataclasses import dataclass

from llmanager.gateway.errors import UpstreamBusy, UpstreamUnreached
from llmanager.kernel.errors import LLManagerError


@dataclass(frozen=True)
class Limits:
    max_body_bytes: int = 10 * 2**20
    max_chat_body_bytes: int = 2_000_000
    body_s: float = 30.0  # for the client to send its request
    first_byte_s: float = 60.0  # streams: from the request's sending to the first whole event
    gap_s: float = 30.0  # streams: between two whole events
    total_s: float = 600.0  # from the request's sending to the answer's end; a whole answer has no other limit
    hold_silent_s: float = 20.0  # a held stream gets its 200 after that
    wake_timeout_s: float = 120.0
    max_waiters: int = 256  # held requests of one model
    heartbeat_s: float = 10.0  # an open stream is never silent for longer
    max_event_bytes: int = 1_000_000
    max_response_bytes: int = 64_000_000
    max_retries: int = 2
    retry_ratio: float = 0.1  # retries per request in the long run
    retry_burst: float = 10.0


def is_worth_another_try(failure: LLManagerError, retries: int, limits: Limits) -> bool:
    """Only where no server worked on the request.

    One that broke after it was sent is not repeated: a request that kills its engine must not visit every replica.
    """
    return isinstance(failure, UpstreamUnreached | UpstreamBusy) and retries < limits.max_retries


class RetryBudget:
    """A token bucket that requests fill and retries empty: a storm of failures adds at most `ratio` of load."""

    def __init__(self, ratio: float, burst: float) -> None:
        self._ratio = ratio
        self._burst = burst
        self._tokens = burst

    def earn(self) -> None:
        self._tokens = min(self._burst, self._tokens + self._ratio)

    def spend(self) -> bool:
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
