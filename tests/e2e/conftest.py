"""One server for the data path's tests: what takes seconds by default takes tenths here."""

import json
import sys
from collections.abc import Iterator

import pytest

from tests.api.server import ROOT
from tests.e2e.world import World, opened_world
from tests.fakes.tiny_gguf import write_tiny_chat

LONG_CONTEXT = 65_536
WAKE_TIMEOUT_S = 4.0
MAX_WAITERS = 60


def engine(*arguments: str) -> dict[str, object]:
    argv = [sys.executable, "-m", "tests.fakes.openai_engine", "--port", "{port}", "--key-env", "ENGINE_KEY"]
    return {"argv": [*argv, *arguments], "env": {"PYTHONPATH": str(ROOT)}, "key_env": "ENGINE_KEY"}


ENGINES = {
    "late": engine("--load-s", "2"),
    "never": engine("--load-s", "600"),
    "slow": engine("--token-s", "0.5"),
    "named": engine() | {"served_name": "stand-in"},
}


@pytest.fixture(scope="session")
def shared(tmp_path_factory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("flow")
    models = home / "models-own"
    models.mkdir(parents=True)
    write_tiny_chat(models / "long.gguf", context=LONG_CONTEXT)  # talks for minutes
    settings = {
        "WAKE_TIMEOUT_S": f"{WAKE_TIMEOUT_S:g}",
        "HOLD_SILENT_S": "0.5",
        "MAX_WAITERS": f"{MAX_WAITERS}",
        "LIVENESS_S": "3",
        "GAP_S": "2",
        "FIRST_BYTE_S": "20",
        "ENGINES": json.dumps(ENGINES),
    }
    with opened_world(home, **{f"LLMANAGER_{name}": value for name, value in settings.items()}) as world:
        yield world


@pytest.fixture
def world(shared: World) -> Iterator[World]:
    yield shared
    shared.clear()
