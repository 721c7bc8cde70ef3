"""The admin key, asked for by who deploys."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from llmanager.auth.errors import AdminKeyInTheMaking
from llmanager.auth.ports import Vault
from llmanager.auth.usecases.ensure import ensure_admin_key
from llmanager.kernel.ids import random_id
from llmanager.wiring.aws.clients import clients
from llmanager.wiring.aws.house import House
from llmanager.wiring.aws.settings import there

if TYPE_CHECKING:
    from llmanager.adapters.aws.secrets import SecretValues

TENANT = "main"
TRIES = 10


class SecretVault:
    """The Vault that is one secret of Secrets Manager."""

    def __init__(self, values: "SecretValues", name: str) -> None:
        self._values, self._name = values, name

    def read(self) -> str | None:
        return self._values.read(self._name)

    def write(self, secret: str) -> None:
        self._values.put(self._name, secret)


def vault_of(house: House) -> Vault:
    """Raises SettingsError."""
    from llmanager.adapters.aws.secrets import SecretValues

    return SecretVault(SecretValues(clients().secrets), there(house.settings.admin_secret, "LLMANAGER_ADMIN_SECRET"))


def admin_key(house: House, vault: Vault, pause: Callable[[float], None] = time.sleep) -> dict[str, str]:
    """Of the key: never its secret, which is in the vault. Raises what is Retryable of both."""
    for attempt in range(TRIES):
        try:
            key = ensure_admin_key(house.tables("auth"), vault, tenant=TENANT, now=house.clock.now(), new_id=random_id)
        except AdminKeyInTheMaking as error:
            if attempt == TRIES - 1:
                raise
            pause(error.retry_after_s)
        else:
            return {"tenant": key.tenant, "key_id": key.id}
    raise AdminKeyInTheMaking
