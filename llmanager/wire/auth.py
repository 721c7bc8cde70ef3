"""/auth/keys: making, listing, revoking and rotating API keys."""

from llmanager.wire.base import Cursor, Limit, Request, Response, Time


class CreateKey(Request):
    name: str
    scopes: list[str]
    expires_in_s: int | None = None


class ListKeys(Request):
    limit: Limit = 50
    cursor: Cursor | None = None


class RevokeKey(Request):
    id: str


class RotateKey(Request):
    id: str
    grace_s: int = 0  # how long the old secret goes on working


class Key(Response):
    id: str
    name: str
    scopes: list[str]
    created_at: Time
    created_by: str
    expires_at: Time | None
    revoked_at: Time | None


class KeyWithSecret(Key):
    key: str  # the secret: in this answer and nowhere else


class KeyList(Response):
    keys: list[Key]
    cursor: str | None
