"""A small world to test the explorer on: rows, a cloud that bills, and three orderings of create and delete."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from llmanager.kernel.errors import Conflict, NotFound, Throttled, UpstreamTimeout
from tests.simulation.execution import Outcome, Scenario, Violation
from tests.simulation.fingerprints import fingerprint
from tests.simulation.gate import LOCAL_READ, LOCAL_WRITE, READ, WRITE, Fault, Gate, GateLock, faulty

T = TypeVar("T")

SWEEP_GRACE = 3


@dataclass(frozen=True)
class Wish:
    generation: int
    is_wanted: bool = True
    resource: str | None = None


class ToyWorld:
    """One model. `has_sweep`: recovery also removes what no row speaks of."""

    def __init__(self, gate: Gate, *, has_sweep: bool = True) -> None:
        self.gate, self.has_sweep = gate, has_sweep
        self.row: Wish | None = None
        self.cloud: dict[str, int] = {}  # resource -> created at
        self.generations = self.now = 0
        self.locks = (GateLock(gate, "one"), GateLock(gate, "other"))

    def digest(self) -> bytes:
        return fingerprint(self.row, self.cloud, self.generations, self.now, [lock.is_held for lock in self.locks])

    # --- what processes may call

    def read(self) -> Wish | None:
        return self._call("row.read", lambda: self.row, LOCAL_READ)

    def write(self, wish: Wish | None, expected: Callable[[Wish | None], bool] = lambda _: True) -> None:
        def effect() -> None:
            if not expected(self.row):
                raise Conflict("changed meanwhile")
            self.row = wish

        self._call("row.write", effect, LOCAL_WRITE)

    def launch(self, name: str) -> None:
        self._call("cloud.create", lambda: self.cloud.setdefault(name, self.now), WRITE)

    def exists(self, name: str) -> bool:
        return self._call("cloud.describe", lambda: name in self.cloud, READ)

    def terminate(self, name: str) -> None:
        def effect() -> None:
            if self.cloud.pop(name, None) is None:
                raise NotFound(name)

        self._call("cloud.delete", effect, WRITE)

    def new_generation(self) -> int:
        self.generations += 1
        self.gate.saw(self.generations)
        return self.generations

    def _call(self, name: str, effect: Callable[[], T], faults: tuple[Fault, ...]) -> T:
        return faulty(self.gate, name, effect, lambda: Throttled(name), lambda: UpstreamTimeout(name), faults)

    # --- the judge

    def violations_now(self) -> Sequence[Violation]:
        return ()

    def recover(self) -> None:
        for _ in range(SWEEP_GRACE + 1):
            self.now += 1
            if self.row is not None:
                reconcile(self)
            for name, since in list(self.cloud.items()):
                if self.has_sweep and not self._is_spoken_for(name) and self.now - since >= SWEEP_GRACE:
                    self.terminate(name)

    def _is_spoken_for(self, name: str) -> bool:
        if self.row is None or not self.row.is_wanted:
            return False
        return name == (name_of(self.row) if self.row.resource is None else self.row.resource)

    def violations(self, outcomes: Sequence[Outcome]) -> Sequence[Violation]:
        return [Violation("leak", f"{name} runs for nobody") for name in self.cloud if not self._is_spoken_for(name)]


def name_of(wish: Wish) -> str:
    return f"m-{wish.generation}"


# --- the name is remembered once there is something (it leaks)


def create_then_remember(world: ToyWorld) -> str:
    if world.read() is not None:
        return "exists"
    wish = Wish(world.new_generation(), resource="")
    world.write(wish)
    world.launch(name_of(wish))
    world.write(replace(wish, resource=name_of(wish)))
    return "created"


def delete_what_is_remembered(world: ToyWorld) -> None:
    wish = world.read()
    if wish is None:
        return
    if wish.resource:
        world.terminate(wish.resource)
    world.write(None)


# --- the intent first, names that follow from it


def create(world: ToyWorld) -> str:
    world.write(Wish(world.new_generation()), lambda row: row is None)
    reconcile(world)
    return "created"


def delete(world: ToyWorld) -> None:
    wish = world.read()
    if wish is not None:
        world.write(replace(wish, is_wanted=False), lambda row: row == wish)
        reconcile(world)


def reconcile(world: ToyWorld) -> None:
    wish = world.read()
    if wish is None or wish.resource is not None:  # those of the other ordering have no reconcile
        return
    is_there = world.exists(name_of(wish))
    if wish.is_wanted and not is_there:
        world.launch(name_of(wish))
    if not wish.is_wanted and is_there:
        world.terminate(name_of(wish))
    if not wish.is_wanted:
        world.write(None, lambda row: row == wish)


# --- two locks in two orders


def take_both(world: ToyWorld, first: int) -> None:
    with world.locks[first], world.locks[1 - first]:
        world.read()


def _without_sweep(gate: Gate) -> ToyWorld:
    return ToyWorld(gate, has_sweep=False)


TOYS = tuple(
    Scenario(f"toy-{name}", build, operations)
    for name, build, operations in (
        ("remember", _without_sweep, {"create": create_then_remember}),
        ("remember+delete", _without_sweep, {"create": create_then_remember, "delete": delete_what_is_remembered}),
        ("unswept", _without_sweep, {"create": create, "delete": delete}),
        ("swept", ToyWorld, {"create": create, "delete": delete}),
        ("swept-3", ToyWorld, {"create": create, "create-2": create, "delete": delete}),
        ("locks", ToyWorld, {"one": lambda w: take_both(w, 0), "other": lambda w: take_both(w, 1)}),
    )
)
