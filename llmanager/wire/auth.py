"""/auth/keys: making, listing, revoking and rotating API keys."""

from llmanager.wire.base import Request, Response


class CreateKey(Request):
    name: str
    scopes: list[str]
    expires_in_s: int | None = None


class ListKeys(Request):
    limit: int = 50
    cursor: str | None = None


class RevokeKey(Request):
    id: str


class RotateKey(Request):
    id: str
    grace_s: int = 0  # how long the old secret goes on working


class Key(Response):
    id: str
    name: str
    scopes: list[str]
    created_at: str
    created_by: str
    expires_at: str | None
    revoked_at: str | None


class KeyWithSecret(Key):
    key: str  # the secret: in this answer and nowhere else


class Keys(Response):
    keys: list[Key]
    cursor: str | None
