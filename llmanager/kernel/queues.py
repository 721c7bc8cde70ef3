"""The Queue port: short messages to another function, which says only where to look.

Adapters pass tests/contracts/test_queue.py.
"""

from collections.abc import Mapping
from typing import Final, Protocol

MAX_DELAY_S: Final = 900
MAX_MESSAGE_BYTES: Final = 256 * 1024  # as JSON


class Queue(Protocol):
    """Each message arrives at least once, in any order: so it names a thing to look at, and never carries its state."""

    def send(self, message: Mapping[str, str], *, delay_s: float = 0.0) -> None:
        """To arrive in `delay_s` seconds, or after MAX_DELAY_S if that is sooner: who comes early looks again.

        Raises TooLarge, and Throttled or Unavailable: whether it was sent is not known then, and it may be sent again.
        """
