"""What DynamoDB refuses, and what is worth another try at once."""

import random
import re
from collections.abc import Callable
from typing import Final, TypeVar

from botocore.exceptions import ClientError

from llmanager.adapters.aws.dynamodb_items import row_of
from llmanager.adapters.aws.errors import THROTTLING, NoAnswer, told
from llmanager.kernel.errors import OutOfSpace, Throttled, TooLarge, Unavailable
from llmanager.kernel.table import Row
from llmanager.kernel.table_rules import conflict

TRIES: Final = 4
PAUSE_S: Final = 0.05  # before the second try, on average; before each further one twice as long
SAYS_SIZE: Final = re.compile(r"\bsize\b.*\bexceed|\bexceed\w*\b.*\bsize\b", re.IGNORECASE | re.DOTALL)

T = TypeVar("T")


class ConditionFailed(Exception):
    """Of one write; with the row that stood there, also if it has expired, where it was asked for."""

    def __init__(self, row: Row | None) -> None:
        super().__init__()
        self.row = row


def of_dynamodb(error: ClientError, what: str) -> Exception | None:
    code, message = told(error)
    match code:
        case "ConditionalCheckFailedException":
            item = error.response.get("Item")
            return ConditionFailed(row_of(item) if item else None)
        case "TransactionCanceledException":
            return _cancelled(error)
        case "ValidationException" if SAYS_SIZE.search(message):
            return _too_large()
        case "ItemCollectionSizeLimitExceededException":
            return OutOfSpace("What belongs together here is over DynamoDB's limit, so nothing was written. Delete.")
        case "ResourceNotFoundException":
            return Unavailable(f"AWS has no such table to {what}. Deploy again, or look at LLMANAGER_TABLES.")
    return None


def _cancelled(error: ClientError) -> Exception | None:
    """A transaction tells for each action what was wrong with it, if anything."""
    reasons = error.response.get("CancellationReasons", [])
    codes = {reason.get("Code") for reason in reasons}
    if "ConditionalCheckFailed" in codes:
        return conflict()
    if codes & THROTTLING:
        return busy()
    if any(SAYS_SIZE.search(reason.get("Message") or "") for reason in reasons):
        return _too_large()
    return None


def tried(act: Callable[[bool], T], pause: Callable[[float], None]) -> T:
    """What `act` returns. It is called again after Throttled and NoAnswer, and given whether an earlier call may have
    taken effect. Raises what it raises: Throttled and Unavailable after the last try.
    """
    unanswered = False
    for number in range(TRIES):
        if number:
            pause(PAUSE_S * 2 ** (number - 1) * random.uniform(0.5, 1.5))
        try:
            return act(unanswered)
        except NoAnswer:
            unanswered = True
        except Throttled:
            pass
    raise no_answer() if unanswered else busy()


def no_answer() -> Unavailable:
    return Unavailable(
        "The table did not answer; whether this was done is not known. Read it again before you repeat the change."
    )


def busy() -> Throttled:
    return Throttled("Too many change or read this at once, so nothing was done. Try again.")


def _too_large() -> TooLarge:
    return TooLarge("This has more bytes than DynamoDB keeps in one item or transaction. Send less at once.")
