"""A Queue in a list, which can be down."""

from collections.abc import Mapping

from llmanager.kernel.errors import LLManagerError, TooLarge
from llmanager.kernel.queues import MAX_DELAY_S, MAX_MESSAGE_BYTES


class FakeQueue:
    """Passes tests/contracts/test_queue.py. `sent` holds each message with its delay; `down` makes every send raise."""

    def __init__(self) -> None:
        self.sent: list[tuple[dict[str, str], float]] = []
        self.down: LLManagerError | None = None

    def send(self, message: Mapping[str, str], *, delay_s: float = 0.0) -> None:
        if self.down is not None:
            raise self.down
        if sum(map(len, (*message, *message.values()))) > MAX_MESSAGE_BYTES:
            raise TooLarge("This is too large for a message.")
        self.sent.append((dict(message), min(MAX_DELAY_S, max(0.0, delay_s))))
