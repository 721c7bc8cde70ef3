"""What was seen on a walk: data, from which assumptions.py draws its conclusions."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Described = dict[str, Any]


@dataclass(frozen=True)
class Probe:
    """One call made to see what comes back. `status` 0: nothing did."""

    status: int
    said: str = ""  # AWS's or the API's words
    code: str = ""
    took_s: float = 0.0

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True)
class View:
    """What the API and AWS show of the model at one time, in seconds since the walk began."""

    at_s: float
    status: str  # the API's word; "" where it knows no such model (any more)
    endpoint: Described | None = None
    component: Described | None = None
    target: Described | None = None
    is_listed: bool = False
    is_tagged: bool = False  # the tagging service's index shows it

    @property
    def copies(self) -> int:
        return int((self.component or {}).get("RuntimeConfig", {}).get("CurrentCopyCount", 0))

    @property
    def wanted_copies(self) -> int:
        return int((self.component or {}).get("RuntimeConfig", {}).get("DesiredCopyCount", 0))

    @property
    def instances(self) -> int:
        variants = (self.endpoint or {}).get("ProductionVariants", [])
        return sum(int(variant.get("CurrentInstanceCount", 0)) for variant in variants)

    @property
    def component_status(self) -> str:
        return str((self.component or {}).get("InferenceComponentStatus", ""))

    @property
    def is_there(self) -> bool:
        return self.endpoint is not None or self.component is not None


@dataclass
class Evidence:
    is_emulated: bool
    views: list[View] = field(default_factory=list)
    marks: dict[str, float] = field(default_factory=dict)  # what was reached when
    probes: dict[str, Probe] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)

    def between(self, first: str, last: str = "") -> Iterator[View]:
        """The views from one mark to the next; none where the first was never reached."""
        if first not in self.marks:
            return iter(())
        end = self.marks.get(last, float("inf"))
        return (view for view in self.views if self.marks[first] <= view.at_s <= end)

    def lag_s(self, first: str, last: str) -> float | None:
        if first not in self.marks or last not in self.marks:
            return None
        return self.marks[last] - self.marks[first]
