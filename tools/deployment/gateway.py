"""The stage of the REST API: shut before a teardown, so that nobody creates what is being removed; a deploy opens it.

Shut means throttled to nothing (429). CloudFormation does not notice, so opening sets what the template says.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

SHUT = {"rateLimit": "0", "burstLimit": "0"}
STAGE = "AWS::ApiGateway::Stage"


def shut(client: Any, api_id: str, stage: str) -> None:
    """`client`: boto3's of API Gateway."""
    try:
        settings = client.get_stage(restApiId=api_id, stageName=stage).get("methodSettings", {})
    except ClientError as error:
        if error.response["Error"]["Code"] != "NotFoundException":
            raise
        return  # an earlier teardown came as far as removing it
    patch = [change for key in {"*/*", *settings} for change in changes(key, SHUT)]
    client.update_stage(restApiId=api_id, stageName=stage, patchOperations=patch)


def opened(client: Any, api_id: str, stage: str, template: Mapping[str, Any]) -> None:
    """Only if it differs: an update of the stage is refused while too many others go on."""
    found = client.get_stage(restApiId=api_id, stageName=stage).get("methodSettings", {})
    patch = []
    for key, limits in wanted(template):
        seen = found.get(key, {})
        if (seen.get("throttlingRateLimit"), seen.get("throttlingBurstLimit")) != tuple(limits.values()):
            patch += changes(key, {name: f"{value:g}" for name, value in limits.items()})
    if patch:
        client.update_stage(restApiId=api_id, stageName=stage, patchOperations=patch)


def wanted(template: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, float]]]:
    """Method key, as the API names it, and its limits."""
    for resource in template["Resources"].values():
        for setting in resource["Properties"].get("MethodSettings", []) if resource["Type"] == STAGE else []:
            if "ThrottlingRateLimit" in setting:
                path = setting["ResourcePath"]
                key = f"{path.removeprefix('/') if path == '/*' else path.replace('/', '~1')}/{setting['HttpMethod']}"
                yield key, {"rateLimit": setting["ThrottlingRateLimit"], "burstLimit": setting["ThrottlingBurstLimit"]}


def changes(key: str, limits: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"op": "replace", "path": f"/{key}/throttling/{name}", "value": value} for name, value in limits.items()]
