"""What about a model a person should look at, in words that stay the same while it lasts. Pure."""

from datetime import datetime, timedelta

from llmanager.models.entities import Desired, Model, Status
from llmanager.models.limits import expires_at
from llmanager.models.reconcile import status

STARTING_AFTER = timedelta(minutes=30)
LEAVING_AFTER = timedelta(minutes=10)  # what should be gone by then


def alarms(model: Model, now: datetime) -> tuple[str, ...]:
    """None of them stops anything: what can be tried again is tried again for ever."""
    found = (_starting(model, now), _leaving(model, now), _failed(model), _overdue(model, now), _unpriced(model))
    return tuple(alarm for alarm in found if alarm)


def _starting(model: Model, now: datetime) -> str:
    told = status(model)
    since = max(model.desired_at, model.revised_at, *(event.at for event in model.events))
    is_late = told in (Status.CREATING, Status.WAKING) and now - since > STARTING_AFTER
    return f"{told.value} for more than 30 minutes" if is_late else ""


def is_leaving_late(model: Model, now: datetime) -> bool:
    return model.desired is Desired.DELETED and now - model.desired_at > LEAVING_AFTER


def is_past_its_time(model: Model, now: datetime) -> bool:
    end = expires_at(model)
    return end is not None and now - end > LEAVING_AFTER


def _leaving(model: Model, now: datetime) -> str:
    told = "deleting for more than 10 minutes; it is tried again until it is gone"
    return told if is_leaving_late(model, now) else ""


def _failed(model: Model) -> str:
    return f"failed: {model.failure}" if status(model) is Status.FAILED else ""


def _overdue(model: Model, now: datetime) -> str:
    return "past its time to live and still there" if is_past_its_time(model, now) else ""


def _unpriced(model: Model) -> str:
    is_running = model.observed.instances > 0 or bool(model.observed.replicas)
    is_unknown = model.quote.usd_per_instance_hour is None
    return "running at an unknown price" if is_running and is_unknown else ""
