"""One surface: the data path's requests to the gateway, all others to the control plane."""

import asyncio

import pytest
from fastapi import APIRouter
from starlette.testclient import TestClient

from llmanager.api.app import Application, control_plane
from llmanager.kernel.errors import Unavailable


class Gateway:
    """Takes what is below /v1."""

    def __init__(self):
        self.paths = []

    def handles(self, scope):
        return scope["path"].startswith("/v1/")

    async def __call__(self, scope, receive, send):
        self.paths.append(scope["path"])
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def surface(is_ready=lambda: None):
    router = APIRouter()

    @router.get("/hello")
    def hello():
        return {"hello": "you"}

    gateway = Gateway()
    return gateway, TestClient(Application(gateway, control_plane([router], is_ready, "1.2.3")))


def test_each_part_gets_its_own():
    gateway, client = surface()
    assert client.get("/v1/models").status_code == 299
    assert client.get("/hello").json() == {"hello": "you"}
    assert gateway.paths == ["/v1/models"]


def test_what_is_no_http_is_the_control_planes():
    told = []

    async def control(scope, receive, send):
        told.append(scope["type"])

    asyncio.run(Application(Gateway(), control)({"type": "lifespan"}, None, None))
    assert told == ["lifespan"]


def test_health_needs_no_key_and_no_part():
    def broken():
        raise Unavailable("The table is down.")

    _, client = surface(broken)
    assert client.get("/health").json() == {"status": "Healthy"}
    down = client.get("/ready")
    assert (down.status_code, down.json()["error"]["message"]) == (503, "The table is down.")


def test_ready_says_so():
    assert surface()[1].get("/ready").json() == {"status": "Ready"}


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_pages_with_foreign_scripts_are_off_and_the_document_is_on(path):
    _, client = surface()
    assert client.get(path).status_code == 404
    document = client.get("/openapi.json").json()
    assert document["info"] == {"title": "LLManager", "version": "1.2.3"}
    assert {"/health", "/ready", "/hello"} <= set(document["paths"])


def test_a_part_of_an_api_may_tell_of_the_whole():
    whole = {"openapi": "3.1.0", "paths": {"/elsewhere": {}}}
    part = TestClient(control_plane([], lambda: None, "1.2.3", whole))
    assert part.get("/openapi.json").json() == whole
