"""What CloudWatch keeps: alarms, and what was measured of each component."""

from dataclasses import dataclass, field
from typing import NamedTuple

from emulator.errors import Params
from emulator.instants import NEVER, from_us
from emulator.shelf import Resource

ALARM, OK, INSUFFICIENT = "ALARM", "OK", "INSUFFICIENT_DATA"
BUCKET_US = 10_000_000


@dataclass(slots=True, kw_only=True)
class Alarm(Resource):
    """`fire_us` is when a seen breach becomes ALARM, `clear_us` when ALARM ends for want of breaches."""

    condition: str = INSUFFICIENT
    since_us: int
    fire_us: int = NEVER
    clear_us: int = NEVER

    def describe(self) -> Params:
        kept = {key: value for key, value in self.request.items() if key != "Tags"}
        return {
            "ActionsEnabled": True,
            **kept,
            "AlarmArn": self.arn,
            "AlarmConfigurationUpdatedTimestamp": from_us(self.modified_us),
            "StateValue": self.condition,
            "StateUpdatedTimestamp": from_us(self.since_us),
        }

    def state(self, at_us: int) -> object:
        times = [t - at_us if t != NEVER else None for t in (self.since_us, self.fire_us, self.clear_us)]
        return Resource.state(self, at_us), self.condition, times


class Sample(NamedTuple):
    """From `at_us` on: copies up, requests at once over all copies, GPU use in percent."""

    at_us: int
    up: int
    requests: float
    gpu_percent: float


@dataclass(slots=True)
class Series:
    """Samples are changes, oldest first. `counts` is by metric and bucket of ten seconds."""

    samples: list[Sample] = field(default_factory=list)
    counts: dict[tuple[str, int], int] = field(default_factory=dict)
    endpoint_name: str = ""
    requests: float = 0
    gpu_percent: float = 0

    def measure(self, at_us: int, up: int) -> None:
        last = self.samples[-1] if self.samples else None
        now = Sample(at_us, up, self.requests, self.gpu_percent)
        if last is None or last[1:] != now[1:]:
            self.samples.append(now)

    def count(self, metric: str, at_us: int) -> None:
        key = (metric, at_us // BUCKET_US)
        self.counts[key] = self.counts.get(key, 0) + 1

    def forget_before(self, horizon_us: int) -> None:
        while len(self.samples) > 1 and self.samples[1].at_us <= horizon_us:
            del self.samples[0]
        if self.counts and min(bucket for _, bucket in self.counts) < horizon_us // BUCKET_US:
            self.counts = {k: n for k, n in self.counts.items() if k[1] >= horizon_us // BUCKET_US}

    def state(self, at_us: int) -> object:
        samples = [(s.at_us - at_us, *s[1:]) for s in self.samples]
        counts = [(metric, bucket * BUCKET_US - at_us, n) for (metric, bucket), n in sorted(self.counts.items())]
        return self.endpoint_name, samples, counts, self.requests, self.gpu_percent
