"""How often is looked, and how long is waited for what: in the account's own time, or an emulated one's."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Pace:
    look_s: float = 10.0
    ready_s: float = 2400.0  # for a model to be created, or to wake
    release_s: float = 1500.0  # for AWS to release an instance after the last copy
    metric_s: float = 300.0  # for CloudWatch to tell, and for an alarm to act
    gone_s: float = 1800.0
    now_s: Callable[[], float] = field(default=time.monotonic)
    pause: Callable[[float], None] = field(default=time.sleep)

    def until(self, is_so: Callable[[], bool], most_s: float) -> bool:
        end_s = self.now_s() + most_s
        while not is_so():
            if self.now_s() >= end_s:
                return False
            self.pause(self.look_s)
        return True


def emulated() -> Pace:
    return Pace(look_s=0.5, ready_s=300.0, release_s=120.0, metric_s=20.0, gone_s=120.0)
