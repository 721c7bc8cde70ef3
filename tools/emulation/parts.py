"""The processes of an emulation: how each is started, and when it counts as up."""

import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.deployment.refusal import Refusal
from tools.emulation import environment, processes
from tools.emulation.state import State

ROOT = Path(__file__).resolve().parents[2]
MINISTACK = ROOT / ".venv-ministack" / "bin" / "python"
CACHE = ROOT / "build" / "emulated"  # of weights; shared, and kept when an emulation goes
UP_WITHIN_S = 900  # the first time OpenSearch is fetched
Probe = Callable[[State], bool]


@dataclass(frozen=True)
class Recipe:
    argv: Callable[[State], list[str]]
    env: Callable[[State], Mapping[str, str]]
    is_up: Probe


def answers(url: str, certificate: Path | None = None) -> bool:
    """Any answer is one, a refusal too: that there is a server is asked here, not what it thinks of the question."""
    try:
        tls = None if certificate is None else ssl.create_default_context(cafile=str(certificate))
        with urllib.request.urlopen(url, timeout=5, context=tls):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:  # also that the certificate is not made yet
        return False


def ministack(state: State) -> list[str]:
    # By hypercorn's own command: `ministack` would take port 443 as well where it may.
    address = ["--bind", f"127.0.0.1:{state.ports['ministack']}", "--keep-alive", "75"]
    return [
        str(MINISTACK),
        "-m",
        "hypercorn",
        "ministack.app:app",
        "-c",
        "python:ministack.core.hypercorn_conf",
        *address,
    ]


def front(state: State) -> list[str]:
    file, certificate = str(state.target), str(state.certificate)
    return [sys.executable, "-m", "tools.emulation.front", str(state.ports["front"]), file, certificate]


def sagemaker(state: State) -> list[str]:
    engines = ["--engines", str(ROOT / "emulator" / "engines" / "llama_cpp.json"), "--cache", str(CACHE)]
    idle = ["--seconds", "scale_in_s=900"]  # autoscaling's quarter of an hour stays one: who tries things pauses longer
    return [sys.executable, "-m", "emulator", "--port", str(state.ports["sagemaker"]), *idle, *engines]


def opensearch(state: State) -> list[str]:
    folder = str(state.folder / "opensearch")
    return [sys.executable, "-m", "tools.emulation.opensearch", str(state.ports["opensearch"]), folder]


def with_checkout(state: State) -> dict[str, str]:
    return {**environment.clean(state), "PYTHONPATH": str(ROOT)}


RECIPES: Mapping[str, Recipe] = {
    "opensearch": Recipe(opensearch, with_checkout, lambda state: answers(state.url("opensearch"))),
    "sagemaker": Recipe(sagemaker, with_checkout, lambda state: answers(state.url("sagemaker"))),
    "ministack": Recipe(
        ministack,
        environment.ministack,
        lambda state: answers(f"{state.gateway_url}/_ministack/health", state.certificate),
    ),
    "front": Recipe(front, with_checkout, lambda state: answers(state.url("front"))),
}


def start(state: State, name: str) -> None:
    """Recorded before anything is waited for, so that whatever comes next knows of it."""
    port = state.ports[name]
    if processes.is_taken(port):
        raise Refusal(
            f"Port {port}, which the emulated {name} had, is taken by another program. End that one, or begin anew on "
            "other ports: ./run.sh emulate --down, then ./run.sh emulate"
        )
    recipe = RECIPES[name]
    state.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    state.parts[name] = processes.start(name, recipe.argv(state), recipe.env(state), state.folder, port)
    state.save()


def wait(state: State, name: str) -> None:
    give_up_at = time.monotonic() + UP_WITHIN_S
    while not RECIPES[name].is_up(state):
        is_over = not processes.lives(state.parts[name])
        if is_over or time.monotonic() > give_up_at:
            how = "ended at once" if is_over else f"did not answer within {UP_WITHIN_S} s"
            raise Refusal(f"The emulated {name} {how}:\n{processes.tail(state.folder, name)}")
        time.sleep(0.1)


def is_up(state: State, name: str) -> bool:
    part = state.parts.get(name)
    return part is not None and processes.lives(part) and RECIPES[name].is_up(state)
