"""The limits in a model's life, and what is due when one is reached: sleep, deletion, waking by schedule. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from llmanager.models.entities import Desired, Model, Use
from llmanager.models.schedule import Active, active, next_edge
from llmanager.models.sight import Sight

GPU_LOOK_S = 60.0  # until busy GPUs of an unused model are looked at again
GPU_WINDOW_S = 600.0  # in which they must have been idle, at least: metrics come minutes late


@dataclass(frozen=True)
class Turn:
    """A limit was reached: the wish changes without anybody asking."""

    desired: Desired
    why: str
    needs_no_use: bool = False  # only if nobody began to use the model meanwhile


def turn(model: Model, sight: Sight, now: datetime, *, was_up: bool) -> Turn | None:
    """The limit that is reached, if any. `was_up`: by the row, a replica got ready after the last wish, and was so."""
    if model.desired is Desired.DELETED:
        return None
    if _is_reached(expires_at(model), now):
        return Turn(Desired.DELETED, "its time to live is over")
    window = window_at(model, now)
    if model.desired is Desired.ASLEEP and window is not None and window.since > model.desired_at:
        return Turn(Desired.RUNNING, "its schedule")
    return None if sight.is_held(now) else _unused(model, sight, now, window, was_up=was_up)


def _unused(model: Model, sight: Sight, now: datetime, window: Active | None, *, was_up: bool) -> Turn | None:
    if _is_reached(_deletes_at(model, sight, now), now):
        return Turn(Desired.DELETED, f"asleep and unused for {model.spec.delete_after_s} s", needs_no_use=True)
    if model.desired is not Desired.RUNNING or window is not None:
        return None
    never_sleeps = model.spec.sleep_after_s is None  # left parked it would be one that somebody must wake
    if was_up and sight.seen.is_parked and sight.traits.scales_itself and not never_sleeps:
        return Turn(Desired.ASLEEP, "put to sleep by its platform", needs_no_use=True)
    if _is_reached(sleeps_at(model, sight, now), now) and _gpus(model, sight) == "idle":
        what = "idle" if model.ready_at is not None else "failed, and unused"
        return Turn(Desired.ASLEEP, f"{what} for {model.spec.sleep_after_s} s", needs_no_use=True)
    return None


def asks_gpus(model: Model, sight: Sight, now: datetime) -> bool:
    """Whether only the GPUs can tell if it is idle. Metrics cost money: nobody asks them before."""
    is_candidate = not sight.is_held(now) and _is_reached(sleeps_at(model, sight, now), now)
    return is_candidate and window_at(model, now) is None and _gpus(model, sight) == "ask"


def gpus_since(model: Model, use: Use, now: datetime) -> datetime:
    """From when on busy GPUs count. Not for ever: what they did long ago keeps no model awake."""
    window = timedelta(seconds=max(model.spec.sleep_after_s or 0, GPU_WINDOW_S))
    return max(idle_since(model, use), now - window)


def _gpus(model: Model, sight: Sight) -> Literal["idle", "busy", "ask"]:
    threshold = model.spec.gpu_idle_below_percent
    if threshold is None or not sight.traits.measures_gpus or model.ready_at is None:
        return "idle"
    if sight.gpu is None:
        return "ask"
    return "idle" if sight.gpu.percent is not None and sight.gpu.percent < threshold else "busy"


def sleeps_at(model: Model, sight: Sight, now: datetime) -> datetime | None:
    """When the model will go to sleep if nobody uses it from now on. None: never, or it is not up.

    One that fails where tries cost money sleeps too: else each try is paid for, for ever, and serves nobody.
    """
    is_costly_failure = bool(model.failure) and sight.traits.is_billed
    if model.desired is not Desired.RUNNING or model.spec.sleep_after_s is None:
        return None
    if model.ready_at is None and not is_costly_failure:
        return None
    at = idle_since(model, sight.use, now if sight.is_held(now) else None) + timedelta(seconds=model.spec.sleep_after_s)
    window = window_at(model, now)
    return at if window is None else max(at, window.until)


def idle_since(model: Model, use: Use, held_at: datetime | None = None) -> datetime:
    """Since when nobody uses it. Whoever woke it wants it: it is idle from its last wish on, at the earliest."""
    times = [model.desired_at, model.ready_at, use.last_used_at, held_at]
    return max(at for at in times if at is not None)


def expires_at(model: Model) -> datetime | None:
    """The hard end of life. None: none."""
    return None if model.spec.ttl_s is None else model.created_at + timedelta(seconds=model.spec.ttl_s)


def ends_at(model: Model) -> datetime | None:
    """From when on nothing of it may be there, as its tags tell whoever knows no rows. None: not known."""
    end = expires_at(model)
    if model.desired is not Desired.DELETED:
        return end
    return model.desired_at if end is None else min(end, model.desired_at)


def window_at(model: Model, now: datetime) -> Active | None:
    """The window of its schedule that `now` is in."""
    return active(model.spec.scaling.schedule, now)


def next_limit(model: Model, sight: Sight, now: datetime) -> datetime | None:
    """When `turn` may next say something new."""
    sleeps = sleeps_at(model, sight, now)
    if sleeps is not None and sleeps <= now:
        sleeps = now + timedelta(seconds=GPU_LOOK_S)
    edge = next_edge(model.spec.scaling.schedule, now)
    limits = (sleeps, expires_at(model), _deletes_at(model, sight, now), edge)
    return min((at for at in limits if at is not None), default=None)


def _deletes_at(model: Model, sight: Sight, now: datetime) -> datetime | None:
    if model.desired is not Desired.ASLEEP or model.spec.delete_after_s is None:
        return None
    return (now if sight.is_held(now) else model.desired_at) + timedelta(seconds=model.spec.delete_after_s)


def _is_reached(limit: datetime | None, now: datetime) -> bool:
    return limit is not None and limit <= now
