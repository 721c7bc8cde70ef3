"""Worlds in which a part is down or a promise is at stake that the others never touch, each with its own scenarios."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from llmanager.models import rows
from llmanager.models.caps import Caps
from llmanager.models.entities import Desired
from llmanager.models.reconcile import DEAD_MAN_S, RENEWED_AFTER_S
from llmanager.models.usecases.registry import Registry
from llmanager.models.usecases.sweep import GRACE_S
from tests.simulation.execution import Operation, Outcome, Scenario, Violation
from tests.simulation.gate import Gate
from tests.simulation.local_models import LocalModels
from tests.simulation.models_operations import (
    IDLE_S,
    KEY,
    PERIOD_S,
    Prepared,
    asleep,
    do_admit,
    do_admit_other,
    do_create,
    do_create_and_query,
    do_delete,
    do_late_query,
    do_move,
    do_pass,
    do_query,
    do_reap_ahead,
    do_stream,
    do_sweep,
    do_watch,
    idle,
    nothing,
    up,
)
from tests.simulation.models_world import ModelsWorld
from tests.simulation.sagemaker_models import SageMakerModels

TTL_S = 2_000


class Lagging(SageMakerModels):
    """What was made a moment ago is not seen yet."""

    conditions: Mapping[str, Any] = MappingProxyType({"lag_s": 5})


class LongHeld(SageMakerModels):
    """Everybody comes round for longer than the platform waits before it scales an unused model to zero."""

    rounds_to_recover = 20


class WatchdogDead(SageMakerModels):
    def watchdog(self) -> None:
        return


class ReaperDead(SageMakerModels):
    """Nobody renews anything from now on: only the tags and the watchdog are left."""

    rounds_to_recover = 18  # instances are released late
    is_reaper_dead = False

    def recover(self) -> None:
        self.is_reaper_dead = True
        told = min(t.tags["llmanager:expires_at"] for t in self.cloud.billable() if t.kind == "endpoint")
        self.tick((datetime.fromisoformat(told) - self.clock.now()).total_seconds())
        super().recover()

    def round(self) -> None:
        if not self.is_reaper_dead:
            super().round()
            return
        self.tick(PERIOD_S)
        self.watchdog()

    def violations(self, outcomes: Sequence[Outcome]) -> Iterable[Violation]:
        return self.broken


class Unmeasured(SageMakerModels):
    """No request of ours, GPUs that work for somebody else, and metrics that say nothing."""

    def violations(self, outcomes: Sequence[Outcome]) -> Iterable[Violation]:
        yield from super().violations(outcomes)
        model = self.row()
        if model is None or model.desired is not Desired.RUNNING:
            yield Violation("busy-kill", "it was put to sleep though nobody knows whether it is idle")


class RowLost(SageMakerModels):
    """A row is gone that nobody dropped."""

    def violations(self, outcomes: Sequence[Outcome]) -> Iterable[Violation]:
        if not self.resources():
            yield Violation("fleet-kill", "a lost row took its model with it")


class Capped(SageMakerModels):
    """Room for one of two."""

    def registry_of(self, *, skew_s: float = 0.0, **parts: Any) -> Registry:
        return super().registry_of(skew_s=skew_s, caps=Caps(max_instances=4), **parts)

    def recover(self) -> None:
        return

    def violations(self, outcomes: Sequence[Outcome]) -> Iterable[Violation]:
        taken = sum(self.registry.claim(model).instances for model in self.registry.every())
        if taken > self.registry.caps.max_instances:
            yield Violation("over-cap", f"{taken} instances were admitted")


# states to begin from


def short_lived(world: ModelsWorld) -> None:
    """Up, and near its hard end."""
    do_create(world, ttl_s=TTL_S)
    world.live_until(lambda: bool(world.ready(world.resource())))
    model = world.row()
    assert model is not None
    world.tick((model.created_at + timedelta(seconds=TTL_S) - world.clock.now()).total_seconds() - PERIOD_S)
    do_query(world)
    world.is_there_first = True


def kept_awake(world: ModelsWorld) -> None:
    do_create(world, sleep_after_s=None)
    world.live_until(lambda: bool(world.ready(world.resource())))
    world.pass_once()
    do_query(world)
    world.is_there_first = True


def kept_for_days(world: ModelsWorld) -> None:
    """Past the first end that its tags told, which was renewed in time."""
    kept_awake(world)
    world.tick(DEAD_MAN_S - RENEWED_AFTER_S)
    world.pass_once()
    world.tick(2 * RENEWED_AFTER_S)


def unmeasured(world: ModelsWorld) -> None:
    do_create(world, gpu_idle_below_percent=Decimal(5))
    world.live_until(lambda: bool(world.ready(world.resource())))
    do_query(world)
    assert isinstance(world, SageMakerModels)
    world.cloud.load(world.resource(), concurrent_requests=1, gpu_percent=80)
    world.cloud.silence_metrics()
    world.tick(IDLE_S + 1)
    world.is_there_first = True


def row_lost(world: ModelsWorld) -> None:
    up(world)
    world.tick(GRACE_S)
    world.table._rows.pop((rows.model_partition(KEY[0]), KEY[1]))


def scenario(
    name: str,
    make: Callable[[Gate], ModelsWorld],
    prepare: Callable[[ModelsWorld], None],
    operations: Mapping[str, Operation],
) -> Scenario:
    return Scenario(name, Prepared(make, prepare), operations)


SWEEP_AND_NEW = scenario(
    "local-nothing-sweep-new", LocalModels, nothing, {"sweep": do_sweep, "new": do_create_and_query}
)
IDLE = scenario("local-idle-pass-query", LocalModels, idle, {"pass": do_pass, "query": do_query})
FROZEN = scenario(
    "sagemaker-idle-pass-late-query", SageMakerModels, idle, {"pass": do_pass, "late-query": do_late_query}
)
SKEWED = scenario("sagemaker-up-query-reap-ahead", SageMakerModels, up, {"query": do_query, "reap": do_reap_ahead})
MOVED = scenario("sagemaker-up-move-delete", SageMakerModels, up, {"move": do_move, "delete": do_delete})
LAGGING = scenario("lagging-create-delete", Lagging, nothing, {"create": do_create, "delete": do_delete})
LONG_HELD = scenario("long-held-stream-watch", LongHeld, up, {"stream": do_stream, "watch": do_watch})
OVER_WHILE_HELD = scenario(
    "watchdog-dead-stream-query", WatchdogDead, short_lived, {"stream": do_stream, "query": do_query}
)
UNRENEWED = scenario("reaper-dead-query-watch", ReaperDead, kept_awake, {"query": do_query, "watch": do_watch})
RENEWED = scenario("sagemaker-days-query-watch", SageMakerModels, kept_for_days, {"query": do_query, "watch": do_watch})
STORM = scenario("sagemaker-asleep-stream-query", SageMakerModels, asleep, {"stream": do_stream, "query": do_query})
UNMEASURED = scenario("unmeasured-pass-watch", Unmeasured, unmeasured, {"pass": do_pass, "watch": do_watch})
ROW_LOST = scenario("row-lost-sweep-watch", RowLost, row_lost, {"sweep": do_sweep, "watch": do_watch})
CAPPED = scenario("capped-create-create", Capped, nothing, {"create": do_admit, "create-other": do_admit_other})

SPECIAL_SCENARIOS = (
    IDLE,
    SWEEP_AND_NEW,
    FROZEN,
    SKEWED,
    MOVED,
    LAGGING,
    LONG_HELD,
    OVER_WHILE_HELD,
    UNRENEWED,
    RENEWED,
    STORM,
    UNMEASURED,
    ROW_LOST,
    CAPPED,
)
