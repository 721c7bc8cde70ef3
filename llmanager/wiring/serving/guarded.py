"""One chore of several, so that its failure holds up no other."""

from collections.abc import Callable

import structlog

from llmanager.kernel.errors import LLManagerError, Retryable
from llmanager.kernel.origin import origin_of

log = structlog.get_logger()


def guarded(chore: Callable[[], object]) -> bool:
    """Whether it was done. What kept it from that is in the log; it is tried again the next time."""
    try:
        chore()
    except Retryable as error:
        log.info("a chore is put off", why=error.code)
    except LLManagerError as error:
        log.warning("a chore needs help", why=str(error), of=getattr(error, "__notes__", []))
    except Exception as error:  # noqa: BLE001 (the outermost loop: one broken collection must not end the care for all)
        log.error("a chore failed", error=type(error).__qualname__, where=origin_of(error))
    else:
        return True
    return False
