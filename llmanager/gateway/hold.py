"""Holds requests for a model that is not up: asks once that it wake, and waits for a replica."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from llmanager.gateway.answer import Answer
from llmanager.gateway.errors import ModelNotFound
from llmanager.gateway.policy import Limits
from llmanager.gateway.ports import Directory, Route
from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import LLManagerError, Unavailable

_RETRY_S = 5.0


def refusal(route: Route) -> LLManagerError | None:
    """Why there is no point in waiting for this route, if there is none."""
    if route.state == "deleting":
        return ModelNotFound(route.name)
    if route.state == "failed" and not route.upstreams:
        detail = route.detail or "See /model/status."
        return Unavailable(f"Model {route.name!r} has failed: {detail}", retry_after_s=_RETRY_S)
    return None


def next_step(waited_s: float, limits: Limits, *, is_silent_stream: bool) -> float | Literal["open", "give up"]:
    """While there is no replica: wait so many seconds at most, open the stream, or give up."""
    if waited_s >= limits.wake_timeout_s:
        return "give up"
    if not is_silent_stream:
        return limits.wake_timeout_s - waited_s
    if waited_s >= limits.hold_silent_s:
        return "open"
    return min(limits.hold_silent_s, limits.wake_timeout_s) - waited_s


class Hold:
    def __init__(self, directory: Directory, limits: Limits, clock: Clock) -> None:
        self._directory = directory
        self._limits = limits
        self._clock = clock
        self.waiting: Counter[str] = Counter()

    async def ready(self, route: Route, answer: Answer, *, is_stream: bool) -> Route:
        """The route as soon as it has a replica.

        A stream is told after `hold_silent_s` (200, then heartbeats with the stage). Raises ModelNotFound where the
        model goes away, Unavailable where it fails, takes too long, or too many wait already.
        """
        error = refusal(route)
        if error is not None:
            raise error
        if route.upstreams:
            return route
        with self._place(route):
            await self._directory.wake(route)
            return await self._wait(route, answer, is_stream=is_stream)

    async def _wait(self, route: Route, answer: Answer, *, is_stream: bool) -> Route:
        began_s = self._clock.monotonic_s()
        while not route.upstreams:
            answer.note = f"waking {route.name}: {route.detail or route.state}"
            waited_s = self._clock.monotonic_s() - began_s
            step = next_step(waited_s, self._limits, is_silent_stream=is_stream and answer.status is None)
            if step == "give up":
                raise self._too_slow(route)
            if step == "open":
                await answer.open_stream()
                await answer.beat(0)
            else:
                route = await self._changed(route, step)
        answer.note = "waiting"
        return route

    async def _changed(self, route: Route, wait_s: float) -> Route:
        newest = await self._directory.changed(route, wait_s)
        if newest is None:
            raise ModelNotFound(route.name)
        error = refusal(newest)
        if error is not None:
            raise error
        if newest.state == "asleep" and route.state != "asleep":
            await self._directory.wake(newest)  # it was put to sleep before our wake was seen
        return newest

    def _too_slow(self, route: Route) -> Unavailable:
        return Unavailable(
            f"Model {route.name!r} is still waking ({route.detail or route.state}) after "
            f"{self._limits.wake_timeout_s:g} s. It goes on waking: ask again.",
            retry_after_s=_RETRY_S,
        )

    @contextmanager
    def _place(self, route: Route) -> Iterator[None]:
        if self.waiting[route.key] >= self._limits.max_waiters:
            raise Unavailable(
                f"Model {route.name!r} is waking and {self._limits.max_waiters} others wait for it. Ask again.",
                retry_after_s=_RETRY_S,
            )
        self.waiting[route.key] += 1
        try:
            yield
        finally:
            self.waiting[route.key] -= 1
            if not self.waiting[route.key]:
                del self.waiting[route.key]
