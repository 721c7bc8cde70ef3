"""The questions put to AWS about one resource or all of a stage, and the changes asked of it. No decisions."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from llmanager.adapters.aws.errors import AlreadyThere, Missing, NotNow, translated

Answer = dict[str, Any]
VARIANT: Final = "AllTraffic"
NAMESPACE: Final = "sagemaker"
DIMENSION: Final = "sagemaker:inference-component:DesiredCopyCount"
UPDATED: Final = "-V-"  # between a resource's name, which is in lower case, and what a later endpoint config says
PAGE: Final = 100


@dataclass(frozen=True)
class Clients:
    """boto3 clients, or what looks like them. Each carries the fence and the short timeouts of fence.py."""

    sagemaker: Any
    autoscaling: Any
    cloudwatch: Any
    tagging: Any


def scalable_id(resource: str) -> str:
    return f"inference-component/{resource}"


def asked(what: str, call: Callable[..., Any], **parameters: Any) -> Answer:
    """One call. Raises Missing, AlreadyThere and kernel errors."""
    with translated(what):
        answer: Answer = call(**parameters)
        return answer


def changed(what: str, call: Callable[..., Any], **parameters: Any) -> Answer | None:
    """One change. None: it was done before. What it rests on is not there (yet): NotNow."""
    try:
        return asked(what, call, **parameters)
    except AlreadyThere:
        return None
    except Missing:
        raise NotNow(f"AWS cannot {what} yet: what it rests on is not there. It is tried again.") from None


def ended(what: str, call: Callable[..., Any], **parameters: Any) -> bool:
    """One change toward less. Nothing there is fine. False: not in the state it is in, so come again."""
    try:
        asked(what, call, **parameters)
    except Missing:
        return True
    except NotNow:
        return False
    return True


def found(what: str, call: Callable[..., Any], **parameters: Any) -> Answer | None:
    try:
        return asked(what, call, **parameters)
    except Missing:
        return None


def endpoint(clients: Clients, name: str) -> Answer | None:
    return found("describe the endpoint", clients.sagemaker.describe_endpoint, EndpointName=name)


def component(clients: Clients, name: str) -> Answer | None:
    call = clients.sagemaker.describe_inference_component
    return found("describe the inference component", call, InferenceComponentName=name)


def config(clients: Clients, name: str) -> Answer | None:
    call = clients.sagemaker.describe_endpoint_config
    return found("describe the endpoint config", call, EndpointConfigName=name)


def target(clients: Clients, resource: str) -> Answer | None:
    answer = asked(
        "describe the scalable target",
        clients.autoscaling.describe_scalable_targets,
        ServiceNamespace=NAMESPACE,
        ResourceIds=[scalable_id(resource)],
        ScalableDimension=DIMENSION,
    )
    targets: list[Answer] = answer.get("ScalableTargets", [])
    return targets[0] if targets else None


def alarm(clients: Clients, resource: str) -> Answer | None:
    answer = asked("describe the alarm", clients.cloudwatch.describe_alarms, AlarmNames=[resource])
    alarms: list[Answer] = answer.get("MetricAlarms", [])
    return alarms[0] if alarms else None


def configs_of(clients: Clients, resource: str) -> list[Answer]:
    """Every endpoint config of the resource. The one of its own name is asked for too: lists lag behind."""
    listed = [c for c in list_configs(clients, resource) if base_name(c["EndpointConfigName"]) == resource]
    if all(c["EndpointConfigName"] != resource for c in listed):
        own = config(clients, resource)
        listed += [own] if own is not None else []
    return listed


def base_name(name: str) -> str:
    return name.split(UPDATED, 1)[0]


def list_endpoints(clients: Clients, part: str) -> Iterator[Answer]:
    return _listed("endpoints", clients.sagemaker.list_endpoints, "Endpoints", part)


def list_components(clients: Clients, part: str) -> Iterator[Answer]:
    call = clients.sagemaker.list_inference_components
    return _listed("inference components", call, "InferenceComponents", part)


def list_configs(clients: Clients, part: str) -> Iterator[Answer]:
    return _listed("endpoint configs", clients.sagemaker.list_endpoint_configs, "EndpointConfigs", part)


def _listed(what: str, call: Callable[..., Any], key: str, part: str) -> Iterator[Answer]:
    """All pages, all statuses, of those whose name contains `part`."""
    token: Answer = {}
    while True:
        answer = asked(f"list {what}", call, NameContains=part, MaxResults=PAGE, **token)
        yield from answer[key]
        if not answer.get("NextToken"):
            return
        token = {"NextToken": answer["NextToken"]}


def list_alarms(clients: Clients, prefix: str) -> Iterator[Answer]:
    token: Answer = {}
    while True:
        call = clients.cloudwatch.describe_alarms
        answer = asked("list alarms", call, AlarmNamePrefix=prefix, MaxRecords=PAGE, **token)
        yield from answer.get("MetricAlarms", [])
        if not answer.get("NextToken"):
            return
        token = {"NextToken": answer["NextToken"]}


def list_targets(clients: Clients) -> Iterator[Answer]:
    """Those of all inference components: they cannot be asked for by a part of their names."""
    token: Answer = {}
    while True:
        answer = asked(
            "list scalable targets",
            clients.autoscaling.describe_scalable_targets,
            ServiceNamespace=NAMESPACE,
            ScalableDimension=DIMENSION,
            **token,
        )
        yield from answer.get("ScalableTargets", [])
        if not answer.get("NextToken"):
            return
        token = {"NextToken": answer["NextToken"]}


def list_tagged(clients: Clients, key: str, value: str) -> Iterator[tuple[str, Answer]]:
    """ARN and tags of everything that carries the tag. The index lags, and misses some for a while."""
    token = ""
    while True:
        answer = asked(
            "list tagged resources",
            clients.tagging.get_resources,
            TagFilters=[{"Key": key, "Values": [value]}],
            ResourceTypeFilters=["sagemaker", "cloudwatch:alarm"],
            ResourcesPerPage=PAGE,
            **({"PaginationToken": token} if token else {}),
        )
        for resource in answer.get("ResourceTagMappingList", []):
            yield resource["ResourceARN"], read_tags(resource.get("Tags", []))
        token = answer.get("PaginationToken", "")
        if not token:
            return


def tags_of(clients: Clients, arn: str) -> Answer:
    """{} where nothing carries that ARN (any more)."""
    tags: list[Answer] = []
    token: Answer = {}
    is_alarm = ":alarm:" in arn
    while True:
        if is_alarm:
            answer = found("read tags", clients.cloudwatch.list_tags_for_resource, ResourceARN=arn)
        else:
            answer = found("read tags", clients.sagemaker.list_tags, ResourceArn=arn, **token)
        tags += (answer or {}).get("Tags", [])
        if not (answer or {}).get("NextToken"):
            return read_tags(tags)
        token = {"NextToken": (answer or {})["NextToken"]}


def read_tags(listed: list[Answer]) -> Answer:
    return {tag["Key"]: tag["Value"] for tag in listed}


def set_range(clients: Clients, resource: str, known: Answer, least: int, most: int) -> None:
    """`known`: the target as described. Only what exists is changed: registering would make a new one."""
    if (known["MinCapacity"], known["MaxCapacity"]) == (least, most):
        return
    changed(
        "change the scalable target",
        clients.autoscaling.register_scalable_target,
        ServiceNamespace=NAMESPACE,
        ResourceId=scalable_id(resource),
        ScalableDimension=DIMENSION,
        MinCapacity=least,
        MaxCapacity=most,
    )
