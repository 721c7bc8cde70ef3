"""What has to be done now and then and may take long: in one thread, one after another."""

import threading
from collections.abc import Callable, Sequence

from llmanager.wiring.serving.guarded import guarded

CLOSE_S = 5.0


class Chores:
    """Each of `chores` every `every_s`; one that fails holds up no other, and is tried again the next time."""

    def __init__(self, chores: Sequence[Callable[[], object]], every_s: float) -> None:
        self._chores, self._every_s = chores, every_s
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chores", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Waits a moment for one that is being done. If it takes longer, it is left where it is, as by a crash."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_S)

    def _run(self) -> None:
        while True:
            for chore in self._chores:
                if self._closing.is_set():
                    return
                guarded(chore)
            if self._closing.wait(self._every_s):
                return
