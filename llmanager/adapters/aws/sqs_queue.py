"""The Queue port on SQS: a message's body is its JSON."""

import json
import math
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from llmanager.adapters.aws.errors import told, translated
from llmanager.kernel.errors import Throttled, TooLarge, Unavailable
from llmanager.kernel.queues import MAX_DELAY_S, MAX_MESSAGE_BYTES

NO_QUEUE = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})


class SQSQueue:
    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, message: Mapping[str, str], *, delay_s: float = 0.0) -> None:
        body = json.dumps(dict(message), ensure_ascii=True, separators=(",", ":"))
        if len(body) > MAX_MESSAGE_BYTES:
            raise TooLarge(f"A message has {len(body)} bytes; at most {MAX_MESSAGE_BYTES} are sent. Send less at once.")
        whole_s = min(MAX_DELAY_S, max(0, math.ceil(delay_s)))
        with translated("send a message", _of_sqs):
            self._client.send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=whole_s)


def _of_sqs(error: ClientError, what: str) -> Exception | None:
    code, _ = told(error)
    if code in NO_QUEUE:
        return Unavailable(f"AWS has no such queue to {what}. Deploy again, or look at the queue's address.")
    if code == "OverLimit":
        return Throttled(f"AWS has too much under way to {what}. Try again.", retry_after_s=2.0)
    return None
