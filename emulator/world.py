"""The state of one account in one region. Handlers and the passage of time change it; nothing else does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from emulator.bill import Bill
from emulator.conditions import Quotas, Timing
from emulator.instants import NEVER
from emulator.sagemaker.containers import Containers
from emulator.sagemaker.entities import Component, Endpoint, EndpointConfig, Model
from emulator.scaling.entities import Policy, Target
from emulator.shelf import Shelf
from emulator.watching.entities import Alarm, Series


@dataclass(slots=True)
class World:
    """`capacity` is how many instances of a type AWS has for us, running ones included; a type not named is free.

    `stuck` holds (kind, name) whose transitions never end; `broken` the components whose containers never get healthy.
    Without `containers` a copy is up when its time has come; with them, when its container is healthy as well.
    """

    account: str
    region: str
    timing: Timing
    quotas: Quotas
    prices: Mapping[str, Decimal]
    bill: Bill
    keep_us: int
    capacity: dict[str, int] = field(default_factory=dict)
    at_us: int = 0
    due_us: int = NEVER
    lag_us: int = 0
    page_size: int | None = None
    models: Shelf[Model] = field(init=False)
    configs: Shelf[EndpointConfig] = field(init=False)
    endpoints: Shelf[Endpoint] = field(init=False)
    components: Shelf[Component] = field(init=False)
    alarms: Shelf[Alarm] = field(init=False)
    targets: dict[str, Target] = field(default_factory=dict)
    policies: dict[tuple[str, str], Policy] = field(default_factory=dict)
    series: dict[str, Series] = field(default_factory=dict)
    stuck: set[tuple[str, str]] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    calls_this_s: tuple[int, int] = (0, 0)
    has_metrics: bool = True
    containers: Containers | None = None

    def __post_init__(self) -> None:
        self.models = Shelf(self.keep_us)
        self.configs = Shelf(self.keep_us)
        self.endpoints = Shelf(self.keep_us)
        self.components = Shelf(self.keep_us)
        self.alarms = Shelf(self.keep_us)

    def arn(self, kind: str, name: str) -> str:
        """In lower case, whatever the name is."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:{kind}/{name.lower()}"

    def series_of(self, component: str) -> Series:
        if component not in self.series:
            self.series[component] = Series()
        return self.series[component]
