import json

import pytest
from fastapi import FastAPI

from llmanager.api.front import Front
from llmanager.api.idempotency import Idempotency
from llmanager.api.routes.auth import auth_routes
from llmanager.api.validation import install_error_handlers
from llmanager.auth.usecases.authenticate import authenticate
from llmanager.auth.usecases.create import create_key
from llmanager.kernel.ids import random_id
from llmanager.kernel.principal import SCOPES, Principal
from llmanager.wiring.keyring import CachedKeyring
from tests.fakes.asgi import call
from tests.fakes.clock import FakeClock
from tests.fakes.table import FakeTable


class House:
    """The routes as a platform puts them together: front, idempotency, strict JSON, keyring."""

    def __init__(self):
        self.clock = FakeClock()
        self.table = FakeTable(self.clock)
        keyring = CachedKeyring(lambda s: authenticate(self.table, secret=s, now=self.clock.now()), self.clock)
        app = FastAPI()
        install_error_handlers(app)
        app.add_middleware(Idempotency, table=self.table, keyring=keyring, clock=self.clock)
        app.include_router(auth_routes(table=self.table, keyring=keyring, clock=self.clock, new_id=random_id))
        self.app = Front(app, allowed_hosts=["localhost"], max_body_bytes=10_000, new_id=random_id)
        self.root = self.make()

    def make(self, tenant="acme", scopes=SCOPES):
        root = Principal(tenant, "cli", SCOPES)
        made = create_key(
            self.table,
            caller=root,
            name="root",
            scopes=scopes,
            expires_in_s=None,
            now=self.clock.now(),
            new_id=random_id,
        )
        self.clock.advance(1)
        return made.secret

    def post(self, path, body, secret="", **headers):
        pairs = {"host": "localhost", "content-type": "application/json", **headers}
        if secret is not None:
            pairs["authorization"] = f"Bearer {secret or self.root}"
        status, answered, answer = call(self.app, "POST", f"/auth/keys/{path}", pairs, json.dumps(body).encode())
        return status, answered, json.loads(answer)


@pytest.fixture
def house():
    return House()


def test_a_key_is_made_used_listed_rotated_and_revoked(house):
    status, headers, made = house.post("create", {"name": "ops", "scopes": ["admin", "chat"], "expires_in_s": 3600})
    assert (status, headers[b"cache-control"]) == (201, b"no-store")
    assert made["expires_at"] == "2026-11-20T13:00:01.000Z"
    assert made["created_by"] != "cli"

    status, _, listed = house.post("list", {}, made["key"])
    assert [key["name"] for key in listed["keys"]] == ["ops", "root"]
    assert "key" not in listed["keys"][0]

    status, headers, rotated = house.post("rotate", {"id": made["id"], "grace_s": 0}, made["key"])
    assert (status, rotated["id"], headers[b"cache-control"]) == (200, made["id"], b"no-store")
    house.clock.advance(60)  # what the keyring remembers of the old secret
    assert house.post("list", {}, made["key"])[0] == 401
    assert house.post("list", {}, rotated["key"])[0] == 200

    assert house.post("revoke", {"id": made["id"]})[2]["revoked_at"] is not None
    house.clock.advance(60)
    assert house.post("list", {}, rotated["key"])[0] == 401


@pytest.mark.parametrize("path", ["create", "list", "revoke", "rotate"])
def test_every_route_asks_for_a_key_and_for_admin(house, path):
    bodies = {"create": {"name": "a", "scopes": ["chat"]}, "list": {}}
    body = bodies.get(path, {"id": "x"})
    before = house.table.scan().rows
    assert house.post(path, body, secret=None)[0] == 401
    assert house.post(path, {"rubbish": 1}, secret=None)[0] == 401  # who asks comes before what is asked
    assert house.post(path, body, secret="lmk_' OR '1'='1")[0] == 401
    assert house.table.scan().rows == before
    status, _, answer = house.post(path, body, secret=house.make(scopes=SCOPES - {"admin"}))
    assert (status, answer["error"]["code"]) == (403, "forbidden")


def test_a_key_belongs_to_its_creators_tenant_and_nobody_says_otherwise(house):
    for field in ("tenant", "id", "hash", "created_by", "revoked_at"):
        status, _, answer = house.post("create", {"name": "a", "scopes": ["chat"], field: "rival"})
        assert (status, answer["error"]["param"]) == (422, field)
    _, _, made = house.post("create", {"name": "a", "scopes": ["chat"]})
    assert authenticate(house.table, secret=made["key"], now=house.clock.now()).tenant == "acme"


def test_an_admin_hands_on_no_scope_that_they_lack(house):
    narrow = house.make(scopes={"admin", "chat"})
    status, _, answer = house.post("create", {"name": "a", "scopes": ["chat", "model:write"]}, narrow)
    assert (status, answer["error"]["code"]) == (403, "scope_not_held")


@pytest.mark.parametrize("path", ["revoke", "rotate"])
def test_a_rivals_key_and_an_absent_one_get_the_same_bytes(house, path):
    _, _, made = house.post("create", {"name": "a", "scopes": ["chat"]})
    rival = house.make(tenant="rival")
    theirs = house.post(path, {"id": made["id"]}, rival)
    absent = house.post(path, {"id": "no-such-key"}, rival)
    assert (theirs[0], theirs[2]) == (absent[0], absent[2])
    assert theirs[0] == 404


@pytest.mark.parametrize("path", ["create", "rotate"])
def test_a_secret_is_never_replayed_nor_kept_for_it(house, path):
    _, _, first = house.post("create", {"name": "a", "scopes": ["chat"]})
    body = {"name": "a", "scopes": ["chat"]} if path == "create" else {"id": first["id"]}
    _, _, made = house.post(path, body, **{"idempotency-key": "k1"})
    status, _, answer = house.post(path, body, **{"idempotency-key": "k1"})
    assert (status, answer["error"]["code"]) == (409, "idempotency_not_replayed")
    assert made["key"].removeprefix("lmk_") not in repr([dict(row.body) for row in house.table.scan().rows])


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("create", {"name": "a b", "scopes": ["chat"]}, "name"),
        ("create", {"name": "a", "scopes": ["root"]}, "scopes"),
        ("create", {"name": "a", "scopes": "chat"}, "scopes"),
        ("create", {"name": "a", "scopes": ["chat"], "expires_in_s": -1}, "expires_in_s"),
        ("create", {"name": "a", "scopes": ["chat"], "expires_in_s": 2**63}, "expires_in_s"),
        ("list", {"limit": 0}, "limit"),
        ("list", {"limit": 201}, "limit"),
        ("list", {"cursor": "%"}, "cursor"),
        ("rotate", {"id": "x", "grace_s": -1}, "grace_s"),
        ("revoke", {}, "id"),
    ],
)
def test_wrong_input_is_told_by_field(house, path, body, param):
    status, _, answer = house.post(path, body)
    assert (status, answer["error"]["param"]) == (422, param)


def test_a_list_holds_neither_secrets_nor_hashes(house):
    _, _, made = house.post("create", {"name": "a", "scopes": ["chat"]})
    _, _, listed = house.post("list", {})
    stored = [row.body.get("hash") for row in house.table.scan().rows]
    for secret in (made["key"], *filter(None, stored)):
        assert secret not in json.dumps(listed)
