"""The server under test: the one that --base-url names, else a local one that lives as long as the session.

That is a process of its own, as users start it, or with --in-process the same app in this process.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from tests.api.client import Api
from tests.api.deployed import CANNOT_HOLD
from tests.api.in_process import in_process_server
from tests.api.server import create_key, local_server
from tests.fakes.eventually import be_patient, eventually


def pytest_configure(config):
    if config.getoption("--platform") == "aws":
        be_patient()


def pytest_collection_modifyitems(config, items):
    if config.getoption("--platform") == "aws":
        for item in items:
            if reason := CANNOT_HOLD.get(item.originalname):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def api(request, tmp_path_factory) -> Iterator[Api]:
    if url := request.config.getoption("--base-url"):
        option = request.config.getoption
        yield Api(url.rstrip("/"), option("--api-key"), option("--platform"))
        return
    with started(request, tmp_path_factory.mktemp("home")) as url:
        yield Api(url)


def started(request, home, **settings):
    server = in_process_server if request.config.getoption("--in-process") else local_server
    return server(home, **settings)


@dataclass(frozen=True)
class Keyed:
    """A server that wants keys, and callers with different ones."""

    stranger: Api  # no key
    owner: Api
    rival: Api  # all scopes, of another tenant
    reader: Api  # may read history, and nothing else
    admin: Api  # may read history, and make keys


@pytest.fixture(scope="session")
def keyed(request, tmp_path_factory) -> Iterator[Keyed]:
    if request.config.getoption("--base-url"):
        pytest.skip("needs a server of its own, whose keys it makes")
    home = tmp_path_factory.mktemp("keyed")
    owner = create_key(home, "owner")
    rival = create_key(home, "rival", "--tenant", "rival")
    reader = create_key(home, "reader", "--scopes", "history:read")
    admin = create_key(home, "admin", "--scopes", "history:read,admin")
    with started(request, home, LLMANAGER_AUTH="keys") as url:
        yield Keyed(Api(url), Api(url, owner), Api(url, rival), Api(url, reader), Api(url, admin))


@pytest.fixture
def name() -> str:
    return f"t-{uuid4().hex[:10]}"


@pytest.fixture(scope="session")
def chat_source(request) -> str:
    """What models that chat are created of."""
    return request.config.getoption("--chat-model")


def create_ready(api: Api, name: str, model: str, **more: Any) -> str:
    answer = api.post("/model/create", {"name": name, "model": model, **more})
    assert answer.status == 202, answer
    seen = eventually(
        lambda: api.post("/model/status", {"name": name}).json, lambda status: status["status"] in ("ready", "failed")
    )
    assert seen["status"] == "ready", seen["reason"]
    return name


def delete_all_trace(api: Api, name: str) -> None:
    assert api.post("/model/delete", {"name": name}).status in (202, 404)
    if api.platform == "aws":
        return  # the row stays for a minute; one test waits for that
    eventually(lambda: api.post("/model/status", {"name": name}).status, lambda status: status == 404)


@pytest.fixture(scope="session")
def chat_model(api, chat_source) -> Iterator[str]:
    # An emulated container holds a small model whatever it is asked for: it is to say so.
    context = {"context_tokens": 2048} if api.platform == "aws" else {}
    name = create_ready(api, f"chat-{uuid4().hex[:8]}", chat_source, **context)
    yield name
    delete_all_trace(api, name)


@pytest.fixture(scope="session")
def embedding_model(api, request) -> Iterator[str]:
    source = request.config.getoption("--embedding-model")
    name = create_ready(api, f"embed-{uuid4().hex[:8]}", source, kind="embedding")
    yield name
    delete_all_trace(api, name)
