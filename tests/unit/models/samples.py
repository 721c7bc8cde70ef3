"""Models to start a test from, what is seen of them, and one decision about them."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from llmanager.models.entities import Desired, Model, ModelSpec, Observation, Quote, Replica, ReplicaState, Scaling, Use
from llmanager.models.ports import HostTraits
from llmanager.models.reconcile import Decision, plan
from llmanager.models.sight import Sight
from tests.fakes.clock import NOON


def at(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def quote(**changes: Any) -> Quote:
    free = Quote("local", Decimal(0), Decimal(0), 100, 0, 500, 4096, fits=True, fit_reason="100 of 1000 MiB")
    return replace(free, **changes)


def model(*, replicas: int = 1, **changes: Any) -> Model:
    """A running model of tenant acme, created at noon, that nothing was seen of yet."""
    spec = ModelSpec("demo-tiny", scaling=Scaling(min=0 if replicas == 1 else replicas), sleep_after_s=900)
    new = Model("acme", "greeter", "g1", "lm-dev-greeter-x", spec, quote(), Desired.RUNNING, NOON, NOON, NOON)
    spec_changes = {k: changes.pop(k) for k in ("sleep_after_s", "delete_after_s", "ttl_s") if k in changes}
    return replace(new, spec=replace(spec, **spec_changes), **changes)


def seeing(
    *states: ReplicaState, reason: str = "", is_final: bool = False, exists: bool = True, revision: int = 1
) -> Observation:
    """Replica 0 in the first state, 1 in the second, ..."""
    replicas = (Replica(i, s, reason=reason, is_final=is_final, revision=revision) for i, s in enumerate(states))
    return Observation(exists=exists, replicas=tuple(replicas))


NOTHING = Observation(exists=False)
STARTING, READY, FAILED, STOPPING = (
    seeing(ReplicaState.STARTING),
    seeing(ReplicaState.READY),
    seeing(ReplicaState.FAILED, reason="it broke"),
    seeing(ReplicaState.STOPPING),
)
UNUSED = Use()


def decide(m: Model, seen: Observation, use: Use = UNUSED, seconds: float = 0, **sight: Any) -> Decision:
    """`sight`: its other members, or those of the host's traits."""
    traits = {name: sight.pop(name) for name in [*sight] if name in HostTraits.__dataclass_fields__}
    return plan(m, Sight(seen, use, HostTraits(**traits), **sight), at(seconds))


def sight(use: Use) -> Sight:
    return Sight(READY, use)


def running(**changes: object) -> Model:
    """A model that became ready at noon."""
    return decide(model(running_revision=1, **changes), READY).model


def held(until_s: float, last_used_s: float = 0) -> Use:
    return Use({"gateway": at(until_s)}, at(last_used_s), version=7)
