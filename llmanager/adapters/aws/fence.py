"""Nothing is changed too late: the last look at the deadline, right before a request leaves for AWS.

Also the settings of the clients, for how long one call may take belongs to the same promise.
"""

from typing import Any, Final

from botocore.config import Config

from llmanager.kernel.clock import Clock
from llmanager.kernel.deadline import check_deadline

CLIENT_CONFIG: Final = Config(
    connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3}, tcp_keepalive=True
)
READS: Final = ("Describe", "Get", "List", "Search")


def fence(client: Any, clock: Clock) -> None:
    """From now on `client` raises TooLate instead of sending a changing request after the deadline, retries too."""

    def check(event_name: str = "", **_: object) -> None:
        if not event_name.rpartition(".")[2].startswith(READS):
            check_deadline(clock.monotonic_s())

    client.meta.events.register("before-send", check, unique_id="llmanager-fence")
