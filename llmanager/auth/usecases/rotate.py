from datetime import datetime, timedelta

from llmanager.auth.entities import MAX_GRACE_S, NewKey, hash_of, random_secret
from llmanager.auth.errors import KeyChanged, KeyNotLive, ScopeNotHeld
from llmanager.auth.rows import key_row, no_pointer, pointer
from llmanager.auth.usecases.find import find_key
from llmanager.kernel.errors import Conflict, InvalidInput
from llmanager.kernel.principal import Principal
from llmanager.kernel.table import Action, Put, Table


def rotate_key(table: Table, *, caller: Principal, key_id: str, grace_s: int = 0, now: datetime) -> NewKey:
    """A new secret for the same key; the old one works for `grace_s` more, and one still retiring dies at once.

    Whoever rotates learns the secret, so must hold every scope of the key.
    Raises InvalidInput, KeyNotFound, ScopeNotHeld, KeyNotLive, KeyChanged.
    """
    if not 0 <= grace_s <= MAX_GRACE_S:
        raise InvalidInput(f"'grace_s' must be 0 to {MAX_GRACE_S}.", param="grace_s")
    old = find_key(table, tenant=caller.tenant, key_id=key_id)
    if not old.scopes <= caller.scopes:
        raise ScopeNotHeld(old.scopes - caller.scopes)
    if not old.is_live(now):
        raise KeyNotLive
    secret = random_secret()
    retiring_until = now + timedelta(seconds=grace_s) if grace_s else None
    new = old.rotated(hash_of(secret), retiring_until)
    actions: list[Action] = [Put(key_row(new), old.version), pointer(new, new.hash, expect="absent")]
    actions.append(pointer(old, old.hash, until=retiring_until) if retiring_until else no_pointer(old.hash))
    if old.retiring_hash:
        actions.append(no_pointer(old.retiring_hash))
    try:
        table.transact(actions)
    except Conflict as conflict:
        raise KeyChanged from conflict
    return NewKey(new, secret)
