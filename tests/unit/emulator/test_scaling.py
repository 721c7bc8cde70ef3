"""Application Auto Scaling and the alarms that drive it, over virtual time."""

import pytest

from tests.unit.emulator.scenes import NAME, SCALING, TAGS, awake, component, copies_of, refusal, register, scale

TRACKING = {
    "PolicyType": "TargetTrackingScaling",
    "TargetTrackingScalingPolicyConfiguration": {
        "TargetValue": 5.0,
        "PredefinedMetricSpecification": {
            "PredefinedMetricType": "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution"
        },
        "ScaleInCooldown": 60,
        "ScaleOutCooldown": 60,
    },
}
STEP = {
    "PolicyType": "StepScaling",
    "StepScalingPolicyConfiguration": {
        "AdjustmentType": "ChangeInCapacity",
        "MetricAggregationType": "Maximum",
        "Cooldown": 60,
        "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
    },
}


@pytest.fixture
def cloud(clock):
    cloud = awake(clock)
    register(cloud, 0, 2)
    return cloud


@pytest.fixture
def aas(cloud):
    return cloud.client("application-autoscaling")


def alarm_for(policy_arn, name="wake"):
    return {
        "AlarmName": name,
        "Namespace": "AWS/SageMaker",
        "MetricName": "NoCapacityInvocationFailures",
        "Dimensions": [{"Name": "InferenceComponentName", "Value": NAME}],
        "Statistic": "Maximum",
        "Period": 30,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "AlarmActions": [policy_arn],
        "Tags": TAGS,
    }


def test_a_target_needs_a_component_and_both_bounds(cloud, aas):
    elsewhere = {**SCALING, "ResourceId": "inference-component/nowhere"}
    register_at = aas.register_scalable_target
    assert refusal(register_at, **elsewhere, MinCapacity=0, MaxCapacity=1)[0] == "ValidationException"
    assert refusal(register_at, **SCALING, MinCapacity=3)[0] == "ValidationException"
    assert "not emulated" in refusal(register_at, **{**SCALING, "ServiceNamespace": "ecs"}, MinCapacity=0)[1].lower()


def test_deregistering_takes_the_policies_along(cloud, aas):
    aas.put_scaling_policy(**SCALING, PolicyName="p", **STEP)
    assert [
        p["PolicyName"] for p in aas.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    ] == ["p"]
    aas.deregister_scalable_target(**SCALING)
    assert aas.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"] == []
    assert refusal(aas.deregister_scalable_target, **SCALING)[0] == "ObjectNotFoundException"
    assert refusal(aas.put_scaling_policy, **SCALING, PolicyName="p", **STEP)[0] == "ObjectNotFoundException"
    assert refusal(aas.delete_scaling_policy, **SCALING, PolicyName="p")[0] == "ObjectNotFoundException"


def test_a_minimum_of_one_undoes_a_sleep(cloud, clock):
    register(cloud, 1, 2)
    scale(cloud, 0)
    clock.advance(30 + 15 + 240)
    assert copies_of(cloud) == (1, 1)


def test_target_tracking_scales_out_after_30_s_of_load(cloud, aas, clock):
    aas.put_scaling_policy(**SCALING, PolicyName="track", **TRACKING)
    cloud.load(NAME, 6)
    clock.advance(29)
    assert copies_of(cloud) == (1, 1)
    clock.advance(1)
    assert copies_of(cloud) == (1, 2)
    clock.advance(600)
    cloud.load(NAME, 100)
    clock.advance(600)
    assert copies_of(cloud) == (2, 2), "never beyond the maximum"


def test_target_tracking_scales_in_to_zero_after_15_quiet_minutes(cloud, aas, clock):
    aas.put_scaling_policy(**SCALING, PolicyName="track", **TRACKING)
    cloud.load(NAME, 4)
    clock.advance(3600)
    assert copies_of(cloud) == (1, 1)
    cloud.load(NAME, 0)
    clock.advance(899)
    assert copies_of(cloud) == (1, 1)
    clock.advance(1 + 30)
    assert copies_of(cloud) == (0, 0)
    clock.advance(600)
    assert cloud.bill.running(clock.now()) == []


def test_a_moment_of_load_starts_the_quiet_time_anew(cloud, aas, clock):
    aas.put_scaling_policy(**SCALING, PolicyName="track", **TRACKING)
    clock.advance(800)
    cloud.load(NAME, 5)
    clock.advance(1)
    cloud.load(NAME, 0)
    clock.advance(899)
    assert copies_of(cloud) == (1, 1)
    clock.advance(31)
    assert copies_of(cloud) == (0, 0)


def test_a_failed_request_rings_the_alarm_whose_step_wakes_the_model(cloud, aas, clock):
    scale(cloud, 0)
    clock.advance(60)
    policy = aas.put_scaling_policy(**SCALING, PolicyName="from-zero", **STEP)
    cw = cloud.client("cloudwatch")
    cw.put_metric_alarm(**alarm_for(policy["PolicyARN"]))
    clock.advance(60)
    assert copies_of(cloud) == (0, 0)
    refusal(cloud.invoke, NAME, NAME)
    clock.advance(30)
    assert cw.describe_alarms(AlarmNames=["wake"])["MetricAlarms"][0]["StateValue"] == "ALARM"
    assert copies_of(cloud) == (0, 1)
    clock.advance(30)
    assert cw.describe_alarms(StateValue="INSUFFICIENT_DATA")["MetricAlarms"][0]["AlarmName"] == "wake"
    clock.advance(420)
    assert (component(cloud)["InferenceComponentStatus"], copies_of(cloud)) == ("InService", (1, 1))


def test_an_alarm_is_kept_replaced_and_deleted(cloud):
    cw = cloud.client("cloudwatch")
    cw.put_metric_alarm(**alarm_for("arn:nobody"))
    cw.put_metric_alarm(**{**alarm_for("arn:nobody"), "Period": 60, "Tags": []})
    [alarm] = cw.describe_alarms(AlarmNamePrefix="wa")["MetricAlarms"]
    assert alarm["Period"] == 60
    [kept] = [item for item in cloud.billable() if item.kind == "alarm"]
    assert kept.tags == {tag["Key"]: tag["Value"] for tag in TAGS}
    cw.delete_alarms(AlarmNames=["wake"])
    assert refusal(cw.delete_alarms, AlarmNames=["wake"])[0] == "ResourceNotFound"


def test_policies_of_other_kinds_are_refused(cloud, aas):
    other = {
        **TRACKING,
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 1.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
        },
    }
    put = aas.put_scaling_policy
    assert "Not emulated" in refusal(put, **SCALING, PolicyName="p", **other)[1]
    assert "is required" in refusal(put, **SCALING, PolicyName="p", PolicyType="StepScaling")[1]
