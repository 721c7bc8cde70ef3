"""What a host asks of the place where weights come from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from llmanager.models.entities import Kind


@dataclass(frozen=True)
class WeightsFacts:
    """Known before anything is fetched, as far as it can be."""

    size_mib: int
    download_mib: int  # still to be fetched; 0 for what is on disk or made here
    context_tokens: int | None  # trained context
    kv_bytes_per_token: int | None  # f16 keys and values of all layers; None: unknown until on disk
    dimensions: int | None  # embedding length


@dataclass(frozen=True)
class Present:
    path: Path
    facts: WeightsFacts


@dataclass(frozen=True)
class Fetching:
    stage: str  # "fetching 34 % (120 of 350 MiB)", "converting"


@dataclass(frozen=True)
class Missing:
    reason: str  # what happened and what to do next, fit for users
    is_final: bool


class Weights(Protocol):
    def facts(self, model: str, kind: Kind) -> WeightsFacts:
        """Raises InvalidInput (unknown, broken, outside the allowed folder), Unavailable (the hub is not reachable)."""

    def ensure(self, model: str, kind: Kind) -> Present | Fetching | Missing:
        """Begins to fetch if need be; returns at once. Call again to see progress.

        A failed fetch stays Missing until `release`, or for 10 s (300 s where it is final): then `ensure` tries anew.
        """

    def wait(self, model: str, kind: Kind, timeout_s: float) -> Present | Fetching | Missing:
        """Like ensure, but returns early only when it is Present or Missing."""

    def release(self, model: str, kind: Kind) -> None:
        """Nobody waits for it any more: a running fetch is stopped; what was fetched stays for resuming."""
