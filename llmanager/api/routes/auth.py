"""/auth/keys. Answers that hold a secret say `no-store`, which also keeps them out of idempotent replays."""

from typing import Any

from fastapi import APIRouter, Response

from llmanager.api.access import requires
from llmanager.auth.entities import ApiKey, NewKey
from llmanager.auth.usecases.create import create_key
from llmanager.auth.usecases.list import list_keys
from llmanager.auth.usecases.revoke import revoke_key
from llmanager.auth.usecases.rotate import rotate_key
from llmanager.gateway.ports import Keyring
from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import InvalidInput
from llmanager.kernel.ids import NewId
from llmanager.kernel.pages import MAX_PAGE
from llmanager.kernel.principal import Principal
from llmanager.kernel.table import Table
from llmanager.wire.auth import CreateKey, Key, Keys, KeyWithSecret, ListKeys, RevokeKey, RotateKey
from llmanager.wire.base import rfc3339


def auth_routes(*, table: Table, keyring: Keyring, clock: Clock, new_id: NewId) -> APIRouter:
    router = APIRouter(prefix="/auth/keys", tags=["keys"])
    admin = requires(keyring, "admin")

    @router.post("/create", status_code=201)
    def create(ask: CreateKey, response: Response, caller: Principal = admin) -> KeyWithSecret:
        made = create_key(
            table,
            creator=caller,
            name=ask.name,
            scopes=ask.scopes,
            expires_in_s=ask.expires_in_s,
            now=clock.now(),
            new_id=new_id,
        )
        return _shown_once(made, response)

    @router.post("/list")
    def list_(ask: ListKeys, caller: Principal = admin) -> Keys:
        if not 1 <= ask.limit <= MAX_PAGE:
            raise InvalidInput(f"'limit' must be 1 to {MAX_PAGE}.", param="limit")
        page = list_keys(table, tenant=caller.tenant, limit=ask.limit, cursor=ask.cursor)
        return Keys(keys=[Key(**_fields(key)) for key in page.items], cursor=page.cursor)

    @router.post("/revoke")
    def revoke(ask: RevokeKey, caller: Principal = admin) -> Key:
        return Key(**_fields(revoke_key(table, tenant=caller.tenant, key_id=ask.id, now=clock.now())))

    @router.post("/rotate")
    def rotate(ask: RotateKey, response: Response, caller: Principal = admin) -> KeyWithSecret:
        made = rotate_key(table, caller=caller, key_id=ask.id, grace_s=ask.grace_s, now=clock.now())
        return _shown_once(made, response)

    return router


def _shown_once(made: NewKey, response: Response) -> KeyWithSecret:
    response.headers["cache-control"] = "no-store"
    return KeyWithSecret(**_fields(made.key), key=made.secret)


def _fields(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created_at": rfc3339(key.created_at),
        "created_by": key.created_by,
        "expires_at": rfc3339(key.expires_at),
        "revoked_at": rfc3339(key.revoked_at),
    }
