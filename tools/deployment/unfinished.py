"""What a first deployment leaves that failed in the stateful stack: nobody should have to clear it by hand.

CloudFormation takes back what it made, but for tables, which are protected against deletion; and a stack whose making
failed can only be deleted, against which it is protected as well.
"""

from collections.abc import Iterator

import boto3

from tools.deployment import stacks, teardown
from tools.deployment.installation import Installation
from tools.deployment.refusal import Refusal
from tools.deployment.teardown import Say

NEVER_FINISHED = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED")  # of making it: an update's begin with UPDATE_


def clear(one: Installation, say: Say) -> None:
    """The CDK deletes the stack then, and makes it anew. Raises Refusal where something might be lost."""
    found = stacks.described(one.stateful)
    if found is None or found["StackStatus"] not in NEVER_FINISHED:
        return
    say(f"An earlier deployment failed while it made {one.stateful}; removing what it left …")
    left = list(tables_left(one))
    if filled := [name for name in left if is_filled(name)]:
        raise Refusal(
            f"{one.stateful} was never finished, and yet there are rows in {', '.join(filled)}. Nothing was removed: "
            f"look whose they are. If nobody needs them: ./run.sh destroy --stage {one.stage} --all-data"
        )
    teardown.remove_tables(left, say)
    teardown.unprotect(one)


def tables_left(one: Installation) -> Iterator[str]:
    """Made by this stack. One that was there before it, and so made it fail, is none of them."""
    for found in stacks.resources(one.stateful):
        if found["ResourceType"] == "AWS::DynamoDB::GlobalTable" and found["ResourceStatus"] == "DELETE_FAILED":
            yield found["PhysicalResourceId"]


def is_filled(table: str) -> bool:
    return boto3.client("dynamodb").scan(TableName=table, Limit=1, ConsistentRead=True)["Count"] > 0
