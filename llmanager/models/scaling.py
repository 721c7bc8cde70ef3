"""How many replicas are wanted, from the requests that we count ourselves. Pure: up at once, down with patience."""

from datetime import datetime, timedelta

from llmanager.models.entities import Scaling, Sizing

DOWN_AFTER_S = 60  # fewer replicas must have been enough for that long


def sized(before: Sizing, scaling: Scaling, *, demand: int, floor: int, now: datetime) -> Sizing:
    """The sizing that holds from now on; equal to `before` if nothing changes.

    `demand`: requests open or waiting everywhere. `floor`: replicas that run without any, even above `scaling.max`.
    """
    needed = min(max(floor, -(-demand // scaling.target_concurrency)), max(floor, scaling.max))
    if needed >= before.replicas:
        return Sizing(needed)
    since = min(before.surplus_since or now, now)  # a clock that was ahead for a while must not keep replicas for it
    if now - since >= timedelta(seconds=DOWN_AFTER_S):
        return Sizing(needed)
    return Sizing(before.replicas, since)
