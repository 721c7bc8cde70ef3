"""The deployed functions, called directly: what a deploy and a teardown have done by the product itself."""

import json
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tools.deployment.refusal import Refusal


def call(name: str, message: dict[str, Any]) -> Any:
    """What the function answered; None if there is no such function."""
    client = boto3.client("lambda", config=Config(read_timeout=900, retries={"total_max_attempts": 1}))
    try:
        answer = client.invoke(FunctionName=name, Payload=json.dumps(message).encode())
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return None
    told = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        said = told.get("errorMessage", told) if isinstance(told, dict) else told
        raise Refusal(
            f"The function {name} failed at {message['do']}: {said}\nIts log group tells more. Repeating is safe."
        )
    return told
