"""SageMaker's model host over an emulated AWS account and a clock that a test moves."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from emulator.cloud import Cloud
from llmanager.adapters.aws.fence import fence
from llmanager.adapters.aws.sagemaker_calls import Clients
from llmanager.adapters.aws.sagemaker_catalog import catalog
from llmanager.adapters.aws.sagemaker_host import SageMakerModelHost
from llmanager.models.entities import Backend, Kind, ModelSpec, Order, ReplicaState, Scaling, Tags
from tests.fakes.clock import FakeClock

REGION = "us-east-1"
STAGE = "test"
ROLE_ARN = "arn:aws:iam::123456789012:role/llmanager-test-hosting"
R = "lm-test-a-abcdefgh"
SERVICES = ("sagemaker", "application-autoscaling", "cloudwatch", "resourcegroupstaggingapi")
GOOD = ModelSpec("qwen3-4b", kind=Kind.CHAT, backend=Backend.SAGEMAKER, scaling=Scaling(max=3))
TAGS = Tags(STAGE, "acme", "a", "g1")
LONG_S = 7200.0  # in which everything that is under way in the account has come to an end


def clients_of(make: Callable[[str], Any], clock: FakeClock) -> Clients:
    made = [make(service) for service in SERVICES]
    for client in made:
        fence(client, clock)
    return Clients(*made)


@dataclass
class SageMakerWorld:
    host: SageMakerModelHost
    cloud: Cloud
    clock: FakeClock

    def order(self, replicas: int = 1, revision: int = 1, spec: ModelSpec = GOOD, resource: str = R) -> Order:
        return Order(resource, spec, TAGS, replicas, revision)

    def states(self, resource: str = R) -> list[ReplicaState]:
        return [replica.state for replica in self.host.observe(resource).replicas]

    def pass_until(self, act: Callable[[], None], is_so: Callable[[], bool], *, within_s: float = LONG_S) -> None:
        """Act again and again, as a lifecycle does, while time goes by."""
        for _ in range(int(within_s / 30)):
            if is_so():
                return
            act()
            self.clock.advance(30)
        assert is_so(), self.host.observe(R)

    def run(self, order: Order | None = None) -> None:
        """From whatever state to as many ready copies as the order says."""
        wanted = order or self.order()
        ready = [ReplicaState.READY] * wanted.replicas
        self.pass_until(lambda: self.host.start(wanted, 0), lambda: self.states(wanted.resource) == ready)

    def remove(self, resource: str = R) -> None:
        self.pass_until(lambda: self.host.remove(resource), lambda: not self.host.observe(resource).exists)

    def is_empty(self) -> bool:
        """By the account's own truth: nothing is left of anything, scalable targets and alarms included."""
        return not self.cloud.billable() and not self.host.resources()


def sagemaker_world(clock: FakeClock | None = None, *, hub_token: str | None = None, **cloud: Any) -> SageMakerWorld:
    """`cloud`: see emulator.cloud.Cloud; lag, page size, quotas, timing, capacity, gate."""
    clock = clock or FakeClock()
    account = Cloud(clock, prices=prices(), region=REGION, **cloud)
    clients = clients_of(account.client, clock)
    return SageMakerWorld(host_on(clients, clock, hub_token=hub_token), account, clock)


def host_on(clients: Clients, clock: FakeClock, *, hub_token: str | None = None) -> SageMakerModelHost:
    return SageMakerModelHost(
        clients,
        role_arn=ROLE_ARN,
        region=REGION,
        stage=STAGE,
        clock=clock,
        bearer=lambda: "Bearer secret",
        hub_token=hub_token,
    )


def prices() -> dict[str, Decimal]:
    return dict(catalog().usd_per_hour[REGION])
