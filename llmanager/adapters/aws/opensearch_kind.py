"""The three kinds of OpenSearch that an index may live in, and what each can do."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    SERVERLESS = "serverless"  # a NextGen collection: no refresh, no engine to choose, asleep after ten idle minutes
    DOMAIN = "domain"  # a provisioned domain of Amazon OpenSearch Service
    OPEN = "open"  # any OpenSearch 2.13 or newer, asked without a signature

    @property
    def can_refresh(self) -> bool:
        return self is not Kind.SERVERLESS


SIGNED_AS: Final = {Kind.SERVERLESS: "aoss", Kind.DOMAIN: "es"}


@dataclass(frozen=True)
class Patience:
    """How long one call may take, all its attempts together, and how long a write waits to be seen by searches."""

    call_s: float = 60.0  # a collection that slept answers its first request after 10 to 30 s
    connect_s: float = 3.0
    read_s: float = 30.0
    visible_s: float = 45.0  # serverless refreshes every 10 s
    refused_s: float = 20.0  # of a 403: while a collection wakes up, or its policies are new, it may yet pass
