"""The routes of the functions together are those of the local server, in every word of their description."""

import json

import pytest

from llmanager.adapters.remote.aiohttp_upstreams import AiohttpUpstreams
from llmanager.wiring.aws.apps import auth_app, history_app, models_app_of
from llmanager.wiring.aws.chat import chat_app_of
from llmanager.wiring.aws.jobs import jobs_app_of
from llmanager.wiring.aws.vdb import vdb_app_of
from llmanager.wiring.local.app import app_of
from llmanager.wiring.local.parts import opened_parts
from llmanager.wiring.settings import Settings
from tests.fakes.asgi import call
from tests.fakes.openai_engine import OpenAIEngine
from tests.unit.wiring.aws.serving_world import ServingWorld

EVERYWHERE = {"/health", "/ready"}
# What is one platform's alone, and why; no description of the API tells of it.
LOCAL_ONLY = {
    "/metrics": "CloudWatch has the figures, from the functions' logs",
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
    """Each path's description, with every schema in its place: their names differ with what else an app has."""
    status, _, body = call(app, "GET", "/openapi.json")
    assert status == 200
    document = json.loads(body)

    def filled(node):
        if isinstance(node, list):
            return [filled(one) for one in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return filled(document["components"]["schemas"][node["$ref"].rpartition("/")[2]])
        return {name: filled(one) for name, one in node.items() if name != "mapping"}

    return filled(document["paths"])


@pytest.fixture(scope="module")
def apps():
    with OpenAIEngine() as engine:
        world = ServingWorld(engine)
        house = world.house()
        parts = world.parts(house)
        return {
            "auth": auth_app(house),
            "history": history_app(house),
            "models": models_app_of(house, world.registry),
            "vdb": vdb_app_of(house, parts.path, parts.library, parts.queue),
            "jobs": jobs_app_of(house, parts.queue),
            "chat": chat_app_of(house, parts.path, parts.library.vdbs),
        }


@pytest.fixture(scope="module")
def on_aws(apps):
    return {name: paths_of(app) for name, app in apps.items()}


@pytest.fixture(scope="module")
def local_app(tmp_path_factory):
    settings = Settings.from_env({"LLMANAGER_HOME": str(tmp_path_factory.mktemp("home"))})
    with opened_parts(settings) as parts:
        yield app_of(settings, parts, AiohttpUpstreams()).asgi


@pytest.fixture(scope="module")
def local(local_app):
    return paths_of(local_app)


def test_no_route_is_missing_and_none_is_more(on_aws, local):
    assert {path for paths in on_aws.values() for path in paths} == set(local)


def test_what_only_the_local_server_has_is_written_down(apps, local_app):
    for path in LOCAL_ONLY:
        assert call(local_app, "GET", path)[0] == 200
        assert {name: call(app, "GET", path)[0] for name, app in apps.items()} == dict.fromkeys(apps, 404)


def test_every_route_is_described_alike(on_aws, local):
    told = {path: described for paths in on_aws.values() for path, described in paths.items()}
    assert [path for path in told if told[path] != local[path]] == []


def test_each_function_serves_what_it_is_sent_and_nothing_else(on_aws):
    for name, paths in on_aws.items():
        strays = [path for path in set(paths) - EVERYWHERE if not path.startswith(PREFIXES[name])]
        assert strays == [], name
        assert set(paths) >= EVERYWHERE, name
