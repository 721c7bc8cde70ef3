"""A boto3 client in front of another one, which counts, refuses, and loses answers."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError


class FaultyClient:
    """`calls` counts what left by operation. `refuses` are raised one by one instead of calls; None lets one pass.
    `loses` answers: so many next calls take effect and end in a timeout. `after` runs once, right after the next call.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self.calls: Counter[str] = Counter()
        self.refuses: list[Exception | None] = []
        self.loses = 0
        self.after: Callable[[], None] | None = None

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._client, name)
        if not callable(operation):
            return operation

        def call(**request: Any) -> Any:
            self.calls[name] += 1
            refused = self.refuses.pop(0) if self.refuses else None
            if refused is not None:
                raise refused
            answer = operation(**request)
            after, self.after = self.after, None
            if after is not None:
                after()
            if self.loses:
                self.loses -= 1
                raise ReadTimeoutError(endpoint_url="https://aws")
            return answer

        return call


def refusal(code: str, message: str = "no", *, status: int = 400, **more: Any) -> ClientError:
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}, **more}
    return ClientError(response, "AnyOperation")
