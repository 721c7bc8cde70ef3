"""What processes do with models, and the states that they begin in."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from llmanager.models.entities import Desired, ModelSpec, Scaling
from llmanager.models.usecases import change
from llmanager.models.usecases.create import Creation, create
from llmanager.models.usecases.sweep import sweep
from llmanager.models.usecases.use import hold, let_go
from llmanager.models.usecases.watch import watch
from tests.simulation.gate import Gate
from tests.simulation.models_world import IDLE_S, KEY, LEASE_S, PERIOD_S, ModelsWorld

STREAM_S: Final = 3_600.0
SKEW_S: Final = 590.0


def do_create(world: ModelsWorld, **limits: Any) -> str:
    model = create(world.registry, Creation(*KEY, world.spec(**limits), accept_unknown_price=True))
    world.pass_once()
    return model.resource


def do_delete(world: ModelsWorld) -> None:
    change.delete(world.registry, KEY)
    world.pass_once()


def do_sleep(world: ModelsWorld) -> None:
    change.sleep(world.registry, KEY)
    world.pass_once()


def do_update(world: ModelsWorld) -> None:
    """Replicas are replaced by two others."""

    def revise(spec: ModelSpec) -> ModelSpec:
        return replace(spec, context_tokens=512, scaling=Scaling(min=2, max=2))

    change.update(world.registry, KEY, revise, accept_unknown_price=True)
    world.pass_once()


def do_query(world: ModelsWorld) -> str:
    """A request, as the gateway serves it: lease, wake if need be, wait, serve, let go. A gateway each."""
    holder = "gateway" if world.gate.running is None else world.gate.running.name
    hold(world.registry, KEY, holder, LEASE_S)
    for _ in range(3):
        model = world.registry.require(KEY)
        if model.desired is not Desired.RUNNING:
            change.wake(world.registry, KEY, "a request")
        elif offered := world.offered(model):
            world.serving[holder] = (model.resource, min(offered))
            try:
                world.gate("serve", ())
            finally:
                del world.serving[holder]
            break
        world.pass_once()
    let_go(world.registry, KEY, holder)
    return "served"


def do_reap(world: ModelsWorld) -> None:
    """A reaper that comes twice, a period apart: what others hold in flight meanwhile is that old then."""
    world.pass_once()
    sweep(world.registry)
    world.gate("time", ())
    world.tick(PERIOD_S)
    world.pass_once()


def do_watch(world: ModelsWorld) -> None:
    watch(world.host, now=world.registry.clock.now(), stage=world.stage)


def do_wake(world: ModelsWorld) -> None:
    change.wake(world.registry, KEY)
    world.pass_once()


def do_pass(world: ModelsWorld) -> None:
    world.pass_once()


def do_sweep(world: ModelsWorld) -> None:
    sweep(world.registry)


def do_stream(world: ModelsWorld) -> None:
    """An answer that takes longer than anybody is patient: only its lease tells of it, and nobody ends that."""
    hold(world.registry, KEY, "streaming", STREAM_S)


def do_late_query(world: ModelsWorld) -> str:
    """A request that comes when every lease of now is over."""
    world.gate("time", ())
    world.tick(PERIOD_S)
    return do_query(world)


def do_create_and_query(world: ModelsWorld) -> str:
    do_create(world)
    world.gate("time", ())
    world.tick(PERIOD_S)
    return do_query(world)


def do_reap_ahead(world: ModelsWorld) -> None:
    """A reaper whose clock is ahead of everybody else's by as much as clocks may differ."""
    world.pass_once(world.registry_of(skew_s=SKEW_S))


def do_move(world: ModelsWorld) -> None:
    """To another kind of instance, which takes another endpoint config."""
    change.update(
        world.registry, KEY, lambda spec: replace(spec, instance_type="ml.g6.xlarge"), accept_unknown_price=True
    )
    world.pass_once()


def do_admit(world: ModelsWorld) -> None:
    """The row alone: whether there is room for it is decided then."""
    create(world.registry, Creation(*KEY, world.spec(), accept_unknown_price=True))


def do_admit_other(world: ModelsWorld) -> None:
    create(world.registry, Creation(KEY[0], "other", world.spec(), accept_unknown_price=True))


# states to begin from


def nothing(world: ModelsWorld) -> None:
    """Nobody asked for anything yet."""


def up(world: ModelsWorld) -> None:
    """Ready and used just now."""
    do_create(world)
    world.live_until(lambda: bool(world.ready(world.resource())))
    do_query(world)
    world.is_there_first = True


def idle(world: ModelsWorld) -> None:
    """Ready, and unused for so long that the next look puts it to sleep."""
    up(world)
    world.tick(IDLE_S + 1)


def asleep(world: ModelsWorld) -> None:
    idle(world)
    world.live_until(lambda: not any(world.resources().values()))


def deleting(world: ModelsWorld) -> None:
    """Asked for, and nothing done about it yet."""
    up(world)
    change.delete(world.registry, KEY)
    world.is_there_first = False  # its name is free as soon as it is gone


PREPARED = {"nothing": nothing, "up": up, "idle": idle, "asleep": asleep, "deleting": deleting}


class Prepared:
    """Builds worlds of one kind in one state: the first time by living through it."""

    def __init__(self, make: Callable[[Gate], ModelsWorld], prepare: Callable[[ModelsWorld], None]) -> None:
        self._make, self._prepare = make, prepare
        self._snapshot: Any = None

    def anew(self) -> "Prepared":
        """One that lives through it again."""
        return Prepared(self._make, self._prepare)

    def __call__(self, gate: Gate) -> ModelsWorld:
        world = self._make(gate)
        if self._snapshot is None:
            self._prepare(world)
            self._snapshot = world.snapshot()
        else:
            world.restore(self._snapshot)
        return world
