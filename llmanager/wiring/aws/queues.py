"""The queue of models to look at: whoever writes a model's row pokes it, the reconciler reads it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog

from llmanager.kernel.errors import InvalidInput, LLManagerError
from llmanager.models.rows import Key
from llmanager.wiring.aws.clients import clients

log = structlog.get_logger()


class Queue(Protocol):
    def send(self, text: str, *, delay_s: float = 0.0) -> None:
        """Raises what is Retryable."""


@dataclass(frozen=True)
class Wish:
    """To look at a model, and again and again until `until` (None: for the next minute); what is later is a round's."""

    key: Key
    until: datetime | None = None

    @property
    def text(self) -> str:
        tenant, name = self.key
        until = {} if self.until is None else {"until": int(self.until.timestamp())}
        return json.dumps({"tenant": tenant, "name": name, **until})

    @classmethod
    def of(cls, text: str) -> "Wish":
        """Raises InvalidInput for what is no wish."""
        try:
            found: Any = json.loads(text)
            key, until = (found["tenant"], found["name"]), found.get("until")
            is_known = all(isinstance(part, str) for part in key) and isinstance(until, int | None)
        except (ValueError, TypeError, KeyError, AttributeError):
            is_known = False
        if not is_known:
            raise InvalidInput('The message is not {"tenant": "…", "name": "…"}. Remove it from the queue.')
        return cls(key, None if until is None else datetime.fromtimestamp(until, UTC))


def poking(queue: Queue) -> Callable[[Key], None]:
    """`Registry.changed`. Never raises an error of ours: the row is written, and the next round looks at it anyway."""

    def poke(key: Key) -> None:
        try:
            queue.send(Wish(key).text)
        except LLManagerError as error:
            log.warning("the reconciler could not be told; its next round looks", model=key[1], why=str(error))

    return poke


def queue_at(url: str) -> Queue:
    from llmanager.adapters.aws.sqs_queue import SQSQueue

    return SQSQueue(clients().sqs, url)
