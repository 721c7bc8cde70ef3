"""The ports of vector databases over the fakes, each call of which the explorer may delay, refuse or cut off."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from llmanager.vdb.entities import Write
from tests.simulation.gate import READ, WRITE, Fault, Gate, Process, faulty
from tests.simulation.ports import lost, refused

ATOMIC = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.THROTTLE)  # what raised is not there: so the port promises

TABLE = {"get": READ, "query": READ, "scan": READ, "put": WRITE, "delete": WRITE, "transact": WRITE}
STORE = dict.fromkeys(("get", "list", "search", "search_text", "fields", "stats", "indexes"), READ)
STORE |= dict.fromkeys(("create", "drop", "apply", "tend"), ATOMIC)
BLOBS = {"find": READ, "delete": WRITE}


class GatedPort:
    """Forwards the named methods through the gate. `seen` is told of each effect as it takes place."""

    def __init__(
        self,
        gate: Gate,
        label: str,
        target: Any,
        methods: dict[str, tuple[Fault, ...]],
        seen: Callable[[str, tuple[Any, ...]], None] = lambda name, args: None,
    ) -> None:
        self._gate, self._label, self._target, self._methods, self._seen = gate, label, target, methods, seen

    def __getattr__(self, name: str) -> Any:
        if name not in self._methods:
            raise AttributeError(f"{self._label}.{name} has no place in the simulation yet")
        return partial(self._call, name, getattr(self._target, name))

    def _call(self, name: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        def effect() -> Any:
            answer = method(*args, **kwargs)
            self._seen(name, args)
            return answer

        return gated(self._gate, f"{self._label}.{name}", effect, self._methods[name])


class GatedStore(GatedPort):
    """An index that is being loaded is one that has some of the writes: each of them is a call."""

    def load(self, index: str, writes: Iterable[Write]) -> None:
        for write in writes:
            self.apply(index, write)


class GatedBlobs(GatedPort):
    """Bytes that come in pieces are taken whole: what is between two pieces is between two calls as well."""

    def __init__(self, gate: Gate, target: Any) -> None:
        super().__init__(gate, "blobs", target, BLOBS)

    def put(self, key: str, pieces: Iterable[bytes]) -> int:
        whole = list(pieces)
        size: int = gated(self._gate, "blobs.put", lambda: self._target.put(key, whole), WRITE)
        return size

    def read(self, key: str) -> Iterator[bytes]:
        return iter(gated(self._gate, "blobs.read", lambda: list(self._target.read(key)), READ))

    def list(self, prefix: str) -> Iterator[Any]:
        return iter(gated(self._gate, "blobs.list", lambda: tuple(self._target.list(prefix)), READ))


def gated(gate: Gate, name: str, effect: Callable[[], Any], faults: tuple[Fault, ...]) -> Any:
    return faulty(gate, name, effect, refused, lost, faults)


class GatedExclusive:
    """To be alone with a resource; who crashes is alone with nothing any more. Taking one twice is told as a bug."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._held: dict[str, Process | None] = {}

    @contextmanager
    def __call__(self, resource: str) -> Iterator[None]:
        me = self._gate.running
        assert me is None or self._held.get(resource) is not me, f"{resource} is taken twice"
        self._gate.block(lambda: self._is_free(resource), "exclusive")
        self._held[resource] = me
        try:
            yield
        finally:
            if not self._gate.is_crashed:
                del self._held[resource]

    def holders(self) -> list[tuple[str, int]]:
        """For the digest: the dead hold nothing."""
        held = [(r, -1 if p is None else p.index) for r, p in self._held.items() if not self._is_free(r)]
        return sorted(held)

    def _is_free(self, resource: str) -> bool:
        if resource not in self._held:
            return True
        holder = self._held[resource]
        return holder is not None and holder.is_crashed
