"""What keys need from the outside: a place that keeps one secret for whoever may read it there."""

from typing import Protocol


class Vault(Protocol):
    """Either may raise Throttled or Unavailable; writing does where the place itself is not there."""

    def read(self) -> str | None:
        """The secret, or None where none was written yet."""

    def write(self, secret: str) -> None:
        """From now on it is this one. Answered, it is read by whoever reads."""
