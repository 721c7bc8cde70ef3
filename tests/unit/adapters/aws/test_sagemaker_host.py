"""The model host over an emulated account: from nothing to ready, asleep, awake, changed and back to nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import boto3
import pytest
from botocore.exceptions import ClientError

from emulator.boto import connect
from llmanager.kernel.deadline import TooLate, deadline
from llmanager.models.entities import Observation, ReplicaState, Scaling
from tests.fakes.clock import NOON
from tests.fakes.sagemaker import GOOD, TAGS, R, clients_of, host_on, sagemaker_world

READY, STARTING, STOPPING, FAILED = (
    ReplicaState.READY,
    ReplicaState.STARTING,
    ReplicaState.STOPPING,
    ReplicaState.FAILED,
)
DAY = timedelta(days=1)


@pytest.fixture
def world():
    return sagemaker_world()


def kinds(world) -> list[str]:
    return sorted(item.kind for item in world.cloud.billable())


def test_each_start_does_the_next_step_until_a_copy_is_ready(world):
    world.host.start(world.order(), 0)
    assert world.states() == [STARTING]
    assert world.host.observe(R).replicas[0].stage == "endpoint Creating"
    assert kinds(world) == ["endpoint", "endpoint-config"]

    world.pass_until(lambda: None, lambda: world.states() == [])
    assert not world.host.observe(R).is_parked
    world.host.start(world.order(), 0)
    assert kinds(world) == ["alarm", "endpoint", "endpoint-config", "inference-component", "scalable-target"]
    assert world.host.observe(R).replicas[0].stage == "copy 1 of 1 starting"

    world.pass_until(lambda: None, lambda: world.states() == [READY])
    assert world.host.observe(R).replicas[0].revision == 1


def test_everything_that_takes_tags_has_them_from_its_creation(world):
    tags = replace(TAGS, expires_at=NOON + DAY)
    world.run(replace(world.order(), tags=tags))

    told = [item.tags for item in world.cloud.billable() if item.kind != "scalable-target"]
    assert len(told) == 4
    assert all(one["llmanager:expires_at"] == "2026-11-21T12:00:00Z" for one in told)
    assert all("llmanager:ttl_at" not in one and one["llmanager:generation"] == "g1" for one in told)
    assert world.cloud.bill.lines()[0].tags["llmanager:tenant"] == "acme"


def test_a_ready_copy_can_be_reached_from_memory(world):
    assert world.host.endpoints(R) == ()
    world.run(world.order(2))

    first, second = world.host.endpoints(R)
    assert (first.replica, second.replica) == (0, 1)
    assert (
        first.base_url
        == f"https://runtime.sagemaker.us-east-1.amazonaws.com/endpoints/{R}/inference-components/{R}/openai"
    )
    assert first.authorization == "Bearer secret"
    assert first.served_name == R


def test_asleep_it_keeps_its_endpoint_and_costs_nothing(world):
    world.run()
    world.host.hold_range(R, 1, 3)
    world.host.park(R)
    world.pass_until(lambda: None, lambda: world.host.observe(R).instances == 0)

    assert world.host.observe(R) == Observation(exists=True, is_parked=True, ceiling=3)
    assert world.host.endpoints(R) == ()
    assert world.cloud.bill.usd_per_hour() == 0
    assert [held.is_running for held in world.host.resources()] == [False]


def test_it_wakes_to_as_many_copies_as_are_ordered(world):
    world.run()
    world.host.park(R)
    world.clock.advance(1200)
    world.run(world.order(3))

    assert len(world.host.endpoints(R)) == 3


def test_more_are_started_and_higher_ones_stopped(world):
    world.run()
    world.run(world.order(3))
    world.host.hold_range(R, 3, 3)
    world.host.stop(R, 1)

    assert world.states() == [READY, STOPPING, STOPPING]
    assert world.host.observe(R).floor == 1
    world.clock.advance(60)
    assert world.states() == [READY]
    world.host.stop(R, 1)
    world.clock.advance(60)
    assert world.states() == [READY]


def test_the_floor_is_held_where_there_is_a_target_and_makes_none_elsewhere(world):
    world.host.hold_range(R, 1, 3)
    assert world.is_empty()
    world.run()
    world.host.hold_range(R, 2, 3)
    assert world.host.observe(R).floor == 2
    world.host.start(world.order(), 0)
    assert world.host.observe(R).floor == 2


def test_a_request_that_finds_it_asleep_wakes_it_without_us(world):
    world.run()
    world.host.park(R)
    world.clock.advance(1200)
    with pytest.raises(ClientError):
        world.cloud.invoke(R, R)
    world.pass_until(lambda: None, lambda: world.states() == [READY])


def test_times_are_written_anew_on_everything_that_carries_them(world):
    world.run(replace(world.order(), tags=replace(TAGS, expires_at=NOON + DAY, ttl_at=NOON + DAY)))
    world.host.retag(R, replace(TAGS, expires_at=NOON + 2 * DAY))

    told = [item.tags for item in world.cloud.billable() if item.kind != "scalable-target"]
    assert {(one["llmanager:expires_at"], one["llmanager:ttl_at"]) for one in told} == {
        ("2026-11-22T12:00:00Z", "none")
    }
    (held,) = world.host.resources()
    assert held.tags == replace(TAGS, expires_at=NOON + 2 * DAY)
    world.host.retag("lm-test-x-abcdefgh", TAGS)  # nothing there: nothing happens


def test_resources_are_all_of_this_stage_in_every_status_on_every_page():
    world = sagemaker_world(page_size=2)
    names = [f"lm-test-m{i}-abcdefg{i}" for i in range(2, 7)]
    for name in names:
        world.host.start(world.order(resource=name), 0)
    others = replace(TAGS, stage="test-b")  # its resources' names begin like ours
    world.host.start(replace(world.order(resource="lm-test-b-x-abcdefgh"), tags=others), 0)

    held = world.host.resources()
    assert [one.resource for one in held] == names
    assert all(one.is_running and one.tags == TAGS and one.created_at == NOON for one in held)


@pytest.mark.parametrize("resource", [R, "lm-test-a-v-b-abcdefgh"])
def test_what_replaced_an_endpoint_config_is_the_same_models(world, resource):
    """Its ARN has the name in lower case; the tagging API tells nothing but ARNs."""
    world.run(world.order(resource=resource))
    world.host.start(world.order(resource=resource, spec=replace(GOOD, scaling=Scaling(max=5))), 0)
    arns = [item.arn for item in world.cloud.billable() if item.kind == "endpoint-config"]
    assert len(arns) == 2
    assert all(arn == arn.lower() for arn in arns)

    assert [held.resource for held in world.host.resources()] == [resource]


def test_alarms_of_the_stage_itself_are_no_models(world):
    """They would count as a fleet that no row tells of: the sweep stops at that, or deletes them one day."""
    alarm = {
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": 1.0,
        "Namespace": "LLManager",
        "MetricName": "PastTtl",
        "Period": 300,
        "Statistic": "Maximum",
        "Tags": [{"Key": "llmanager:stage", "Value": "test"}],
    }
    for name in ("PastTtl", "ReconcilerErrors"):
        world.cloud.client("cloudwatch").put_metric_alarm(AlarmName=f"lm-test-{name}", **alarm)
    world.clock.advance(3600)

    assert world.host.resources() == ()


def test_what_carries_no_tags_is_held_without_them(world):
    world.run()
    for item in world.cloud.billable():
        if item.kind in ("endpoint", "endpoint-config", "inference-component"):
            keys = list(item.tags)
            world.cloud.client("sagemaker").delete_tags(ResourceArn=item.arn, TagKeys=keys)
    world.cloud.client("cloudwatch").delete_alarms(AlarmNames=[R])
    (held,) = world.host.resources()
    assert held.tags is None
    assert held.is_running


def test_gpu_use_is_the_highest_since_and_unknown_without_data(world):
    assert world.host.gpu_percent(R, NOON - DAY) is None
    world.run()
    since = world.clock.now()
    world.cloud.load(R, 2, gpu_percent=37.5)
    world.clock.advance(900)
    assert world.host.gpu_percent(R, since) == Decimal("37.5")
    world.cloud.silence_metrics()
    assert world.host.gpu_percent(R, since) is None


def test_gpu_use_of_the_minute_in_which_the_last_request_ended_is_its_own(world):
    """AWS rounds a start down to its period: asked as it is, the last request would keep a model awake for ever."""
    world.run()
    world.clock.advance(4 - world.clock.now().second)
    world.cloud.load(R, 2, gpu_percent=80)
    world.clock.advance(120)
    world.cloud.load(R, 0, gpu_percent=0)
    unused_since = world.clock.now()
    world.clock.advance(900)
    assert world.host.gpu_percent(R, unused_since) == 0


def test_nothing_is_changed_after_the_deadline_and_looking_goes_on(world):
    world.run()
    ends_at_s = world.clock.monotonic_s() + 10
    before = world.cloud.digest()
    with deadline(ends_at_s):
        world.clock.advance(10)
        before = world.cloud.digest()
        for change in (
            lambda: world.host.park(R),
            lambda: world.host.remove(R),
            lambda: world.host.start(world.order(3), 2),
            lambda: world.host.revise(world.order(revision=2)),
            lambda: world.host.hold_range(R, 1, 3),
            lambda: world.host.retag(R, TAGS),
        ):
            with pytest.raises(TooLate):
                change()
        assert world.states() == [READY]
        assert len(world.host.resources()) == 1
    assert world.cloud.digest() == before


def test_it_works_through_real_clients_of_boto3():
    world = sagemaker_world()
    clock = world.clock

    def make(service: str):
        client = boto3.client(
            service, region_name="us-east-1", aws_access_key_id="emulated", aws_secret_access_key="emulated"
        )
        connect(client, world.cloud)
        return client

    world.host = host_on(clients_of(make, clock), clock)
    world.run(replace(world.order(), tags=replace(TAGS, ttl_at=datetime(2027, 1, 1, tzinfo=UTC))))
    assert len(world.host.endpoints(R)) == 1
    assert [held.tags.ttl_at for held in world.host.resources()] == [datetime(2027, 1, 1, tzinfo=UTC)]
    world.host.retag(R, TAGS)
    with deadline(clock.monotonic_s()), pytest.raises(TooLate):
        world.host.park(R)
    assert world.states() == [READY]
    world.remove()
    assert world.is_empty()
