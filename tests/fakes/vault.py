"""A Vault in memory. `before_write` runs once, just before the next write; raise there and nothing was written."""

from collections.abc import Callable


class FakeVault:
    def __init__(self, secret: str | None = None) -> None:
        self.secret = secret
        self.before_write: Callable[[], None] | None = None

    def read(self) -> str | None:
        return self.secret

    def write(self, secret: str) -> None:
        act, self.before_write = self.before_write, None
        if act is not None:
            act()
        self.secret = secret
