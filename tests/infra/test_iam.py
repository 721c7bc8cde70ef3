"""Who may do what. The roles are the last line: whatever the code does, they say no."""

import json
import re
from pathlib import Path

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from tests.infra.templates import Statement

ROOT = Path(__file__).resolve().parents[2]
ADAPTER = ROOT / "llmanager" / "adapters" / "aws"
CREATES = {"sagemaker:CreateEndpoint", "sagemaker:CreateEndpointConfig", "sagemaker:CreateInferenceComponent"}
CHANGES = {"sagemaker:UpdateEndpoint", "sagemaker:UpdateInferenceComponent"}
ENDS = {
    "sagemaker:DeleteEndpoint",
    "sagemaker:DeleteEndpointConfig",
    "sagemaker:DeleteInferenceComponent",
    "sagemaker:UpdateInferenceComponentRuntimeConfig",
}
STAGE = "llmanager:stage"
NAMED = re.compile(r"arn:<AWS::Partition>:sagemaker:us-east-1:<AWS::AccountId>:[a-z-]+/lm-dev-\*")
# Attribute of the adapter's Clients -> botocore's name of the service, prefix of its actions in IAM.
SERVICES = {
    "sagemaker": ("sagemaker", "sagemaker"),
    "autoscaling": ("application-autoscaling", "application-autoscaling"),
    "cloudwatch": ("cloudwatch", "cloudwatch"),
    "tagging": ("resourcegroupstaggingapi", "tag"),
}
# Not called by the adapter: AWS asks for them of whoever makes something with tags, or its scaling policies.
ASKED_BY_AWS = {"application-autoscaling:TagResource"}
ASKING_MODELS = {
    "sagemaker:InvokeEndpoint",
    "sagemaker:InvokeEndpointWithResponseStream",
    "sagemaker:CallWithBearerToken",
}


def holders(stage, actions):
    return {name for name in stage.functions if stage.allowed(name) & actions}


def giving(stage, function, actions) -> list[Statement]:
    return [right for right in stage.rights(function) if right.effect == "Allow" and set(right.actions) & actions]


def called_operations() -> set[str]:
    """What the SageMaker adapter calls, as IAM's actions, read from its source."""
    found = set()
    for source in ADAPTER.glob("sagemaker_*.py"):
        for client, method in re.findall(r"clients\.(\w+)\.(\w+)", source.read_text()):
            service, prefix = SERVICES[client]
            found.add(f"{prefix}:{operation(service, method)}")
    return found


def operation(service: str, method: str) -> str:
    model = ServiceModel(Loader().load_service_model(service, "service-2"))
    wanted = method.replace("_", "").lower()
    return next(name for name in model.operation_names if name.lower() == wanted)


def test_no_role_has_a_wildcard_in_an_action(aws, emulated):
    for stage in (aws, emulated):
        statements = list(stage.all_statements())
        assert len(statements) > 50
        assert [(id_, s.actions) for id_, s in statements if any("*" in action for action in s.actions)] == []


def test_whole_accounts_are_named_only_where_iam_knows_no_resource(aws):
    allowed_everywhere = {
        action
        for _, statement in aws.all_statements()
        if statement.effect == "Allow" and "*" in statement.resources
        for action in statement.actions
    }
    assert allowed_everywhere == {
        "application-autoscaling:DescribeScalableTargets",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:GetMetricData",
        "cloudwatch:PutMetricData",  # the role of the models' containers, their own namespace
        "ecr:GetAuthorizationToken",
        "logs:DescribeLogGroups",
        "sagemaker:CallWithBearerToken",
        "sagemaker:ListEndpointConfigs",
        "sagemaker:ListEndpoints",
        "sagemaker:ListInferenceComponents",
        "tag:GetResources",
    }


def test_models_images_come_from_whichever_account_holds_them_in_the_region(aws):
    """A cross-account pull needs a right here too; images.json lists an account for each region and engine."""
    pulls = [s for _, s in aws.all_statements() if "ecr:BatchGetImage" in s.actions]
    assert [list(s.resources) for s in pulls] == [["arn:<AWS::Partition>:ecr:us-east-1:*:repository/*"]]


def test_only_the_reconciler_makes_or_changes_anything_on_sagemaker(aws):
    assert holders(aws, CREATES | CHANGES) == {"reconciler"}
    assert holders(aws, {"iam:PassRole"}) == {"reconciler"}
    assert holders(aws, {"application-autoscaling:PutScalingPolicy", "cloudwatch:PutMetricAlarm"}) == {"reconciler"}


def test_the_two_killers_cannot_create(aws):
    for name in ("reaper", "watchdog"):
        allowed = aws.allowed(name)
        assert allowed >= ENDS
        assert {a for a in allowed if a.startswith("sagemaker:Create")} == set()
        for right in giving(aws, name, {"application-autoscaling:RegisterScalableTarget"}):
            # A target that is made now carries no tag yet: only one that is there can be registered again.
            assert right.conditions["StringEquals"][f"aws:ResourceTag/{STAGE}"] == "dev"


def test_the_watchdog_sees_no_table_no_blob_and_no_queue(aws):
    assert {a.split(":")[0] for a in aws.allowed("watchdog")} == {
        "application-autoscaling",
        "cloudwatch",
        "logs",
        "sagemaker",
        "tag",
    }


@pytest.mark.parametrize("name", ["models", "vdb", "worker", "chat", "history", "auth", "jobs", "authorizer"])
def test_who_answers_requests_ends_and_makes_nothing_on_sagemaker(aws, name):
    asked = {a for a in aws.allowed(name) if a.startswith(("sagemaker:", "application-autoscaling:"))}
    reads = {a for a in asked if a.split(":")[1].startswith(("Describe", "List"))}
    assert asked - reads <= ASKING_MODELS


def test_what_is_made_carries_the_stages_tag_and_its_name(aws):
    for right in giving(aws, "reconciler", CREATES):
        assert right.conditions == {"StringEquals": {f"aws:RequestTag/{STAGE}": "dev"}}
        assert all(NAMED.fullmatch(resource) for resource in right.resources)


@pytest.mark.parametrize("name", ["reconciler", "reaper", "watchdog"])
def test_only_what_carries_the_stages_tag_and_name_is_changed_or_ended(aws, name):
    rights = giving(aws, name, CHANGES | ENDS)
    assert rights
    for right in rights:
        assert right.conditions == {"StringEquals": {f"aws:ResourceTag/{STAGE}": "dev"}}
        assert all(NAMED.fullmatch(resource) for resource in right.resources)


def test_creating_in_another_region_is_denied(aws):
    (denial,) = [right for right in aws.rights("reconciler") if right.effect == "Deny"]
    assert set(denial.actions) >= CREATES | CHANGES
    assert denial.resources == ("*",)
    assert denial.conditions == {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}


def test_the_role_of_models_is_the_only_one_that_can_be_passed_and_to_sagemaker_only(aws):
    (right,) = giving(aws, "reconciler", {"iam:PassRole"})
    (role,) = [id_ for id_ in aws.of_type("AWS::IAM::Role") if id_.startswith("SageMakerRole")]
    assert right.resources == (f"<{role}.Arn>",)
    assert right.conditions == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def test_a_models_container_reads_weights_and_no_other_blob(aws):
    (role,) = [id_ for id_ in aws.of_type("AWS::IAM::Role") if id_.startswith("SageMakerRole")]
    objects = [r for right in aws.rights_of(role) if "s3:GetObject" in right.actions for r in right.resources]
    assert objects == ["arn:<AWS::Partition>:s3:::lm-dev-blobs-<AWS::AccountId>-us-east-1/weights/*"]


def test_what_is_granted_is_what_the_adapter_calls(aws):
    prefixes = tuple(f"{prefix}:" for _, prefix in SERVICES.values())
    granted = {
        action
        for name in aws.functions
        for action in aws.allowed(name)
        if action.startswith(prefixes) and action not in ASKING_MODELS
    }
    called = called_operations()
    assert len(called) > 20
    assert called - granted == set()
    assert granted - called == ASKED_BY_AWS


def granted(stage, service):
    return {a for name in stage.functions for a in stage.allowed(name) if a.startswith(f"{service}:")}


def test_rights_on_storage_are_those_that_its_adapters_call(aws):
    """A transaction has no right of its own: it takes those of what is in it."""
    sources = "".join(source.read_text() for source in ADAPTER.glob("*.py"))
    asked = {
        "dynamodb": {
            "get_item": ["GetItem"],
            "query": ["Query"],
            "scan": ["Scan"],
            "put_item": ["PutItem"],
            "update_item": ["UpdateItem"],
            "delete_item": ["DeleteItem"],
            "transact_write_items": ["PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"],
        },
        "s3": {
            "get_object": ["GetObject"],
            "put_object": ["PutObject"],
            "delete_object": ["DeleteObject"],
            "list_objects_v2": ["ListBucket"],
            "abort_multipart_upload": ["AbortMultipartUpload"],
        },
        "logs": {
            "describe_log_groups": ["DescribeLogGroups"],
            "put_retention_policy": ["PutRetentionPolicy"],
            "": ["CreateLogStream", "PutLogEvents"],  # Lambda's own
        },
        "secretsmanager": {"get_secret_value": ["GetSecretValue"], "put_secret_value": ["PutSecretValue"]},
    }
    for service, calls in asked.items():
        called = {f"{service}:{right}" for call, rights in calls.items() if call in sources for right in rights}
        assert granted(aws, service) == called, service
    lambdas_own = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"}
    assert granted(aws, "sqs") == lambdas_own | {"sqs:SendMessage"}
    assert "send_message" in sources


def test_the_reaper_gives_logs_of_models_an_end_and_touches_no_others(aws):
    assert holders(aws, {"logs:PutRetentionPolicy"}) == {"reaper"}
    (right,) = giving(aws, "reaper", {"logs:PutRetentionPolicy"})
    assert {resource.partition("log-group:")[2] for resource in right.resources} == {
        "/aws/sagemaker/Endpoints/lm-dev-*",
        "/aws/sagemaker/InferenceComponents/lm-dev-*",
    }


def test_only_small_tables_are_read_as_a_whole(aws):
    scanned = {
        resource.rpartition("/lm-dev-")[2]
        for name in aws.functions
        for right in giving(aws, name, {"dynamodb:Scan"})
        for resource in right.resources
    }
    assert scanned == {"registry", "vdb"}


def test_no_roles_policy_is_near_the_size_that_iam_takes(aws):
    sizes = {
        id_: len(json.dumps(policy["Properties"]["PolicyDocument"], separators=(",", ":")))
        for id_, policy in aws.of_type("AWS::IAM::Policy").items()
    }
    assert max(sizes.values()) < 9000, sizes  # 10 240 characters of all inline policies of a role


def test_tables_are_read_or_written_only_by_who_is_told_of_them(aws):
    for name in aws.functions:
        told = aws.environment(name).get("LLMANAGER_TABLES", "{}")
        tables = set(re.findall(r'"lm-dev-([a-z]+)"', told))
        granted = {
            resource.rpartition("/lm-dev-")[2]
            for right in aws.rights(name)
            if any(action.startswith("dynamodb:") for action in right.actions)
            for resource in right.resources
        }
        assert granted == tables, name


def test_keys_are_written_by_the_auth_function_alone(aws):
    writers = {
        name
        for name in aws.functions
        for right in giving(aws, name, {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"})
        if any(resource.endswith("/lm-dev-auth") for resource in right.resources)
    }
    assert writers == {"auth"}
    assert holders(aws, {"secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"}) == {"auth"}
