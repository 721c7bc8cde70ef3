"""CloudFormation as it is: which of our stacks are there, and what they tell."""

from typing import Any

import boto3
from botocore.exceptions import ClientError

TOOLKIT = "CDKToolkit"  # what `cdk bootstrap` makes


def described(name: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError" and "does not exist" in str(error):
            return None
        raise
    return found


def outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def resources(name: str) -> list[dict[str, Any]]:
    """As list-stack-resources tells them: type, physical id, status."""
    pages = boto3.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=name)
    return [found for page in pages for found in page["StackResourceSummaries"]]
