"""POST /auth/keys/*. Answers that hold a secret say `no-store`, which also keeps them out of idempotent replays."""

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
from llmanager.kernel.ids import NewId
from llmanager.kernel.principal import Principal
from llmanager.kernel.table import Table
from llmanager.wire import auth as wire


def auth_routes(*, table: Table, keyring: Keyring, clock: Clock, new_id: NewId) -> APIRouter:
    router = APIRouter(prefix="/auth/keys", tags=["keys"])
    admin = requires(keyring, "admin")

    @router.post("/create", status_code=201)
    def create(body: wire.CreateKey, response: Response, caller: Principal = admin) -> wire.KeyWithSecret:
        made = create_key(
            table,
            caller=caller,
            name=body.name,
            scopes=body.scopes,
            expires_in_s=body.expires_in_s,
            now=clock.now(),
            new_id=new_id,
        )
        return _shown_once(made, response)

    @router.post("/list")
    def list_(body: wire.ListKeys, caller: Principal = admin) -> wire.KeyList:
        page = list_keys(table, tenant=caller.tenant, limit=body.limit, cursor=body.cursor)
        return wire.KeyList(keys=[wire.Key(**_fields(key)) for key in page.items], cursor=page.cursor)

    @router.post("/revoke")
    def revoke(body: wire.RevokeKey, caller: Principal = admin) -> wire.Key:
        return wire.Key(**_fields(revoke_key(table, tenant=caller.tenant, key_id=body.id, now=clock.now())))

    @router.post("/rotate")
    def rotate(body: wire.RotateKey, response: Response, caller: Principal = admin) -> wire.KeyWithSecret:
        made = rotate_key(table, caller=caller, key_id=body.id, grace_s=body.grace_s, now=clock.now())
        return _shown_once(made, response)

    return router


def _shown_once(made: NewKey, response: Response) -> wire.KeyWithSecret:
    response.headers["cache-control"] = "no-store"
    return wire.KeyWithSecret(**_fields(made.key), key=made.secret)


def _fields(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created_at": key.created_at,
        "created_by": key.created_by,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }
