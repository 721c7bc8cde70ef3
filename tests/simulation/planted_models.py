"""Bugs in the lifecycle's own rules: orderings, guards, leases, limits. docs/simulation.md tells who made which."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from llmanager.kernel.table import Action, Delete, Put
from llmanager.models import limits, reconcile, rows
from llmanager.models.actions import ForgetModel, Retag, StartReplica
from llmanager.models.entities import Desired, Model, Observation
from llmanager.models.limits import Turn
from llmanager.models.reconcile import Decision
from llmanager.models.sight import Sight
from llmanager.models.usecases import create, sweep
from llmanager.models.usecases import reconcile as passes
from llmanager.models.usecases.registry import Registry
from tests.simulation.execution import Scenario
from tests.simulation.models_scenarios import MODEL_SCENARIOS
from tests.simulation.models_special import (
    CAPPED,
    FROZEN,
    IDLE,
    LAGGING,
    OVER_WHILE_HELD,
    RENEWED,
    SKEWED,
    SWEEP_AND_NEW,
    UNMEASURED,
)
from tests.simulation.planting import Swap, planted


def of(name: str) -> Scenario:
    return next(s for s in MODEL_SCENARIOS if s.name == name)


def _check_then_put(right: Any) -> Any:
    def save(self: Registry, model: Model, expect: Any, guards: Sequence[Action] = ()) -> Model:
        return right(self, model, "any") if expect == "absent" else right(self, model, expect, guards)

    return save


def _forget_what_was_not_noted(right: Any) -> Any:
    def converge(model: Model, before: Observation, sight: Sight, now: datetime) -> Decision:
        if model.desired is Desired.DELETED and not before.exists:
            return Decision(model, (ForgetModel(),))
        return right(model, before, sight, now)

    return converge


def _without_tombstone(_: Any) -> Any:
    def drop(self: Registry, model: Model, guards: Sequence[Action] = ()) -> None:
        tenant, name = model.key
        gone = [Delete(rows.model_partition(tenant), name, model.version), Delete(rows.use_partition(tenant), name)]
        self.table.transact([*gone, *guards])

    return drop


def _gone_at_once(right: Any) -> Any:
    def toward_nothing(model: Model, sight: Sight, now: datetime) -> Decision:
        return right(model, replace(sight, traits=replace(sight.traits, gone_after_s=0.0)), now)

    return toward_nothing


def _name_noted_later(right: Any) -> Any:
    def act(registry: Registry, model: Model, decision: Decision, lease: Any) -> Any:
        if model.observed.exists or not any(isinstance(a, StartReplica) for a in decision.actions):
            return right(registry, model, decision, lease)
        named = replace(model, resource=f"{model.resource[:-4]}{registry.new_id()[-4:]}")
        outcome = right(registry, named, decision, lease)
        registry.save(named, model.version, [lease])
        return outcome

    return act


def _noted_and_not_told(right: Any) -> Any:
    def done(registry: Registry, model: Model, action: Any, lease: Any) -> Model:
        if isinstance(action, Retag):
            return registry.save(replace(model, tagged=action.tagged), model.version, [lease])
        return right(registry, model, action, lease)

    return done


def _unguarded(right: Any) -> Any:
    def plan(*given: Any) -> Decision:
        return replace(right(*given), needs_no_use=False)

    return plan


def _taken_anyway(_: Any) -> Any:
    def take(registry: Registry, lease: Any) -> Any:
        return registry.table.put(lease, "any")

    return take


class _Endless:
    def __init__(self, _: float) -> None: ...

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def _no_data_is_idle(right: Any) -> Any:
    def gpus(model: Model, sight: Sight) -> str:
        return "idle" if sight.gpu is not None and sight.gpu.percent is None else right(model, sight)

    return gpus


def _by_our_clock(_: Any) -> Any:
    def is_held(self: Sight, now: datetime) -> bool:
        return bool(self.busy) or self.use.is_held(now)

    return is_held


def _held_comes_first(right: Any) -> Any:
    def turn(model: Model, sight: Sight, now: datetime, *, was_up: bool) -> Turn | None:
        return None if sight.is_held(now) else right(model, sight, now, was_up=was_up)

    return turn


def _added_up_without_a_lock(right: Any) -> Any:
    def admission(registry: Registry, model: Model) -> Put:
        return replace(right(registry, model), expect="any")

    return admission


class _Earlier:
    """A registry whose models were read before."""

    def __init__(self, registry: Registry) -> None:
        self._registry, self._models = registry, tuple(registry.every())

    def every(self) -> Any:
        return iter(self._models)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._registry, name)


def _rows_first(right: Any) -> Any:
    def swept(registry: Registry, *given: Any) -> Any:
        return right(_Earlier(registry), *given)

    return swept


MODEL_BUGS = (
    planted(
        "check-then-put",
        "create looks whether the name is free, then writes without a condition (LISA)",
        of("sagemaker-nothing-create-create"),
        Swap(Registry, "save", _check_then_put),
    ),
    planted(
        "row-without-a-trace",
        "delete drops the row, and no tombstone, where the row does not yet say that anything was made (LISA)",
        of("sagemaker-nothing-create-delete"),
        Swap(reconcile, "_converge", _forget_what_was_not_noted),
        Swap(Registry, "drop", _without_tombstone),
    ),
    planted(
        "name-after-create",
        "each attempt makes a name of its own, and the row learns it once the call is answered (LISA, Crossplane)",
        of("sagemaker-nothing-create-watch"),
        Swap(passes, "_act", _name_noted_later),
    ),
    planted(
        "gone-at-first-sight",
        "the row is dropped when the cloud says NotFound once, though what it shows lags behind (SkyPilot)",
        LAGGING,
        Swap(reconcile, "_toward_nothing", _gone_at_once),
        kinds=("forgotten",),
    ),
    planted(
        "renewed-in-the-row-only",
        "the dead man's switch is renewed in the row and not on the resource",
        RENEWED,
        Swap(passes, "_done", _noted_and_not_told),
    ),
    planted(
        "reaper-without-recheck",
        "an idle model is put to sleep without looking again whether somebody began to use it (JupyterHub's culler)",
        IDLE,
        Swap(passes, "plan", _unguarded),
    ),
    planted(
        "wake-without-lease",
        "a pass takes the reconcile lease though another one holds it",
        IDLE,
        Swap(passes, "_take_lease", _taken_anyway),
    ),
    planted(
        "no-fence",
        "a pass that was frozen acts when it thaws, after its lease (AWS, 19 October 2025)",
        FROZEN,
        Swap(passes, "deadline", lambda _: _Endless),
    ),
    planted(
        "no-data-is-idle",
        "metrics that are missing count as an idle GPU (aws-doctor)",
        UNMEASURED,
        Swap(limits, "_gpus", _no_data_is_idle),
        kinds=("busy-kill",),
    ),
    planted(
        "one-clock-for-all",
        "leases are compared with one's own clock, as if all clocks agreed",
        SKEWED,
        Swap(Sight, "is_held", _by_our_clock),
    ),
    planted(
        "held-beyond-its-end",
        "the hard end of life is looked at only while nobody holds the model",
        OVER_WHILE_HELD,
        Swap(reconcile, "turn", _held_comes_first),
    ),
    planted(
        "caps-added-up-alone",
        "what is taken is added up and then admitted, with nothing between two that do so at once (LiteLLM's budgets)",
        CAPPED,
        Swap(create, "admission", _added_up_without_a_lock),
        kinds=("over-cap",),
    ),
    planted(
        "rows-before-resources",
        "the sweep reads the rows, then lists the resources: what was made in between is an orphan",
        SWEEP_AND_NEW,
        Swap(sweep, "_swept", _rows_first),
    ),
)
