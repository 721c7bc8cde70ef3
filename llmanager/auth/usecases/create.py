from collections.abc import Iterable
from datetime import datetime, timedelta

from llmanager.auth.entities import MAX_LIFE_S, ApiKey, NewKey, checked_scopes, hash_of, random_secret
from llmanager.auth.errors import ScopeNotHeld
from llmanager.auth.rows import key_row, pointer
from llmanager.kernel.errors import InvalidInput
from llmanager.kernel.ids import NewId, checked_name, time_ordered_id
from llmanager.kernel.principal import Principal
from llmanager.kernel.table import Put, Table


def create_key(
    table: Table,
    *,
    caller: Principal,
    name: str,
    scopes: Iterable[str],
    expires_in_s: int | None,
    now: datetime,
    new_id: NewId,
) -> NewKey:
    """A key of the caller's tenant with at most their own scopes. Raises InvalidInput, ScopeNotHeld."""
    wanted = checked_scopes(scopes)
    if not wanted <= caller.scopes:
        raise ScopeNotHeld(wanted - caller.scopes)
    if expires_in_s is not None and not 1 <= expires_in_s <= MAX_LIFE_S:
        raise InvalidInput(f"'expires_in_s' must be 1 to {MAX_LIFE_S}, or absent for no end.", param="expires_in_s")
    secret = random_secret()
    key = ApiKey(
        id=time_ordered_id(now, new_id),
        tenant=checked_name(caller.tenant, param="tenant"),
        name=checked_name(name),
        scopes=wanted,
        hash=hash_of(secret),
        created_at=now,
        created_by=caller.key_id,
        expires_at=None if expires_in_s is None else now + timedelta(seconds=expires_in_s),
    )
    table.transact([Put(key_row(key), "absent"), pointer(key, key.hash, expect="absent")])
    return NewKey(key, secret)
