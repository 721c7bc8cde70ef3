"""One secret of Secrets Manager, as plain text."""

from typing import Any

from llmanager.adapters.aws.errors import Missing, translated
from llmanager.kernel.errors import InvalidInput


class SecretsManagerVault:
    """A Vault. The secret itself is the stack's: here it is read and given a value, never made."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    def read(self) -> str | None:
        try:
            with translated("read a secret"):
                return str(self._client.get_secret_value(SecretId=self._name).get("SecretString", "")) or None
        except Missing:
            return None  # not there, or without a value: writing tells them apart

    def write(self, secret: str) -> None:
        try:
            with translated("write a secret"):
                self._client.put_secret_value(SecretId=self._name, SecretString=secret)
        except Missing:
            raise InvalidInput("The secret of this installation is not there. Deploy it again.") from None
