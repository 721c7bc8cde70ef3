"""Being alone with a resource, within one process; strict where a real lock would hang for ever."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from llmanager.kernel.errors import Throttled


class FakeExclusive:
    """`held` are the resources that somebody has now. Taking one twice in one thread is a bug, and told as one.

    `wait_s` is how long others wait in real time, before they are throttled.
    """

    def __init__(self, wait_s: float = 5.0) -> None:
        self.wait_s = wait_s
        self.held: dict[str, int] = {}  # resource -> thread
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def __call__(self, resource: str) -> Iterator[None]:
        assert self.held.get(resource) != threading.get_ident(), f"{resource} is taken twice"
        if not self._locks[resource].acquire(timeout=self.wait_s):
            raise Throttled("Others do not finish.")
        self.held[resource] = threading.get_ident()
        try:
            yield
        finally:
            del self.held[resource]
            self._locks[resource].release()
