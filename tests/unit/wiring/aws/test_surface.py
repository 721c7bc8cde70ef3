"""The routes of the functions together are those of the local server, in every word of their description."""

import json

import pytest

from llmanager.adapters.remote.aiohttp_upstreams import AiohttpUpstreams
from llmanager.wiring.aws.apps import auth_app, history_app, models_app_of
from llmanager.wiring.aws.chat import chat_app_of
from llmanager.wiring.aws.vdb import jobs_app_of, vdb_app_of
from llmanager.wiring.local.app import app_of
from llmanager.wiring.local.parts import opened_parts
from llmanager.wiring.settings import Settings
from tests.fakes.asgi import call
from tests.fakes.openai_engine import OpenAIEngine
from tests.unit.wiring.aws.serving_world import ServingWorld

EVERYWHERE = {"/health", "/ready"}
# What is one platform's alone, and why.
LOCAL_ONLY = {
    "/metrics": "CloudWatch has the figures, from the functions' logs: docs/limits.md",
}
PREFIXES = {  # which function API Gateway sends a path to
    "auth": ("/auth/",),
    "history": ("/history/",),
    "models": ("/model/", "/models/", "/admin/"),
    "vdb": ("/vdb/", "/files"),
    "jobs": ("/jobs/",),
    "chat": ("/chat",),
}


def paths_of(app):
    status, _, body = call(app, "GET", "/openapi.json")
    assert status == 200
    return json.loads(body)["paths"]


@pytest.fixture(scope="module")
def on_aws():
    with OpenAIEngine() as engine:
        world = ServingWorld(engine)
        house = world.house()
        parts = world.parts(house)
        return {
            "auth": paths_of(auth_app(house)),
            "history": paths_of(history_app(house)),
            "models": paths_of(models_app_of(house, world.registry)),
            "vdb": paths_of(vdb_app_of(house, parts.path, parts.library, parts.queue)),
            "jobs": paths_of(jobs_app_of(house, parts.queue)),
            "chat": paths_of(chat_app_of(house, parts.path, parts.library)),
        }


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    settings = Settings.from_env({"LLMANAGER_HOME": str(tmp_path_factory.mktemp("home"))})
    with opened_parts(settings) as parts:
        return paths_of(app_of(settings, parts, AiohttpUpstreams()).asgi)


def test_no_route_is_missing_and_none_is_more(on_aws, local):
    together = {path for paths in on_aws.values() for path in paths}
    assert set(local) - together == set(LOCAL_ONLY)
    assert together - set(local) == set()


def test_every_route_is_described_alike(on_aws, local):
    told = {path: described for paths in on_aws.values() for path, described in paths.items()}
    assert [path for path in told if told[path] != local[path]] == []


def test_each_function_serves_what_it_is_sent_and_nothing_else(on_aws):
    for name, paths in on_aws.items():
        strays = [path for path in set(paths) - EVERYWHERE if not path.startswith(PREFIXES[name])]
        assert strays == [], name
        assert set(paths) >= EVERYWHERE, name
