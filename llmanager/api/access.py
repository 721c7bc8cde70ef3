"""Who may call a route: each route names its scope as a dependency; no path is ever matched to decide that."""

from typing import Any

from fastapi import Depends, Request

from llmanager.gateway.ports import Keyring
from llmanager.kernel.principal import Principal


def requires(keyring: Keyring, scope: str) -> Any:
    """As a route's default argument: `caller: Principal = requires(keyring, "history:read")`."""

    async def dependency(request: Request) -> Principal:
        principal = await keyring.principal(request.headers.get("authorization"))
        principal.require(scope)
        return principal

    return Depends(dependency)
