"""The queue of models to look at: whoever writes a model's row pokes it, the reconciler reads it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from llmanager.kernel.errors import InvalidInput, LLManagerError
from llmanager.kernel.queues import Queue
from llmanager.models.rows import Key
from llmanager.wiring.aws.clients import clients

log = structlog.get_logger()


@dataclass(frozen=True)
class Wish:
    """To look at a model, and again and again until `until` (None: for the next minute); what is later is a round's."""

    key: Key
    until: datetime | None = None

    @property
    def message(self) -> Mapping[str, str]:
        tenant, name = self.key
        until = {} if self.until is None else {"until": self.until.isoformat()}
        return {"tenant": tenant, "name": name, **until}

    @classmethod
    def of(cls, body: str) -> "Wish":
        """Raises InvalidInput for what is no wish."""
        try:
            message: Any = json.loads(body)
            key, until = (message["tenant"], message["name"]), message.get("until")
            found = cls(key, None if until is None else datetime.fromisoformat(until))
        except (ValueError, TypeError, KeyError, AttributeError):
            found = None
        if found is None or not all(isinstance(part, str) for part in found.key):
            raise InvalidInput('The message is not {"tenant": "…", "name": "…"}. Remove it from the queue.')
        return found


def poking(queue: Queue) -> Callable[[Key], None]:
    """`Registry.changed`. Never raises an error of ours: the row is written, and the next round looks at it anyway."""

    def poke(key: Key) -> None:
        try:
            queue.send(Wish(key).message)
        except LLManagerError as error:
            log.warning("the reconciler could not be told; its next round looks", model=key[1], why=str(error))

    return poke


def queue_at(url: str) -> Queue:
    from llmanager.adapters.aws.sqs_queue import SQSQueue

    return SQSQueue(clients().sqs, url)
