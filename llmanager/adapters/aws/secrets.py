"""Values in Secrets Manager, such as the admin key. The secrets themselves are made by infra, with no value or any."""

from typing import Any

from botocore.exceptions import ClientError

from llmanager.adapters.aws.errors import Missing, told, translated
from llmanager.kernel.errors import Unavailable


class SecretValues:
    def __init__(self, client: Any) -> None:
        self._client = client

    def read(self, name: str) -> str | None:
        """None where there is no such secret, or it has no value yet. Raises Throttled, Unavailable (denied, too)."""
        try:
            with translated("read a secret", _of_secrets):
                answer = self._client.get_secret_value(SecretId=name)
        except Missing:
            return None
        value: str | None = answer.get("SecretString")
        return value

    def put(self, name: str, value: str) -> None:
        """Replaces the value. Raises Throttled, and Unavailable: denied, or there is no such secret."""
        try:
            with translated("write a secret", _of_secrets):
                self._client.put_secret_value(SecretId=name, SecretString=value)
        except Missing:
            raise Unavailable(f"AWS has no secret {name!r} to write to. Deploy again; that makes it.") from None


def _of_secrets(error: ClientError, what: str) -> Exception | None:
    code, message = told(error)
    if code == "ResourceNotFoundException":
        return Missing()
    if code == "InvalidRequestException" and "delet" in message:
        return Unavailable(f"AWS cannot {what} that is to be deleted. Restore it or wait, then deploy again.")
    return None
