"""Where the deployed API answers and with which key: from the stack's outputs, unless it is told."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError

from llmanager.adapters.aws.errors import translated
from llmanager.adapters.aws.fence import CLIENT_CONFIG
from llmanager.kernel.errors import InvalidInput
from tools.verification.api import LOOPBACK


@dataclass(frozen=True)
class Place:
    url: str
    region: str
    key: str | None = field(default=None, repr=False)


def place_of(stage: str, *, url: str | None, key: str | None, region: str | None) -> Place:
    """Raises InvalidInput where nothing is deployed, and what boto3 cannot do as kernel errors."""
    with translated("find the deployed API"):
        session = boto3.Session(region_name=region)
        if url is None:
            url = deployed_url(session.client("cloudformation", config=CLIENT_CONFIG), stage)
            key = key or admin_key(session.client("secretsmanager", config=CLIENT_CONFIG), stage)
    return Place(url.rstrip("/"), session.region_name or "us-east-1", key)


def deployed_url(cloudformation: Any, stage: str) -> str:
    try:
        stack = cloudformation.describe_stacks(StackName=f"lm-{stage}-service")["Stacks"][0]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        raise InvalidInput(
            f"Stage {stage!r} is not deployed in this account and region. Deploy it with ./run.sh deploy, or name the "
            "API with --url and --key."
        ) from None
    told = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    endpoint = cloudformation.meta.endpoint_url
    if urlsplit(endpoint).hostname in LOOPBACK:  # an emulator's API is not at the address that AWS would give it
        return f"{endpoint.rstrip('/')}/_aws/execute-api/{told['ApiId']}/{stage}"
    return str(told["ApiUrl"])


def admin_key(secrets: Any, stage: str) -> str:
    return str(secrets.get_secret_value(SecretId=f"lm-{stage}-admin-key")["SecretString"])
