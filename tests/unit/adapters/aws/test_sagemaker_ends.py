"""The model host where things end or go wrong: removed at any point, stuck, broken, without capacity, over a quota."""

from dataclasses import replace

import pytest

from emulator.conditions import Quotas
from llmanager.adapters.aws.errors import QuotaReached
from llmanager.models.entities import ReplicaState
from tests.fakes.sagemaker import GOOD, R, sagemaker_world

READY, STARTING, FAILED = ReplicaState.READY, ReplicaState.STARTING, ReplicaState.FAILED


@pytest.fixture
def world():
    return sagemaker_world()


def kinds(world) -> list[str]:
    return sorted(item.kind for item in world.cloud.billable())


def test_removal_leaves_nothing_and_says_so(world):
    world.run()
    world.remove()
    assert world.is_empty()
    assert not world.host.observe(R).exists
    world.host.remove(R)
    world.host.park(R)
    world.host.stop(R, 0)
    assert world.is_empty()


@pytest.mark.parametrize("after_s", [0, 30, 121, 200, 260, 600])
def test_removal_is_right_at_any_point_of_a_creation(world, after_s):
    for _ in range(after_s // 30 + 1):
        world.host.start(world.order(), 0)
        world.clock.advance(30)
    world.remove()
    assert world.is_empty()


def test_what_is_stuck_is_seen_and_removed_once_it_moves(world):
    world.cloud.stick(R)
    world.pass_until(lambda: world.host.start(world.order(), 0), lambda: "inference-component" in kinds(world))
    world.clock.advance(3600)
    world.host.remove(R)
    assert world.states() == [STARTING]
    assert [held.is_running for held in world.host.resources()] == [True]

    world.cloud.unstick(R)
    world.remove()
    assert world.is_empty()


def test_parking_before_there_is_a_component_lets_go_of_the_instance(world):
    world.host.start(world.order(), 0)
    world.host.park(R)  # refused while the endpoint is created
    world.pass_until(lambda: world.host.park(R), lambda: world.host.observe(R).is_parked)

    assert world.cloud.bill.usd_per_hour() == 0
    assert kinds(world) == ["endpoint-config"]
    world.run()


def test_a_container_that_never_gets_healthy_is_told_and_made_anew(world):
    world.cloud.break_containers(R)
    world.pass_until(
        lambda: None if world.states() == [FAILED] else world.host.start(world.order(), 0),
        lambda: world.states() == [FAILED],
    )
    (failed,) = world.host.observe(R).replicas
    assert "did not pass the ping health check" in failed.reason
    assert not failed.is_final

    world.cloud.break_containers(R, False)
    world.run()


def test_what_failed_is_gone_after_a_stop_and_costs_nothing(world):
    world.cloud.break_containers(R)
    world.pass_until(
        lambda: None if world.states() == [FAILED] else world.host.start(world.order(), 0),
        lambda: world.states() == [FAILED],
    )
    world.pass_until(lambda: world.host.stop(R, 0), lambda: world.host.observe(R).is_parked)
    assert world.cloud.bill.usd_per_hour() == 0


def test_an_endpoint_that_finds_no_instance_is_told_and_made_anew(world):
    world.cloud.set_capacity("ml.g6.2xlarge", 0)
    world.host.start(world.order(), 0)
    world.pass_until(lambda: None, lambda: world.states() == [FAILED])
    assert "capacity" in world.host.observe(R).replicas[0].reason

    world.cloud.set_capacity("ml.g6.2xlarge", 5)
    world.run()


def test_a_quota_is_final_and_leaves_nothing_that_bills():
    world = sagemaker_world(quotas=Quotas(instances={"ml.g6.2xlarge": 0}))
    with pytest.raises(QuotaReached, match="Service Quotas"):
        world.host.start(world.order(), 0)
    assert world.cloud.bill.usd_per_hour() == 0
    world.remove()
    assert world.is_empty()


def test_an_endpoint_that_vanished_is_made_anew(world):
    world.run()
    world.cloud.vanish(R)
    assert world.host.observe(R).replicas == ()
    world.run()


def test_what_is_being_deleted_is_neither_started_nor_changed(world):
    world.run()
    world.host.remove(R)
    assert world.states() == [ReplicaState.STOPPING]
    before = world.cloud.digest()
    world.host.start(world.order(), 0)
    world.host.revise(world.order(revision=2))
    world.host.stop(R, 0)
    assert world.cloud.digest() == before


def test_there_is_nothing_to_revise_before_there_is_a_component(world):
    world.host.revise(world.order(revision=2))
    assert world.is_empty()


def test_autoscaling_that_is_not_set_up_is_told_as_a_missing_copy_until_it_is(world):
    world.run()
    scaling = world.cloud.client("application-autoscaling")
    scaling.deregister_scalable_target(
        ServiceNamespace="sagemaker",
        ResourceId=f"inference-component/{R}",
        ScalableDimension="sagemaker:inference-component:DesiredCopyCount",
    )
    assert world.states() == []
    world.host.start(world.order(), 0)
    assert world.states() == [READY]
    assert len(scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]) == 2


def test_an_endpoint_config_left_by_another_order_is_not_used(world):
    world.host.start(world.order(), 0)
    world.pass_until(lambda: world.host.park(R), lambda: kinds(world) == ["endpoint-config"])
    world.run(world.order(spec=replace(GOOD, instance_type="ml.g5.2xlarge")))
    assert {line.instance_type for line in world.cloud.bill.running(world.clock.now())} == {"ml.g5.2xlarge"}
    world.remove()
    assert world.is_empty()
