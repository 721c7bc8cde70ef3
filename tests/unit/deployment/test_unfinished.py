"""A first deployment that failed in the stateful stack: the next one clears what is left, and loses nobody's rows."""

import boto3
import pytest

from tests import aws
from tools.deployment import stacks, teardown, unfinished
from tools.deployment.account import Account
from tools.deployment.installation import Installation
from tools.deployment.refusal import Refusal

ONE = Installation("dev", Account("123456789012", "us-east-1", "arn:aws:iam::123456789012:user/someone"))
RESOURCES = [
    ("AWS::S3::Bucket", "lm-dev-blobs-123456789012-us-east-1", "DELETE_COMPLETE"),
    ("AWS::DynamoDB::GlobalTable", "lm-dev-auth", "DELETE_FAILED"),  # protected against deletion
    ("AWS::DynamoDB::GlobalTable", "lm-dev-jobs", "CREATE_FAILED"),  # was there before, with rows
]


@pytest.fixture
def unprotected():
    return []


@pytest.fixture
def failed(monkeypatch, unprotected):
    """Returns a function: the stack is in this state."""

    def stands(status):
        monkeypatch.setattr(stacks, "described", lambda _: status and {"StackStatus": status})

    told = [dict(zip(("ResourceType", "PhysicalResourceId", "ResourceStatus"), one, strict=True)) for one in RESOURCES]
    monkeypatch.setattr(stacks, "resources", lambda _: told)
    monkeypatch.setattr(teardown, "unprotect", lambda one: unprotected.append(one.stateful))
    with aws.moto():
        for name in ("lm-dev-auth", "lm-dev-jobs"):
            aws.make_table(boto3.client("dynamodb"), name)
            boto3.client("dynamodb").update_table(TableName=name, DeletionProtectionEnabled=True)
        yield stands


def tables():
    return boto3.client("dynamodb").list_tables()["TableNames"]


def say(_):
    pass


@pytest.mark.parametrize("status", ["ROLLBACK_FAILED", "ROLLBACK_COMPLETE"])
def test_what_it_made_goes_and_what_was_there_before_stays(failed, unprotected, status):
    failed(status)
    unfinished.clear(ONE, say)
    assert tables() == ["lm-dev-jobs"]
    assert unprotected == ["lm-dev-stateful"]


@pytest.mark.parametrize("status", [None, "CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"])
def test_a_stack_that_was_finished_once_is_left_alone(failed, unprotected, status):
    failed(status)
    unfinished.clear(ONE, say)
    assert tables() == ["lm-dev-auth", "lm-dev-jobs"]
    assert unprotected == []


def test_a_table_with_rows_is_never_removed(failed, unprotected):
    failed("ROLLBACK_FAILED")
    boto3.client("dynamodb").put_item(TableName="lm-dev-auth", Item={"pk": {"S": "a"}, "sk": {"S": "b"}})
    with pytest.raises(Refusal, match="rows in lm-dev-auth"):
        unfinished.clear(ONE, say)
    assert tables() == ["lm-dev-auth", "lm-dev-jobs"]
    assert unprotected == []
