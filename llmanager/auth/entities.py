"""An API key: what is kept of it (never the secret), and when a secret is accepted."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from llmanager.kernel.errors import InvalidInput
from llmanager.kernel.principal import SCOPES, Principal

SECRET = re.compile(r"lmk_[A-Za-z0-9_-]{43}", re.ASCII)
MAX_LIFE_S = 10 * 365 * 86_400
MAX_GRACE_S = 7 * 86_400


@dataclass(frozen=True)
class ApiKey:
    """One key of one tenant. Its id outlives rotations: usage and budgets hang on it, not on the secret."""

    id: str
    tenant: str
    name: str
    scopes: frozenset[str]
    hash: str = field(repr=False)  # sha256 of the secret, hex
    created_at: datetime
    created_by: str  # id of the key that made it; "cli" for one made on the machine itself
    expires_at: datetime | None = None  # None: never
    revoked_at: datetime | None = None
    retiring_hash: str | None = field(default=None, repr=False)  # of the secret before the last rotation
    retiring_until: datetime | None = None
    version: int = field(default=0, compare=False)

    @property
    def principal(self) -> Principal:
        return Principal(tenant=self.tenant, key_id=self.id, scopes=self.scopes)

    def is_live(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def admits(self, digest: str, now: datetime) -> bool:
        """Whether a secret with this hash is accepted now."""
        is_current = hmac.compare_digest(self.hash, digest)
        is_retiring = hmac.compare_digest(self.retiring_hash or "", digest)
        in_grace = self.retiring_until is not None and now < self.retiring_until
        return self.is_live(now) and (is_current or (is_retiring and in_grace))

    def rotated(self, new_hash: str, retiring_until: datetime | None) -> "ApiKey":
        """With another secret. The one before lives until `retiring_until`; None: it dies now."""
        retiring_hash = None if retiring_until is None else self.hash
        return replace(self, hash=new_hash, retiring_hash=retiring_hash, retiring_until=retiring_until)


@dataclass(frozen=True)
class NewKey:
    """A key together with its secret: exists once, in the answer to whoever made it."""

    key: ApiKey
    secret: str = field(repr=False)


def random_secret() -> str:
    """'lmk_' and 43 url-safe characters: 256 bits."""
    return f"lmk_{secrets.token_urlsafe(32)}"


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def checked_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """The scopes, with 'vdb:*' standing for every one of its kind. Raises InvalidInput for an unknown or no scope."""
    found: set[str] = set()
    for scope in scopes:
        members = {known for known in SCOPES if scope == known or (":" in known and scope == _star_of(known))}
        if not members:
            raise InvalidInput(
                f"'scopes' names one that does not exist. Choose from {', '.join(sorted(SCOPES))}.", param="scopes"
            )
        found |= members
    if not found:
        raise InvalidInput("'scopes' is empty: such a key could do nothing. Name at least one.", param="scopes")
    return frozenset(found)


def _star_of(scope: str) -> str:
    return f"{scope.partition(':')[0]}:*"
