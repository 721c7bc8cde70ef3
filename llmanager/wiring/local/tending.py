"""Behind the writers: compacts segments and indexes of collections that changed, one at a time, in one thread."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import LLManagerError

EVERY_WRITES = 50
IDLE_S = 2.0  # nothing was written for that long: a good moment
LOOK_EVERY_S = 1.0
CLOSE_S = 30.0

log = structlog.get_logger()


@dataclass
class _Changes:
    writes: int = 0
    last_at_s: float = 0.0


class Tending:
    """`tend` is called with a resource after EVERY_WRITES changes, or fewer when it has been left alone a while."""

    def __init__(self, tend: Callable[[str], None], clock: Clock, look_every_s: float = LOOK_EVERY_S) -> None:
        self._tend, self._clock, self._look_every_s = tend, clock, look_every_s
        self._changes: dict[str, _Changes] = {}
        self._guard = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tending", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_S)

    def changed(self, resource: str) -> None:
        """From any thread, after a write."""
        with self._guard:
            changes = self._changes.setdefault(resource, _Changes())
            changes.writes += 1
            changes.last_at_s = self._clock.monotonic_s()

    def due(self) -> list[str]:
        """Those whose turn it is; their count begins again."""
        now_s = self._clock.monotonic_s()
        with self._guard:
            due = [
                resource
                for resource, changes in self._changes.items()
                if changes.writes >= EVERY_WRITES or now_s - changes.last_at_s >= IDLE_S
            ]
            for resource in due:
                del self._changes[resource]
        return due

    def tend_due(self) -> None:
        for resource in self.due():
            try:
                self._tend(resource)
            except LLManagerError as error:  # it is tried again after the next writes; nothing depends on it
                log.info("tending put off", resource=resource, why=str(error))

    def _run(self) -> None:
        while not self._closing.wait(self._look_every_s):
            try:
                self.tend_due()
            except Exception:  # the outermost loop: one bad index must not end the tending of all
                log.exception("tending failed")
