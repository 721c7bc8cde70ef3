from dataclasses import replace
from datetime import datetime

from llmanager.auth.entities import ApiKey
from llmanager.auth.rows import load, to_row
from llmanager.kernel.errors import Conflict
from llmanager.kernel.table import Table


def revoke_key(table: Table, *, tenant: str, key_id: str, now: datetime) -> ApiKey:
    """From now on no secret of the key works; for good. Revoked already: nothing changes. Raises KeyNotFound."""
    while True:
        key = load(table, tenant, key_id)
        if key.revoked_at is not None:
            return key
        revoked = replace(key, revoked_at=now)
        try:
            table.put(to_row(revoked), expect=key.version)
        except Conflict:
            continue  # rotated in between: revoke what it has become
        return revoked
