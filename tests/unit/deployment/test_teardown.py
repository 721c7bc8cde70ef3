"""What is removed of a stage's data, beyond what CloudFormation removes: it retains all of it."""

import boto3
import pytest

from tests import aws
from tools.deployment import stacks, teardown
from tools.deployment.account import Account
from tools.deployment.installation import Installation
from tools.deployment.teardown import remove_data

ONE = Installation("dev", Account("123456789012", "us-east-1", "arn:aws:iam::123456789012:user/someone"))
BUCKET = "lm-dev-blobs-123456789012-us-east-1"


@pytest.fixture
def account(monkeypatch):
    """With a whole stage's data, as it is when its stack is gone; and another stage's."""
    monkeypatch.setattr(stacks, "described", lambda _: None)
    with aws.moto():
        for stage in ("dev", "two"):
            put_bucket(f"lm-{stage}-blobs-123456789012-us-east-1")
            for name in ("registry", "auth", "history", "vdb", "files", "jobs", "ingested", "idempotency"):
                put_table(f"lm-{stage}-{name}")
            boto3.client("secretsmanager").create_secret(Name=f"lm-{stage}-admin-key")
        yield


def put_bucket(name):
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"old", b"new"):
        s3.put_object(Bucket=name, Key="a", Body=body)


def put_table(name):
    boto3.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
    )


def left(stage):
    found = [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]]
    found += boto3.client("dynamodb").list_tables()["TableNames"]
    secrets = boto3.client("secretsmanager").list_secrets(IncludePlannedDeletion=True)["SecretList"]
    found += [secret["Name"] for secret in secrets]
    return [name for name in found if name.startswith(f"lm-{stage}-")]


def test_nothing_that_bears_a_name_stands_in_the_way_of_the_next_deployment(account):
    others = left("two")
    remove_data(ONE, lambda _: None)  # its stack is gone: an earlier try was cut off
    assert left("dev") == []
    assert left("two") == others


def test_a_repeat_goes_on_wherever_the_last_one_was_cut_off(account):
    class Cut(Exception):
        pass

    for last in (BUCKET, "lm-dev-registry", "lm-dev-jobs"):

        def cut(line, last=last):
            if last in line:
                raise Cut

        with pytest.raises(Cut):
            remove_data(ONE, cut)
        assert left("dev")
    remove_data(ONE, lambda _: None)
    assert left("dev") == []


def test_where_nothing_is_left_there_is_nothing_to_do(account):
    remove_data(ONE, lambda _: None)
    said = []
    remove_data(ONE, said.append)
    assert said == []


def test_the_stack_goes_first_and_without_its_protection(account, monkeypatch):
    said = []

    class Watched(Installation):
        @property
        def cdk(self):
            return self

        def destroy(self, names):
            said.append(names)

    monkeypatch.setattr(stacks, "described", lambda name: {"StackName": name})
    monkeypatch.setattr(teardown, "unprotect", lambda one: said.append(f"unprotected {one.stateful}"))
    remove_data(Watched(ONE.stage, ONE.account), said.append)
    assert said[:3] == ["unprotected lm-dev-stateful", "Destroying the stateful stack …", ["lm-dev-stateful"]]
    assert left("dev") == []
