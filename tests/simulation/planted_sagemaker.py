"""Bugs in what is asked of SageMaker, and in what the lifecycle asks only where a platform scales by itself."""

from dataclasses import replace
from typing import Any

from llmanager.adapters.aws import sagemaker_calls as calls
from llmanager.adapters.aws import sagemaker_remove, sagemaker_requests
from llmanager.adapters.aws.sagemaker_calls import Answer, Clients
from llmanager.models import reconcile
from llmanager.models.sight import Sight
from tests.simulation.models_special import LONG_HELD, MOVED, STORM, UNRENEWED
from tests.simulation.planted_models import of
from tests.simulation.planting import Swap, planted


def _untagged(right: Any) -> Any:
    def component(*given: Any) -> Any:
        return {key: value for key, value in right(*given).items() if key != "Tags"}

    return component


def _as_if_unheld(right: Any) -> Any:
    def range_(model: Any, sight: Sight, now: Any, **more: Any) -> Any:
        return right(model, replace(sight, use=replace(sight.use, holders={})), now, **more)

    return range_


def _only_its_own(_: Any) -> Any:
    def configs_of(clients: Clients, resource: str) -> list[Answer]:
        own = calls.config(clients, resource)
        return [] if own is None else [own]

    return configs_of


def _floor_left(_: Any) -> Any:
    def target(clients: Clients, resource: str) -> None:
        return None

    return target


class _CallsWithoutTarget:
    """The module of calls, to which scalable targets are unknown."""

    def __getattr__(self, name: str) -> Any:
        return _floor_left(None) if name == "target" else getattr(calls, name)


def _a_copy_each(right: Any) -> Any:
    def sized(before: Any, scaling: Any, **more: Any) -> Any:
        return right(before, replace(scaling, target_concurrency=1), **more)

    return sized


SAGEMAKER_BUGS = (
    planted(
        "untagged-component",
        "one of the calls that create something forgets the tags",
        of("sagemaker-nothing-create-watch"),
        Swap(sagemaker_requests, "component", _untagged),
        kinds=("untagged",),
    ),
    planted(
        "leased-without-a-floor",
        "autoscaling, which knows no leases, may scale a model to zero while it is leased",
        LONG_HELD,
        Swap(reconcile, "_range", _as_if_unheld),
    ),
    planted(
        "config-by-guess",
        "delete looks for the first endpoint config by its name and leaves those of updates (SageMaker's own SDK)",
        MOVED,
        Swap(calls, "configs_of", _only_its_own),
    ),
    planted(
        "parked-under-a-floor",
        "the watchdog stops the copies and leaves the floor, so that the platform starts them again",
        UNRENEWED,
        Swap(sagemaker_remove, "calls", lambda _: _CallsWithoutTarget()),
    ),
    planted(
        "a-copy-for-each-caller",
        "so many copies are started as callers wait",
        STORM,
        Swap(reconcile, "sized", _a_copy_each),
        kinds=("storm",),
    ),
)
