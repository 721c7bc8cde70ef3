"""Every Queue there is, each with a way to take what has arrived. A new adapter adds its line."""

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from llmanager.adapters.aws.sqs_queue import SQSQueue
from llmanager.kernel.queues import Queue
from tests import aws
from tests.fakes.queue import FakeQueue

Arrived = Callable[[], list[dict[str, str]]]  # what is there now, without waiting

_names = (f"queue-{n}" for n in itertools.count())


@contextmanager
def fake() -> Iterator[tuple[Queue, Arrived]]:
    queue = FakeQueue()
    yield queue, lambda: [message for message, delay_s in queue.sent if delay_s == 0]


@contextmanager
def sqs_moto() -> Iterator[tuple[Queue, Arrived]]:
    with aws.moto() as clients:
        yield _sqs(clients.sqs)


@contextmanager
def sqs_ministack() -> Iterator[tuple[Queue, Arrived]]:
    with aws.ministack() as clients:
        yield _sqs(clients.sqs)


def _sqs(client: Any) -> tuple[Queue, Arrived]:
    url = client.create_queue(QueueName=next(_names))["QueueUrl"]

    def arrived() -> list[dict[str, str]]:
        messages = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]

    return SQSQueue(client, url), arrived


ADAPTERS: dict[str, Callable[[], AbstractContextManager[tuple[Queue, Arrived]]]] = {
    "fake": fake,
    "sqs-moto": sqs_moto,
    "sqs-ministack": sqs_ministack,
}
