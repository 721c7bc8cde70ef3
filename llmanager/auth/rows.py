"""API keys as rows. The one place that knows their partitions and sort keys.

access pattern            partition        sort
a key by its hash         apikey-hash      HASH     -> {tenant, id}: points at the row below, the only truth
a key by tenant and id    apikey#TENANT    ID
a tenant's keys           apikey#TENANT    (all)    ids are in order of creation
who makes the admin key   apikey-admin     making   expires by itself
"""

from datetime import datetime

from llmanager.auth.entities import ApiKey
from llmanager.kernel.table import Delete, Expect, Put, Row

BY_HASH = "apikey-hash"


def key_partition(tenant: str) -> str:
    return f"apikey#{tenant}"


def key_row(key: ApiKey) -> Row:
    body = {
        "name": key.name,
        "scopes": sorted(key.scopes),
        "hash": key.hash,
        "created_at": key.created_at.isoformat(),
        "created_by": key.created_by,
        "expires_at": _text(key.expires_at),
        "revoked_at": _text(key.revoked_at),
        "retiring_hash": key.retiring_hash,
        "retiring_until": _text(key.retiring_until),
    }
    return Row(key_partition(key.tenant), key.id, body)


def to_key(row: Row) -> ApiKey:
    body = row.body
    return ApiKey(
        id=row.sort,
        tenant=row.partition.removeprefix("apikey#"),
        name=body["name"],
        scopes=frozenset(body["scopes"]),
        hash=body["hash"],
        created_at=datetime.fromisoformat(body["created_at"]),
        created_by=body["created_by"],
        expires_at=_time(body["expires_at"]),
        revoked_at=_time(body["revoked_at"]),
        retiring_hash=body["retiring_hash"],
        retiring_until=_time(body["retiring_until"]),
        version=row.version,
    )


def pointer(key: ApiKey, digest: str, *, until: datetime | None = None, expect: Expect = "any") -> Put:
    return Put(Row(BY_HASH, digest, {"tenant": key.tenant, "id": key.id}, expires_at=until), expect)


def no_pointer(digest: str) -> Delete:
    return Delete(BY_HASH, digest)


def making_row(until: datetime) -> Row:
    return Row("apikey-admin", "making", expires_at=until)


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
