"""How long the logs of models are kept. SageMaker makes a log group for each by itself, without an end and for good."""

from collections.abc import Iterator
from typing import Any, Final

from botocore.exceptions import ClientError

from llmanager.adapters.aws.errors import Missing, told, translated
from llmanager.kernel.errors import Unavailable

FAMILIES: Final = ("/aws/sagemaker/Endpoints/", "/aws/sagemaker/InferenceComponents/")
KEPT_DAYS: Final = 30  # as those of functions


class ModelLogs:
    """Of one stage. The groups stay when their models go, and cost nothing once what they held has expired."""

    def __init__(self, client: Any, stage: str) -> None:
        self._client, self._stage = client, stage

    def limit(self) -> int:
        """How many groups were without an end. Repeating asks for what is there, and changes nothing.

        Raises Throttled and Unavailable (denied, too).
        """
        endless = [name for family in FAMILIES for name in self._endless(f"{family}lm-{self._stage}-")]
        return sum(self._limited(name) for name in endless)

    def _endless(self, prefix: str) -> Iterator[str]:
        token: dict[str, str] = {}
        while True:
            with translated("list log groups", _of_logs):
                page = self._client.describe_log_groups(logGroupNamePrefix=prefix, **token)
            yield from (group["logGroupName"] for group in page["logGroups"] if "retentionInDays" not in group)
            if not page.get("nextToken"):
                return
            token = {"nextToken": page["nextToken"]}

    def _limited(self, name: str) -> bool:
        try:
            with translated("limit how long logs are kept", _of_logs):
                self._client.put_retention_policy(logGroupName=name, retentionInDays=KEPT_DAYS)
        except Missing:
            return False
        return True


def _of_logs(error: ClientError, what: str) -> Exception | None:
    code, _ = told(error)
    if code == "ResourceNotFoundException":
        return Missing()
    if code == "OperationAbortedException":
        return Unavailable(f"AWS could not {what}: somebody else changes that just now. It is tried again.")
    return None
