"""A server's process, to be killed: starts replicas and waits for its end.

    python -m tests.fakes.doomed_host HOME ready|loading|guarded

Prints a line when that is so. "loading": the worker keeps the interpreter's lock and has not said its address.
"""

import sys
import threading
from pathlib import Path

from llmanager.adapters.local.llama_cpp import LlamaCppModelHost
from llmanager.adapters.local.processes import Launch, Spawner
from llmanager.models.entities import ModelSpec
from tests.fakes.changes import Changes
from tests.fakes.openai_engine import engine
from tests.fakes.orders import order
from tests.fakes.tiny_gguf import write_tiny_chat
from tests.fakes.weights import FakeWeights


def main() -> None:
    home, what = Path(sys.argv[1]), sys.argv[2]
    if what == "loading":
        Spawner().spawn(Launch("tests.fakes.stubborn_child", {}, {}, home / "0.log"), lambda: None)
    else:
        start(home, "stand-in" if what == "guarded" else "llama.cpp")
    print(what, flush=True)
    threading.Event().wait(60)


def start(home: Path, name: str) -> None:
    write_tiny_chat(home / "chat.gguf")
    changes, weights = Changes(), FakeWeights()
    weights.here("chat", home / "chat.gguf")
    host = LlamaCppModelHost(
        weights=weights,
        home=home,
        memory_budget_mib=4000,
        cores=2,
        on_change=changes,
        engines={"stand-in": engine("--family")},
    )
    for replica in (0, 1):
        host.start(order("lm-a", ModelSpec("chat", engine=name)), replica)
    changes.until(lambda: len(host.endpoints("lm-a")) == 2)


if __name__ == "__main__":
    main()
