"""The clients of AWS's services that this process uses, made once, each when it is first wanted."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmanager.adapters.aws.clients import ServiceClients


@cache
def clients() -> "ServiceClients":
    """Raises Unavailable where no region is set."""
    from llmanager.adapters.aws.clients import ServiceClients

    return ServiceClients()
