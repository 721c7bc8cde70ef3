"""Waiting for what a host says by `on_change`, without sleeping."""

import threading
import time
from collections.abc import Callable


class Changes:
    """An `on_change` that remembers. `until` looks again only when it is called: an unannounced change fails."""

    def __init__(self) -> None:
        self.resources: list[str] = []
        self._called = threading.Condition()

    def __call__(self, resource: str) -> None:
        with self._called:
            self.resources.append(resource)
            self._called.notify_all()

    def until(self, is_so: Callable[[], bool], timeout_s: float = 10.0) -> None:
        deadline = time.monotonic() + timeout_s
        while True:
            before = len(self.resources)
            if is_so():
                return
            with self._called:
                was_called = self._called.wait_for(
                    lambda before=before: len(self.resources) > before, deadline - time.monotonic()
                )
            assert was_called, "nothing changed in time"
