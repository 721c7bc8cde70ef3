"""What has to be done now and then and may take long: in one thread, one after another."""

import threading
from collections.abc import Callable, Sequence

import structlog

from llmanager.kernel.errors import LLManagerError, Retryable
from llmanager.kernel.origin import origin_of

CLOSE_S = 5.0

log = structlog.get_logger()


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
                _done(chore)
            if self._closing.wait(self._every_s):
                return


def _done(chore: Callable[[], object]) -> None:
    try:
        chore()
    except Retryable as error:
        log.info("a chore is put off", why=error.code)
    except LLManagerError as error:
        log.warning("a chore needs help", why=str(error), of=getattr(error, "__notes__", []))
    except Exception as error:  # noqa: BLE001 (the outermost loop: one broken collection must not end the care for all)
        log.error("a chore failed", error=type(error).__qualname__, where=origin_of(error))
