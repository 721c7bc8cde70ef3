"""One call fails, any of them and in any way: what is wanted comes about all the same, and nothing is left over."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

import pytest

from emulator.conditions import Timing
from emulator.faults import Crash
from llmanager.kernel.errors import Retryable
from llmanager.models.entities import ReplicaState, Tags
from tests.fakes.sagemaker import TAGS, R, SageMakerWorld, sagemaker_world

READY = ReplicaState.READY
QUICK = Timing(
    endpoint_create_s=30,
    endpoint_update_s=30,
    endpoint_delete_s=30,
    instance_start_s=30,
    release_after_s=60,
    component_delete_s=30,
    copy_start_s=30,
    copy_stop_s=10,
)


class FailOnce:
    """Calls that `is_meant` are counted; the one with this number fails as told."""

    def __init__(self, number: int, directive: str, is_meant: Callable[[str], bool]) -> None:
        self.number, self.directive, self.is_meant = number, directive, is_meant
        self.seen = 0

    def __call__(self, service: str, operation: str, params: object) -> str | None:
        if not self.is_meant(operation):
            return None
        self.seen += 1
        return self.directive if self.seen == self.number + 1 else None

    @property
    def has_failed(self) -> bool:
        return self.seen > self.number


def is_read(operation: str) -> bool:
    return operation.startswith(("Describe", "Get", "List"))


def is_change(operation: str) -> bool:
    return not is_read(operation)


def tried(act: Callable[[], None]) -> Callable[[], None]:
    """As a lifecycle does: a pass that fails or dies is followed by another."""

    def attempt() -> None:
        try:
            act()
        except (Retryable, Crash):
            return

    return attempt


def seen(world: SageMakerWorld, revision: int, copies: int) -> Callable[[], bool]:
    def is_so() -> bool:
        try:
            replicas = world.host.observe(R).replicas
        except Retryable:
            return False
        return [(r.state, r.revision) for r in replicas] == [(READY, revision)] * copies

    return is_so


def a_life(world: SageMakerWorld) -> None:
    """Created, put to sleep, woken to two copies, changed, shrunk, removed."""
    host = world.host

    def is_asleep() -> bool:
        try:
            observed = host.observe(R)
        except Retryable:
            return False
        return observed.is_parked and not observed.replicas

    def is_gone() -> bool:
        try:
            return not host.observe(R).exists
        except Retryable:
            return False

    world.pass_until(tried(lambda: host.start(world.order(), 0)), seen(world, 1, 1))
    world.pass_until(tried(lambda: host.park(R)), is_asleep)
    world.pass_until(tried(lambda: host.start(world.order(2), 1)), seen(world, 1, 2))
    world.pass_until(tried(lambda: host.revise(world.order(2, revision=2))), seen(world, 2, 2))
    world.pass_until(tried(lambda: host.stop(R, 1)), seen(world, 2, 1))
    world.pass_until(tried(lambda: host.remove(R)), is_gone)
    world.clock.advance(60)
    world.pass_until(tried(lambda: host.remove(R)), is_gone)


@pytest.mark.parametrize("directive", ["throttle", "timeout after effect", "crash after"])
def test_a_change_that_fails_or_whose_answer_is_lost(directive):
    for number in count():
        gate = FailOnce(number, directive, is_change)
        world = sagemaker_world(timing=QUICK, gate=gate)
        a_life(world)
        world.cloud.gate = None
        assert world.is_empty(), (directive, number, world.cloud.billable())
        if not gate.has_failed:
            break
    assert number > 15


@pytest.mark.parametrize("directive", ["throttle", "stale"])
def test_a_look_that_fails_or_is_old(directive):
    for number in count():
        gate = FailOnce(number, directive, is_read)
        world = sagemaker_world(timing=QUICK, gate=gate, stale_s=45)
        a_life(world)
        world.cloud.gate = None
        assert world.is_empty(), (directive, number, world.cloud.billable())
        if not gate.has_failed:
            break
    assert number > 50


@pytest.mark.parametrize("lag_s", [1, 45])
def test_a_cloud_that_is_always_behind(lag_s):
    world = sagemaker_world(timing=QUICK, lag_s=lag_s)
    a_life(world)
    world.clock.advance(lag_s)
    assert world.is_empty()


def renewed() -> Tags:
    return replace(TAGS, expires_at=datetime(2027, 1, 1, tzinfo=UTC))


def test_tags_that_were_renewed_are_told_though_the_index_of_tags_is_behind():
    world = sagemaker_world(timing=QUICK, stale_s=600)
    world.run()
    world.clock.advance(700)
    world.host.retag(R, renewed())
    world.cloud.gate = lambda service, *_: "stale" if service == "resourcegroupstaggingapi" else None
    (held,) = world.host.resources()
    assert held.tags == renewed()


def test_what_is_woken_while_it_is_listed_is_not_told_as_running_on_its_old_tags():
    world = sagemaker_world(timing=QUICK)
    world.run()
    world.pass_until(lambda: world.host.park(R), lambda: world.host.observe(R).instances == 0)

    def wake(service: str, operation: str, params: dict) -> None:
        if operation in ("DescribeEndpoint", "DescribeInferenceComponent"):
            world.cloud.gate = None
            world.host.retag(R, renewed())
            world.host.start(world.order(), 0)

    world.cloud.gate = wake
    (held,) = world.host.resources()
    assert held.is_running
    assert held.tags == renewed()
