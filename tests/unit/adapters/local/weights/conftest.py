from collections.abc import Iterator
from pathlib import Path

import pytest

from llmanager.adapters.local.weights import HubSettings, LocalWeights
from tests.fakes.clock import FakeClock
from tests.fakes.hub_server import FakeHub, Repo
from tests.fakes.survivors import live_children
from tests.fakes.tiny_gguf import write_tiny_chat
from tests.unit.adapters.local.weights.hub import FILE, PADDING, REPO, Open


@pytest.fixture(scope="module")
def chat_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("gguf") / "chat.gguf"
    write_tiny_chat(path)
    return path.read_bytes() + bytes(PADDING)


@pytest.fixture
def hub(chat_bytes: bytes) -> Iterator[FakeHub]:
    with FakeHub() as hub:
        hub.repos[REPO] = Repo({FILE: chat_bytes, "README.md": b"# Tiny"})
        yield hub


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def open_weights(tmp_path: Path, hub: FakeHub, clock: FakeClock) -> Iterator[Open]:
    """Opens LocalWeights on the same disk again and again, as restarts do."""
    opened: list[LocalWeights] = []
    (tmp_path / "mine").mkdir()

    def open_it(endpoint: str = hub.endpoint, token: str | None = None, free_bytes: int = 10**12) -> LocalWeights:
        settings = HubSettings(endpoint, token, retry_delay_s=0.01)
        weights = LocalWeights(
            tmp_path / "home", tmp_path / "mine", settings, clock=clock, free_bytes=lambda folder: free_bytes
        )
        opened.append(weights)
        return weights

    yield open_it
    hub.go_on.set()
    for weights in opened:
        weights.close()
    assert not live_children()


@pytest.fixture
def weights(open_weights: Open) -> LocalWeights:
    return open_weights()
