"""Weights as a test wants them: here, on their way, or not to be had."""

import threading
import time
from pathlib import Path

from llmanager.adapters.local.weights_port import Fetching, Missing, Present, WeightsFacts
from llmanager.kernel.errors import InvalidInput, Unavailable
from llmanager.models.entities import Kind

TINY = WeightsFacts(size_mib=1, download_mib=0, context_tokens=2048, kv_bytes_per_token=128, dimensions=32)


class FakeWeights:
    """A Weights by model name. `here`, `fetching` and `missing` change what a name is; waiters notice at once."""

    def __init__(self) -> None:
        self.released: list[str] = []
        self.unreachable: set[str] = set()  # models whose size nobody can be asked for
        self._facts: dict[str, WeightsFacts] = {}
        self._found: dict[str, Present | Fetching | Missing] = {}
        self._changed = threading.Condition()

    def here(self, model: str, path: Path, facts: WeightsFacts = TINY) -> None:
        self._set(model, Present(path, facts), facts)

    def fetching(self, model: str, stage: str, facts: WeightsFacts = TINY) -> None:
        self._set(model, Fetching(stage), facts)

    def missing(self, model: str, reason: str, *, is_final: bool, facts: WeightsFacts = TINY) -> None:
        self._set(model, Missing(reason, is_final), facts)

    def facts(self, model: str, kind: Kind) -> WeightsFacts:
        if model in self.unreachable:
            raise Unavailable("The hub cannot be reached.")
        if model not in self._facts:
            raise InvalidInput(f"There is no model {model!r}.", param="model")
        return self._facts[model]

    def ensure(self, model: str, kind: Kind) -> Present | Fetching | Missing:
        with self._changed:
            return self._found[model]

    def wait(self, model: str, kind: Kind, timeout_s: float) -> Present | Fetching | Missing:
        deadline = time.monotonic() + timeout_s
        with self._changed:
            first = self._found[model]
            while self._found[model] == first and isinstance(first, Fetching) and time.monotonic() < deadline:
                self._changed.wait(deadline - time.monotonic())
            return self._found[model]

    def release(self, model: str, kind: Kind) -> None:
        self.released.append(model)

    def _set(self, model: str, found: Present | Fetching | Missing, facts: WeightsFacts) -> None:
        with self._changed:
            self._facts[model] = facts
            self._found[model] = found
            self._changed.notify_all()
