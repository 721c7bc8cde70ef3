"""Time inside the emulator: in order, at once where nothing takes time, never backwards."""

from dataclasses import fields
from datetime import timedelta

from emulator.conditions import Timing
from tests.unit.emulator.scenes import (
    NAME,
    SCALING,
    awake,
    cloud_at,
    component,
    copies_of,
    create_component,
    create_endpoint,
    endpoint,
    refusal,
    register,
    scale,
)
from tests.unit.emulator.test_scaling import STEP, TRACKING, alarm_for

AT_ONCE = Timing(**{field.name: 0 for field in fields(Timing)})


def test_where_nothing_takes_time_all_is_done_at_the_next_call(clock):
    cloud = cloud_at(clock, timing=AT_ONCE)
    create_endpoint(cloud)
    assert endpoint(cloud)["EndpointStatus"] == "InService"
    create_component(cloud, copies=2)
    assert copies_of(cloud) == (2, 2)
    scale(cloud, 0)
    assert component(cloud)["InferenceComponentStatus"] == "InService"
    assert cloud.bill.running(clock.now()) == []
    cloud.client("sagemaker").delete_inference_component(InferenceComponentName=NAME)
    assert refusal(component, cloud)[1].startswith("Could not find inference component")
    cloud.client("sagemaker").delete_endpoint(EndpointName=NAME)
    assert [item.kind for item in cloud.billable()] == ["endpoint-config"]
    assert cloud.bill.usd(clock.now()) == 0


def test_scaling_that_takes_no_time_comes_to_rest(clock):
    cloud = cloud_at(clock, timing=AT_ONCE)
    create_endpoint(cloud)
    create_component(cloud, copies=1)
    register(cloud, 0, 2)
    aas = cloud.client("application-autoscaling")
    policy = aas.put_scaling_policy(**SCALING, PolicyName="from-zero", **STEP)
    cloud.client("cloudwatch").put_metric_alarm(**alarm_for(policy["PolicyARN"]))
    aas.put_scaling_policy(**SCALING, PolicyName="track", **TRACKING)
    assert copies_of(cloud) == (0, 0)
    cloud.load(NAME, 8)
    refusal(cloud.invoke, NAME, NAME)
    assert copies_of(cloud)[0] >= 1
    clock.advance(60)
    assert copies_of(cloud) == (2, 2)


def test_one_long_wait_ends_where_many_short_ones_do(clock):
    cloud, other = awake(clock), cloud_at(clock)
    create_endpoint(other, "other")
    register(cloud, 0, 2)
    cloud.client("application-autoscaling").put_scaling_policy(**SCALING, PolicyName="track", **TRACKING)
    cloud.load(NAME, 8)
    clock.advance(100_000)
    cloud.load(NAME, 0)
    clock.advance(100_000)
    assert copies_of(cloud) == (0, 0)
    ends = [line.end for line in cloud.bill.lines()]
    assert max(ends) < clock.now() - timedelta(seconds=97_000)


def test_a_clock_that_jumps_back_undoes_nothing(clock):
    cloud = awake(clock)
    before = endpoint(cloud)
    now = clock.now()
    clock.set(now - timedelta(hours=1))
    assert endpoint(cloud) == before
    scale(cloud, 0)
    clock.set(now + timedelta(seconds=30))
    assert copies_of(cloud) == (0, 0)
