"""A registry over the fakes, and shorthands to act in it."""

import itertools
from dataclasses import dataclass, field

from llmanager.models.entities import Backend, Model, ModelSpec, Scaling, Status
from llmanager.models.reconcile import status
from llmanager.models.rows import Key
from llmanager.models.usecases.create import Creation, create
from llmanager.models.usecases.reconcile import Outcome, reconcile_once
from llmanager.models.usecases.registry import Registry
from tests.fakes.clock import FakeClock
from tests.fakes.model_host import FakeModelHost
from tests.fakes.table import FakeTable

GREETER = ("acme", "greeter")


@dataclass
class World:
    clock: FakeClock = field(default_factory=FakeClock)
    host: FakeModelHost = field(default_factory=FakeModelHost)
    changed: list[Key] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.table = FakeTable(self.clock)
        ids = itertools.count()
        self.registry = Registry(
            table=self.table,
            hosts={Backend.LOCAL: self.host},
            clock=self.clock,
            new_id=lambda: f"id{next(ids):014d}",
            changed=self.changed.append,
        )

    def create(self, name: str = "greeter", *, model: str = "demo-tiny", replicas: int = 0, **limits: int) -> Model:
        spec = ModelSpec(model, scaling=Scaling(min=replicas), **{"sleep_after_s": 900, **limits})
        return create(self.registry, Creation("acme", name, spec))

    def reconcile(self, key: Key = GREETER) -> Outcome:
        return reconcile_once(self.registry, key, owner="tester")

    def settle(self, key: Key = GREETER, passes: int = 10) -> None:
        """Reconcile until nothing is written and the host is asked for nothing any more."""
        for _ in range(passes):
            before = (len(self.changed), len(self.host.calls))
            self.reconcile(key)
            if (len(self.changed), len(self.host.calls)) == before:
                return
        raise AssertionError("it never settles")

    def up(self, name: str = "greeter", **limits: int) -> Model:
        """A model that was created and is ready."""
        self.create(name, **limits)
        self.settle(("acme", name))
        return self.model(("acme", name))

    def model(self, key: Key = GREETER) -> Model:
        return self.registry.require(key)

    def status(self, key: Key = GREETER) -> Status:
        return status(self.model(key))
