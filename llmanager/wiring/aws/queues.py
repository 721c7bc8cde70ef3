"""The queue of models to look at: whoever writes a model's row pokes it, the reconciler reads it."""

import json
from collections.abc import Callable

import structlog

from llmanager.kernel.errors import LLManagerError
from llmanager.models.rows import Key

Send = Callable[[str], object]  # raises what is Retryable of the queue

log = structlog.get_logger()


def text_of(key: Key) -> str:
    tenant, name = key
    return json.dumps({"tenant": tenant, "name": name})


def poking(send: Send) -> Callable[[Key], None]:
    """`Registry.changed`. Never raises an error of ours: the row is written, and the next round looks at it anyway."""

    def poke(key: Key) -> None:
        try:
            send(text_of(key))
        except LLManagerError as error:
            log.warning("the reconciler could not be told; its next round looks", model=key[1], why=str(error))

    return poke
