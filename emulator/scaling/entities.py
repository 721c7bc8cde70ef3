"""What Application Auto Scaling keeps: targets and policies. Neither is seen by the tagging API."""

from dataclasses import dataclass

from emulator.errors import Params, seal_of
from emulator.instants import NEVER


@dataclass(slots=True)
class Target:
    """`mend_us` is when a copy count outside [minimum, maximum] is brought back in."""

    resource_id: str
    component: str
    arn: str
    minimum: int
    maximum: int
    role_arn: str
    created_us: int
    mend_us: int = NEVER

    def state(self, at_us: int) -> object:
        mend = self.mend_us - at_us if self.mend_us != NEVER else None
        return self.resource_id, self.minimum, self.maximum, self.created_us - at_us, mend


@dataclass(slots=True)
class Policy:
    """`above_us`/`below_us`: since when the load asks for more/fewer copies. `acted_us`: its last act."""

    name: str
    resource_id: str
    component: str
    arn: str
    settings: Params
    created_us: int
    above_us: int = NEVER
    below_us: int = NEVER
    acted_us: int = -NEVER
    seal: str = ""

    def __post_init__(self) -> None:
        self.seal = seal_of(self.settings)

    @property
    def is_tracking(self) -> bool:
        return bool(self.settings["PolicyType"] == "TargetTrackingScaling")

    def state(self, at_us: int) -> object:
        times = (self.above_us, self.below_us, self.acted_us)
        return self.name, self.resource_id, self.seal, [t - at_us if abs(t) != NEVER else None for t in times]
