import asyncio

from llmanager.gateway.ports import Served
from llmanager.kernel.errors import Unauthenticated
from llmanager.kernel.principal import Principal

ALL = frozenset({"model:read", "model:query"})


class FakeKeyring:
    """A Keyring of "Bearer <tenant>" headers; scopes can be set per tenant."""

    def __init__(self, *tenants: str, scopes: frozenset[str] = ALL) -> None:
        self.tenants = tenants or ("acme", "rival")
        self.scopes = scopes

    async def principal(self, authorization: str | None) -> Principal:
        tenant = (authorization or "").removeprefix("Bearer ")
        if tenant not in self.tenants:
            raise Unauthenticated("No such key. Send 'Authorization: Bearer <key>'.")
        return Principal(tenant, f"key-of-{tenant}", self.scopes)


class FakeMeter:
    """Keeps the records; `recorded` is set by the first."""

    def __init__(self) -> None:
        self.records: list[Served] = []
        self.recorded = asyncio.Event()

    def served(self, record: Served) -> None:
        self.records.append(record)
        self.recorded.set()
