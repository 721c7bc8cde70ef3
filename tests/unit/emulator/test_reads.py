"""What readers see: pages, filters, lag, tags, metrics; and that answers are theirs to change."""

from datetime import timedelta

import pytest

from emulator.conditions import Quotas
from tests.unit.emulator.scenes import (
    NAME,
    TAGS,
    awake,
    cloud_at,
    component,
    create_config,
    create_endpoint,
    endpoint,
    refusal,
    register,
    scale,
)


def names(pages, member, key):
    return [item[key] for page in pages for item in page[member]]


def test_lists_come_in_pages_newest_first_until_there_is_no_token(clock):
    cloud = cloud_at(clock, page_size=3)
    for number in range(8):
        create_config(cloud, f"c{number}")
        clock.advance(1)
    pages = list(cloud.client("sagemaker").get_paginator("list_endpoint_configs").paginate())
    assert [len(page["EndpointConfigs"]) for page in pages] == [3, 3, 2]
    assert names(pages, "EndpointConfigs", "EndpointConfigName") == [f"c{n}" for n in reversed(range(8))]


def test_pages_go_on_where_they_were_when_the_last_item_is_gone(clock):
    cloud = cloud_at(clock, page_size=2)
    sm = cloud.client("sagemaker")
    for number in range(4):
        create_config(cloud, f"c{number}")
    first = sm.list_endpoint_configs(SortBy="Name", SortOrder="Ascending")
    sm.delete_endpoint_config(EndpointConfigName="c1")
    rest = sm.list_endpoint_configs(SortBy="Name", SortOrder="Ascending", NextToken=first["NextToken"])
    assert names([rest], "EndpointConfigs", "EndpointConfigName") == ["c2", "c3"]
    assert refusal(sm.list_endpoint_configs, NextToken="???")[0] == "ValidationException"


def test_lists_filter_by_name_status_endpoint_and_time(clock):
    cloud = awake(clock)
    sm = cloud.client("sagemaker")
    assert sm.list_endpoints(StatusEquals="Failed")["Endpoints"] == []
    assert len(sm.list_endpoints(StatusEquals="InService", NameContains="llama")["Endpoints"]) == 1
    assert sm.list_inference_components(EndpointNameEquals="other")["InferenceComponents"] == []
    assert len(sm.list_inference_components(EndpointNameEquals=NAME)["InferenceComponents"]) == 1
    assert sm.list_endpoints(CreationTimeAfter=clock.now() - timedelta(seconds=1))["Endpoints"] == []


def test_reads_lag_in_both_directions(clock):
    cloud = cloud_at(clock, lag_s=5)
    sm = cloud.client("sagemaker")
    create_config(cloud)
    early = refusal(sm.create_endpoint, EndpointName=NAME, EndpointConfigName=NAME)
    assert early[1].startswith("Could not find endpoint configuration"), "the service reads late too"
    assert refusal(sm.describe_endpoint_config, EndpointConfigName=NAME)[1].startswith("Could not find")
    clock.advance(5)
    sm.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME, Tags=TAGS)
    assert refusal(endpoint, cloud)[1].startswith("Could not find")
    clock.advance(182)
    assert endpoint(cloud)["EndpointStatus"] == "Creating"
    clock.advance(3)
    assert endpoint(cloud)["EndpointStatus"] == "InService"
    sm.delete_endpoint(EndpointName=NAME)
    clock.advance(62)
    tagging = cloud.client("resourcegroupstaggingapi")
    assert endpoint(cloud)["EndpointStatus"] == "Deleting", "gone, but still seen"
    assert len(sm.list_endpoints()["Endpoints"]) == 1
    assert len(tagging.get_resources(ResourceTypeFilters=["sagemaker:endpoint"])["ResourceTagMappingList"]) == 1
    clock.advance(3)
    assert refusal(endpoint, cloud)[1].startswith("Could not find")
    assert sm.list_endpoints()["Endpoints"] == []


def test_a_stale_read_is_one_that_the_gate_asks_for(clock):
    answers = iter([None, "stale", None])
    cloud = cloud_at(clock, stale_s=5)
    create_config(cloud)
    sm = cloud.client("sagemaker")
    cloud.gate = lambda service, operation, params: next(answers)
    assert sm.describe_endpoint_config(EndpointConfigName=NAME)
    assert refusal(sm.describe_endpoint_config, EndpointConfigName=NAME)[1].startswith("Could not find")
    assert sm.describe_endpoint_config(EndpointConfigName=NAME)


def test_what_a_caller_does_to_requests_and_answers_changes_nothing(clock):
    cloud = awake(clock)
    request = [{"Key": "a", "Value": "1"}]
    cloud.client("sagemaker").add_tags(ResourceArn=component(cloud)["InferenceComponentArn"], Tags=request)
    request[0]["Value"] = "2"
    answer = component(cloud)
    answer["Specification"]["Container"]["Environment"]["A"] = "changed"
    assert component(cloud)["Specification"]["Container"]["Environment"] == {"SM_VLLM_MODEL": "llama"}
    [kept] = [item for item in cloud.billable() if item.kind == "inference-component"]
    assert kept.tags["a"] == "1"


def test_the_tagging_api_lists_all_kinds_but_no_scalable_targets(clock):
    cloud = awake(clock)
    register(cloud, 0, 1)
    sm, tagging = cloud.client("sagemaker"), cloud.client("resourcegroupstaggingapi")
    sm.create_model(ModelName="m", Tags=TAGS)
    sm.create_model(ModelName="untagged")
    cloud.client("cloudwatch").put_metric_alarm(
        AlarmName="a", MetricName="M", EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold", Tags=TAGS
    )
    found = tagging.get_resources(TagFilters=[{"Key": "llmanager:stage", "Values": ["dev", "prod"]}])
    kinds = sorted(item["ResourceARN"].split(":", 5)[5].split("/")[0] for item in found["ResourceTagMappingList"])
    assert kinds == ["alarm:a", "endpoint", "endpoint-config", "inference-component", "model"]
    assert found["PaginationToken"] == ""
    filters = {"ResourceTypeFilters": ["sagemaker"], "TagFilters": [{"Key": "llmanager:stage"}]}
    assert len(tagging.get_resources(**filters)["ResourceTagMappingList"]) == 4
    assert (
        tagging.get_resources(TagFilters=[{"Key": "llmanager:stage", "Values": ["prod"]}])["ResourceTagMappingList"]
        == []
    )


def test_the_tagging_api_pages(clock):
    cloud = cloud_at(clock, page_size=2)
    for number in range(5):
        create_config(cloud, f"c{number}")
    pages = list(cloud.client("resourcegroupstaggingapi").get_paginator("get_resources").paginate())
    assert [len(page["ResourceTagMappingList"]) for page in pages] == [2, 2, 1]


def test_tags_are_added_listed_and_deleted(clock):
    cloud = cloud_at(clock)
    create_endpoint(cloud)
    sm, arn = cloud.client("sagemaker"), endpoint(cloud)["EndpointArn"]
    sm.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "b"}])
    sm.delete_tags(ResourceArn=arn, TagKeys=["llmanager:name"])
    assert {tag["Key"] for tag in sm.list_tags(ResourceArn=arn)["Tags"]} == {"llmanager:stage", "a"}
    assert refusal(sm.list_tags, ResourceArn=f"{arn}x")[0] == "ValidationException"
    assert cloud.bill.lines()[0].tags == {tag["Key"]: tag["Value"] for tag in TAGS}, (
        "the bill keeps those at the launch"
    )


def gpu_query(clock, minutes=10):
    return {
        "MetricDataQueries": [
            {
                "Id": "gpu",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "/aws/sagemaker/InferenceComponents",
                        "MetricName": "GPUUtilization",
                        "Dimensions": [{"Name": "InferenceComponentName", "Value": NAME}],
                    },
                    "Period": 60,
                    "Stat": "Average",
                },
            }
        ],
        "StartTime": clock.now() - timedelta(minutes=minutes),
        "EndTime": clock.now(),
    }


def test_metrics_are_two_minutes_late_and_absent_while_nothing_runs(clock):
    cloud = awake(clock)
    cw = cloud.client("cloudwatch")
    cloud.load(NAME, 2, gpu_percent=40)
    clock.advance(60)
    [before] = cw.get_metric_data(**gpu_query(clock, 2))["MetricDataResults"]
    assert before["Values"] == []
    clock.advance(120)
    [result] = cw.get_metric_data(**gpu_query(clock, 3))["MetricDataResults"]
    assert result["Values"] == [40.0]
    scale(cloud, 0)
    clock.advance(3600)
    [asleep] = cw.get_metric_data(**gpu_query(clock))["MetricDataResults"]
    assert asleep["Values"] == []


def test_metrics_may_have_no_data_at_all(clock):
    cloud = awake(clock)
    clock.advance(600)
    cloud.silence_metrics()
    assert cloud.client("cloudwatch").get_metric_data(**gpu_query(clock))["MetricDataResults"][0]["Values"] == []


@pytest.mark.parametrize(("metric", "copies"), [("Invocations", 1), ("NoCapacityInvocationFailures", 0)])
def test_invocations_are_counted(clock, metric, copies):
    cloud = awake(clock)
    scale(cloud, copies)
    clock.advance(60)
    for _ in range(3):
        cloud.invoke(NAME, NAME) if copies else refusal(cloud.invoke, NAME, NAME)
    clock.advance(300)
    found = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=[{"Name": "InferenceComponentName", "Value": NAME}],
        StartTime=clock.now() - timedelta(minutes=10),
        EndTime=clock.now(),
        Period=600,
        Statistics=["Sum"],
    )
    assert sum(point["Sum"] for point in found["Datapoints"]) == 3


def test_too_many_calls_in_a_second_are_throttled(clock):
    cloud = cloud_at(clock, quotas=Quotas(calls_per_s=2))
    sm = cloud.client("sagemaker")
    sm.list_models()
    sm.list_models()
    assert refusal(sm.list_models) == ("ThrottlingException", "Rate exceeded")
    clock.advance(1)
    assert sm.list_models()["Models"] == []
