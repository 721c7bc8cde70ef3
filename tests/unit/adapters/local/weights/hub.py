"""What the suites of this folder fetch, and two ways for a fetch to end."""

import socket
from collections.abc import Callable

from llmanager.adapters.local.weights import LocalWeights
from llmanager.adapters.local.weights_port import Missing, Present
from llmanager.models.entities import Kind
from tests.fakes.eventually import DEADLINE_S

REPO, FILE = "acme/tiny", "tiny-Q4_K_M.gguf"
MODEL = f"{REPO}:{FILE}"
PADDING = 2 * 1024 * 1024  # bytes after the weights: engines ignore them, and a transfer takes several reads

Open = Callable[..., LocalWeights]


def fetched(weights: LocalWeights, model: str = MODEL) -> Present:
    state = weights.wait(model, Kind.CHAT, DEADLINE_S)
    assert isinstance(state, Present), state
    return state


def missed(weights: LocalWeights, model: str = MODEL) -> Missing:
    state = weights.wait(model, Kind.CHAT, DEADLINE_S)
    assert isinstance(state, Missing), state
    return state


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"
