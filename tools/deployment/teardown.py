"""`destroy`: first what costs money by the hour, then the stack that could remove it; never the other way round."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.exceptions import ClientError

from tools.deployment import billed, functions, gateway, stacks
from tools.deployment.installation import Installation
from tools.deployment.refusal import Refusal

GONE_WITHIN_S = 45 * 60  # an endpoint that is just being created cannot be deleted until it is up
LOOK_EVERY_S = 5.0
Say = Callable[[str], None]


def destroy(one: Installation, say: Say) -> bool:
    """Whether there was anything to destroy."""
    service = stacks.described(one.service)
    if service is None:
        nothing_billed(one)
        return False
    if (api_id := stacks.outputs(service).get("ApiId")) is not None:
        say("Shutting the API: every request gets 429 from now on …")
        gateway.shut(boto3.client("apigateway"), api_id, one.stage)
    say("Deleting every model and every index …")
    empty(one, say)
    say("Destroying the service stack …")
    one.cdk.destroy([one.service])
    nothing_billed(one)
    return True


def empty(one: Installation, say: Say) -> None:
    """Asked again and again: what is just being created is deleted once it is up."""
    give_up_at = time.monotonic() + GONE_WITHIN_S
    said: list[str] = []
    while time.monotonic() < give_up_at:
        told = functions.call(one.function("reaper"), {"do": "empty"})
        if told is None:  # an earlier teardown came as far as destroying it
            nothing_billed(one)
            return
        rows = [f"row of {name}" for name in told["models"]] + [f"index of {name}" for name in told["indexes"]]
        found = billed.left(one.stage) + rows
        if not found:
            return
        if found != said:
            say(f"  still there: {', '.join(found)}")
            said = found
        time.sleep(0.5 if one.account.is_emulated else LOOK_EVERY_S)
    raise Refusal(
        f"After {GONE_WITHIN_S // 60} minutes there is still: {', '.join(said)}. Nothing else was destroyed; repeat."
    )


def nothing_billed(one: Installation) -> None:
    if found := billed.left(one.stage):
        raise Refusal(
            f"These cost money, and the functions that would remove them are gone: {', '.join(found)}.\n"
            "Deploy again, then destroy: that removes them."
        )


def remove_data(one: Installation, say: Say) -> None:
    """The stateful stack, and what CloudFormation leaves because it is retained.

    By names that need no stack to be told by: cut off when that is gone, a repeat goes on.
    """
    if stacks.described(one.stateful) is not None:
        unprotect(one)
        say("Destroying the stateful stack …")
        one.cdk.destroy([one.stateful])
    remove_bucket(one.bucket, say)
    remove_tables(one.tables, say)
    remove_secret(one.admin_secret, say)


def unprotect(one: Installation) -> None:
    boto3.client("cloudformation").update_termination_protection(
        StackName=one.stateful, EnableTerminationProtection=False
    )


def remove_bucket(name: str, say: Say) -> None:
    bucket = boto3.resource("s3").Bucket(name)
    with suppressed("NoSuchBucket"):
        bucket.object_versions.delete()
        bucket.delete()
        say(f"  bucket {name}")


def remove_tables(names: Iterable[str], say: Say) -> None:
    """Returns when they are gone, for until then the next deployment finds their names taken."""
    client = boto3.client("dynamodb")
    going = [name for name in names if is_going(client, name, say)]
    for name in going:
        client.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig={"Delay": 2, "MaxAttempts": 150})


def is_going(client: Any, name: str, say: Say) -> bool:
    with suppressed("ResourceNotFoundException"):
        if client.describe_table(TableName=name)["Table"]["TableStatus"] != "DELETING":
            client.update_table(TableName=name, DeletionProtectionEnabled=False)
            client.get_waiter("table_exists").wait(TableName=name)  # refused while it is still being updated
            client.delete_table(TableName=name)
            say(f"  table {name}")
        return True
    return False


def remove_secret(name: str, say: Say) -> None:
    with suppressed("ResourceNotFoundException"):
        client = boto3.client("secretsmanager")
        client.describe_secret(SecretId=name)  # this deletion succeeds for what is not there
        client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        say("  the admin's key")


@contextmanager
def suppressed(code: str) -> Iterator[None]:
    """What is gone already need not be removed."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != code:
            raise
