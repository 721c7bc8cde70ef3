"""Which function answers which call."""

from collections.abc import Callable

from emulator import tagging
from emulator.errors import Params
from emulator.sagemaker import components, endpoints, models, tags
from emulator.scaling import targets
from emulator.watching import alarm_tags, alarms, metrics
from emulator.world import World

Handler = Callable[[World, Params], Params]

OPERATIONS: dict[str, dict[str, Handler]] = {
    "sagemaker": {
        "CreateModel": models.create_model,
        "DescribeModel": models.describe_model,
        "DeleteModel": models.delete_model,
        "ListModels": models.list_models,
        "CreateEndpointConfig": models.create_endpoint_config,
        "DescribeEndpointConfig": models.describe_endpoint_config,
        "DeleteEndpointConfig": models.delete_endpoint_config,
        "ListEndpointConfigs": models.list_endpoint_configs,
        "CreateEndpoint": endpoints.create_endpoint,
        "DescribeEndpoint": endpoints.describe_endpoint,
        "UpdateEndpoint": endpoints.update_endpoint,
        "DeleteEndpoint": endpoints.delete_endpoint,
        "ListEndpoints": endpoints.list_endpoints,
        "CreateInferenceComponent": components.create_inference_component,
        "DescribeInferenceComponent": components.describe_inference_component,
        "UpdateInferenceComponent": components.update_inference_component,
        "UpdateInferenceComponentRuntimeConfig": components.update_inference_component_runtime_config,
        "DeleteInferenceComponent": components.delete_inference_component,
        "ListInferenceComponents": components.list_inference_components,
        "AddTags": tags.add_tags,
        "DeleteTags": tags.delete_tags,
        "ListTags": tags.list_tags,
    },
    "application-autoscaling": {
        "RegisterScalableTarget": targets.register_scalable_target,
        "DeregisterScalableTarget": targets.deregister_scalable_target,
        "DescribeScalableTargets": targets.describe_scalable_targets,
        "PutScalingPolicy": targets.put_scaling_policy,
        "DeleteScalingPolicy": targets.delete_scaling_policy,
        "DescribeScalingPolicies": targets.describe_scaling_policies,
    },
    "cloudwatch": {
        "PutMetricAlarm": alarms.put_metric_alarm,
        "DeleteAlarms": alarms.delete_alarms,
        "DescribeAlarms": alarms.describe_alarms,
        "TagResource": alarm_tags.tag_resource,
        "ListTagsForResource": alarm_tags.list_tags_for_resource,
        "GetMetricData": metrics.get_metric_data,
        "GetMetricStatistics": metrics.get_metric_statistics,
    },
    "resourcegroupstaggingapi": {"GetResources": tagging.get_resources},
}
READS = frozenset(
    name for operations in OPERATIONS.values() for name in operations if name.startswith(("Describe", "List", "Get"))
)
# How each service says "slow down"; the others say ThrottlingException.
THROTTLED = {"cloudwatch": "Throttling", "resourcegroupstaggingapi": "ThrottledException"}
