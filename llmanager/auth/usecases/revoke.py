from dataclasses import replace
from datetime import datetime

from llmanager.auth.entities import ApiKey
from llmanager.auth.rows import key_row
from llmanager.auth.usecases.find import find_key
from llmanager.kernel.errors import Conflict
from llmanager.kernel.table import Table


def revoke_key(table: Table, *, tenant: str, key_id: str, now: datetime) -> ApiKey:
    """From now on no secret of the key works; for good. Revoked already: nothing changes. Raises KeyNotFound."""
    while True:
        key = find_key(table, tenant=tenant, key_id=key_id)
        if key.revoked_at is not None:
            return key
        revoked = replace(key, revoked_at=now)
        try:
            table.put(key_row(revoked), expect=key.version)
        except Conflict:
            continue  # rotated in between: revoke what it has become
        return revoked
