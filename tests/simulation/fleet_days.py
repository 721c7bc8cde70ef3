"""Virtual days of a fleet in which one component after another is down, or has a clock that is wrong, and the judge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from emulator.conditions import Timing
from llmanager.models import rows
from llmanager.models.entities import Desired, Model
from llmanager.models.limits import expires_at
from llmanager.models.rows import Key
from tests.fakes.sagemaker import STAGE
from tests.simulation.fleet_actors import (
    NAMES,
    REAPER_S,
    WATCHDOG_S,
    Api,
    Gateway,
    Reaper,
    Stream,
    Triggers,
    Watchdog,
)
from tests.simulation.fleet_world import Fleet

HOUR_S = 3_600
NEVER = datetime.max.replace(tzinfo=UTC)
# At AWS's own pace but for what takes minutes of waiting: an endpoint is there in two minutes, a copy in four.
TIMING = Timing()
# From the first call that ends a resource until nothing of it is left: what is in transition comes to rest first, then
# component and endpoint go one after another, and a visit is needed for each.
REST_S = TIMING.instance_start_s + TIMING.copy_start_s
GO_S = TIMING.component_delete_s + TIMING.endpoint_delete_s
VISITS = 4
# So long after a user's own sleep, from which somebody may have woken it, streams may end: they were waited for, and
# AWS may have been in the midst of an update.
USER_SLEEP = timedelta(seconds=900)


@dataclass(frozen=True)
class Outage:
    component: str
    at_s: int
    for_s: int


@dataclass
class Told:
    """What came of it."""

    violations: list[str] = field(default_factory=list)
    served: int = 0
    lost: int = 0
    cuts: dict[str, int] = field(default_factory=dict)  # streams that were ended, by why that is right
    longest_past_end_s: float = 0.0  # of a resource after its hard end, until its removal had begun
    endpoints: int = 0
    creates: int = 0  # of endpoints, by calls
    usd: Decimal = Decimal(0)
    hours: float = 0.0


class Days:
    def __init__(
        self,
        seed: int,
        outages: Sequence[Outage] = (),
        *,
        skews: Mapping[str, float] | None = None,
        triggers: Triggers | None = None,
        names: tuple[Key, ...] = NAMES,
    ) -> None:
        self.fleet = fleet = Fleet(seed, timing=TIMING, skews=skews or {}, is_checked=False)
        self.outages = outages
        self.skew_s = max((abs(s) for s in (skews or {}).values()), default=0.0)
        self.told = Told()
        self.api = Api(fleet, fleet.actor("api"), names)
        self.gateway = Gateway(fleet, fleet.actor("gateway"), self.judge_cut, names, pause_s=1_440 // len(names))
        self.reaper = Reaper(fleet, fleet.actor("reaper"), triggers or Triggers())
        self.watchdog = Watchdog(fleet, fleet.actor("watchdog"), triggers or Triggers())
        self.ends: dict[str, tuple[datetime, datetime]] = {}  # resource -> its hard end, and when that was first seen
        self.moved_at: dict[str, datetime] = {}

    def run(self, hours: int) -> Told:
        fleet = self.fleet
        for outage in self.outages:
            fleet.outage(outage.component, outage.at_s, outage.for_s)
            fleet.after(outage.at_s + outage.for_s + 2 * REAPER_S + 20, self.judge_rows)
        for actor in (self.api, self.gateway, self.reaper, self.watchdog):
            actor.start()
        fleet.every(REAPER_S, self.judge, first_s=59)
        fleet.run(hours * HOUR_S)
        self._idle()
        self._empty()
        told = self.told
        told.served, told.lost = self.gateway.served, self.gateway.lost
        told.violations += fleet.violations
        told.endpoints, told.creates = len(set(fleet.launched)), len(fleet.launched)
        told.hours = fleet.now_s / HOUR_S
        told.usd = fleet.cloud.bill.usd(fleet.clock.now())
        if abs(fleet.bill_error()) * 100 >= 1:
            told.violations.append(f"bill: it is off by {float(fleet.bill_error())} USD")
        return told

    def _idle(self) -> None:
        """Users leave: what nobody uses goes to sleep, and then nothing is paid for."""
        self.api.is_closing = self.gateway.is_closing = True
        self.fleet.run(14_000 + self.skew_s)  # the longest stream, patience, sleep and release, one after another
        rate = self.fleet.cloud.bill.usd_per_hour()
        if rate:
            self.told.violations.append(f"spend: {rate} USD an hour though nobody uses anything")

    def _empty(self) -> None:
        self.api.close()
        self.fleet.run(1_800)
        left = [f"{thing.kind} {thing.name}" for thing in self.fleet.cloud.billable()]
        left += [f"row {model.key}" for model in self.fleet.models()]
        if left:
            self.told.violations.append(f"leak: {left} after everything was deleted")

    # --- every minute

    def judge(self) -> None:
        fleet = self.fleet
        now, models = fleet.clock.now(), {model.resource: model for model in fleet.models()}
        for model in models.values():
            end = expires_at(model)
            if end is None:
                self.ends.pop(model.resource, None)
            elif self.ends.get(model.resource, (None, now))[0] != end:
                self.ends[model.resource] = (end, now)
        for resource in {thing.name.split("-V-")[0] for thing in fleet.cloud.billable()}:
            self._judge_time(resource, now)
            if resource not in models and not self._has_tombstone(resource):
                fleet.violations.append(f"leak: {resource} has neither row nor tombstone at {now}")
        self._judge_tags()

    def _judge_time(self, resource: str, now: datetime) -> None:
        end = max(self.ends.get(resource, (NEVER, NEVER)))
        if end > now:
            return
        late_s = (now - end).total_seconds()
        if self._is_moving(resource):
            self.moved_at[resource] = now
        elif not is_ending(self.fleet, resource):
            unheeded_s = (now - max(end, self.moved_at.get(resource, end))).total_seconds()
            self.told.longest_past_end_s = max(self.told.longest_past_end_s, unheeded_s)
            if unheeded_s > self._period_s() + self.skew_s:
                self.fleet.violations.append(f"past-ttl: {resource} goes on {unheeded_s} s after its end, at {now}")
        if late_s > VISITS * self._period_s() + REST_S + GO_S + self.skew_s:
            self.fleet.violations.append(f"past-ttl: {resource} is there {late_s} s after its end, at {now}")

    def _period_s(self) -> float:
        """Of the killer that is up: the reaper's, or, without reaper or registry, the watchdog's."""
        return 1 + (WATCHDOG_S if self._is_down("reaper", "registry") else REAPER_S)

    def _is_down(self, *components: str) -> bool:
        """Or was until a few periods ago."""
        now_s = self.fleet.now_s
        mine = [o for o in self.outages if o.component in components]
        return any(o.at_s <= now_s < o.at_s + o.for_s + VISITS * REAPER_S for o in mine)

    def _is_moving(self, resource: str) -> bool:
        """AWS refuses every change of what is in transition."""
        world = self.fleet.cloud.world()
        parts = world.endpoints.live.get(resource), world.components.live.get(resource)
        return any(part is not None and part.status in ("Creating", "Updating") for part in parts)

    def _has_tombstone(self, resource: str) -> bool:
        return self.fleet.table.get(rows.gone_partition(), resource) is not None

    def _judge_tags(self) -> None:
        for thing in self.fleet.cloud.billable():
            if thing.kind != "scalable-target" and thing.tags.get("llmanager:stage") != STAGE:
                self.fleet.violations.append(f"leak: {thing.kind} {thing.name} carries no tags")

    # --- at certain moments

    def judge_rows(self) -> None:
        """Two periods after everything is back: nothing waits for its pass."""
        fleet = self.fleet
        now = fleet.clock.now()
        for model in fleet.models():
            waits_s = (now - model.desired_at).total_seconds()
            if waits_s < 2 * REAPER_S + 20:
                continue
            if model.desired is Desired.DELETED and not is_ending(fleet, model.resource):
                fleet.violations.append(f"slow: {model.key} is to be deleted, and nothing was done")
            if (
                model.desired is Desired.ASLEEP
                and desired_copies(fleet, model.resource)
                and not self._is_moving(model.resource)
            ):
                fleet.violations.append(f"slow: {model.key} is to sleep, and {fleet.copies(model.resource)} run")
            if model.desired is Desired.RUNNING and not self._is_coming(model):
                fleet.violations.append(f"slow: {model.key} is to run, and nothing was done")

    def _is_coming(self, model: Model) -> bool:
        world = self.fleet.cloud.world()
        endpoint = world.endpoints.live.get(model.resource)
        return self._is_moving(model.resource) or (
            endpoint is not None and desired_copies(self.fleet, model.resource) > 0
        )

    def judge_cut(self, stream: Stream, gateway: Gateway) -> None:
        """A stream has lost the last copy. It may: at a hard end, a delete, a user's own sleep, or the dead man's."""
        why = self._why(stream)
        if why is None and self._is_down("reaper", "registry") and not self.fleet.ended_by.get(stream.resource):
            why = "scaled in by its platform: nobody was there to hold a floor"
        if why is None and gateway.held_until_s.get(stream.key, 0.0) + 30 < self.fleet.now_s:
            why = "no lease: the registry was down"
        self.told.cuts[why or "none"] = self.told.cuts.get(why or "none", 0) + 1
        if why is None:
            self.fleet.violations.append(
                f"leased-kill: {stream.key} ({stream.resource}) lost its stream at {self.fleet.clock.now()}"
            )

    def _why(self, stream: Stream) -> str | None:
        model = self.fleet.model(stream.key)
        if model is None or model.resource != stream.resource or model.desired is Desired.DELETED:
            return "deleted"
        end = expires_at(model)
        if end is not None and end - timedelta(seconds=self.skew_s) <= self.fleet.clock.now():
            return "hard end"
        if self.fleet.ended_by.get(stream.resource) == "watchdog":
            return "dead man's switch"
        slept = next((e for e in reversed(model.events) if e.what == Desired.ASLEEP.value), None)
        if slept is None or slept.why != "asked for":
            return None
        is_lately = self.fleet.clock.now() - slept.at < USER_SLEEP + timedelta(seconds=self.skew_s)
        return "put to sleep by its user" if model.desired is Desired.ASLEEP or is_lately else None


SPANS = (Outage("", 2 * HOUR_S, HOUR_S // 2), Outage("", 5 * HOUR_S, 6 * HOUR_S), Outage("", 12 * HOUR_S, 24 * HOUR_S))


def outages_of(component: str) -> list[Outage]:
    """Half an hour, six hours and a whole day without it."""
    return [replace(span, component=component) for span in SPANS]


def desired_copies(fleet: Fleet, resource: str) -> int:
    component = fleet.cloud.world().components.live.get(resource)
    return 0 if component is None else component.desired


def is_ending(fleet: Fleet, resource: str) -> bool:
    """It was told to go, and took it: what still has to be done is a matter of visits."""
    component = fleet.cloud.world().components.live.get(resource)
    return resource in fleet.told_to_go and (component is None or component.status == "Deleting")
