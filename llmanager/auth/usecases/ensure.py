"""The first key of an installation that nobody can type a command on: made once, kept in a vault."""

from contextlib import suppress
from datetime import datetime, timedelta

from llmanager.auth.entities import ApiKey, hash_of
from llmanager.auth.errors import AdminKeyInTheMaking
from llmanager.auth.ports import Vault
from llmanager.auth.rows import key_partition, making_row, to_key
from llmanager.auth.usecases.create import create_key
from llmanager.auth.usecases.find import find_key_by_hash
from llmanager.auth.usecases.revoke import revoke_key
from llmanager.kernel.errors import Conflict
from llmanager.kernel.ids import NewId
from llmanager.kernel.principal import SCOPES, Principal
from llmanager.kernel.table import Table, rows_in

MAKER = "deploy"  # what made it, where other keys name the key that did
LEASE_S = 60.0


def ensure_admin_key(table: Table, vault: Vault, *, tenant: str, now: datetime, new_id: NewId) -> ApiKey:
    """The key in the vault if it works and may do everything, else a new one put there; older ones made so end.

    Repeating it is safe, after a crash anywhere too. Of two at once one makes it, the other is told to come again.
    Raises AdminKeyInTheMaking, and what table and vault raise.
    """
    kept = _kept(table, vault, now)
    if kept is not None:
        return kept
    lease = making_row(now + timedelta(seconds=LEASE_S))
    try:
        lease = table.put(lease, "absent")
    except Conflict:
        raise AdminKeyInTheMaking from None
    try:
        return _kept(table, vault, now) or _made(table, vault, tenant, now, new_id)
    finally:
        with suppress(Conflict):  # it ran out
            table.delete(lease.partition, lease.sort, lease.version)


def _kept(table: Table, vault: Vault, now: datetime) -> ApiKey | None:
    secret = vault.read()
    digest = hash_of(secret or "")
    key = find_key_by_hash(table, digest=digest)
    return key if key is not None and key.admits(digest, now) and key.scopes >= SCOPES else None


def _made(table: Table, vault: Vault, tenant: str, now: datetime, new_id: NewId) -> ApiKey:
    caller = Principal(tenant=tenant, key_id=MAKER, scopes=SCOPES)
    made = create_key(table, caller=caller, name="admin", scopes=SCOPES, expires_in_s=None, now=now, new_id=new_id)
    vault.write(made.secret)
    for row in rows_in(table, key_partition(tenant)):
        old = to_key(row)
        if old.created_by == MAKER and old.id != made.key.id and old.revoked_at is None:
            revoke_key(table, tenant=tenant, key_id=old.id, now=now)
    return made.key
