from llmanager.auth.entities import ApiKey
from llmanager.auth.errors import KeyNotFound
from llmanager.auth.rows import BY_HASH, key_partition, to_key
from llmanager.kernel.table import Table


def find_key(table: Table, *, tenant: str, key_id: str) -> ApiKey:
    """Raises KeyNotFound, also for another tenant's key."""
    row = table.get(key_partition(tenant), key_id)
    if row is None:
        raise KeyNotFound
    return to_key(row)


def find_key_by_hash(table: Table, *, digest: str) -> ApiKey | None:
    """The key that a secret with this hash leads to. Whether the secret still opens it is the key's to say."""
    pointer = table.get(BY_HASH, digest)
    row = pointer and table.get(key_partition(pointer.body["tenant"]), pointer.body["id"])
    return to_key(row) if row else None
