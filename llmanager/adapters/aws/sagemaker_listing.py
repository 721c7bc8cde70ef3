"""Everything of a stage that SageMaker holds: by tags and by names, for each of the two misses some for a while."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

from llmanager.adapters.aws import sagemaker_calls as calls
from llmanager.adapters.aws.sagemaker_calls import UPDATED, Answer, Clients, base_name, scalable_id
from llmanager.adapters.aws.sagemaker_seen import CREATING, UPDATING, copies_of, instances_of
from llmanager.adapters.aws.sagemaker_tags import STAGE, read
from llmanager.models.entities import Held, Tags

LONGEST_STAGE = 7  # kernel/ids.py cuts the stage's name to so many characters
RESOURCE = r"[a-z0-9-]{1,12}-[a-z2-7]{8}"  # as kernel/ids.py ends a resource's name, whose wake alarm has it too
# Whose tags are believed where they differ: retag writes the last of these first.
RANKS = ("endpoint", "inference-component", "endpoint-config", "alarm")


@dataclass
class Found:
    """What is known of one resource so far."""

    arns: dict[str, str] = field(default_factory=dict)  # ARN -> kind
    tags: dict[str, dict[str, str]] = field(default_factory=dict)  # ARN -> tags, where they were told
    born: list[datetime] = field(default_factory=list)


def held(clients: Clients, stage: str) -> tuple[Held, ...]:
    prefix = f"lm-{stage[:LONGEST_STAGE]}-"
    found: dict[str, Found] = {}
    _by_name(clients, prefix, found)
    for arn, tags in calls.list_tagged(clients, STAGE, stage):
        kind, name = parsed(arn)
        if (later := re.fullmatch(f"({re.escape(prefix)}{RESOURCE}){UPDATED.lower()}.+", name)) is not None:
            name = later[1]  # SageMaker writes ARNs in lower case, whatever the name is
        if _is_of_a_model(kind, name, prefix):
            _note(found, name, arn, kind).tags[arn] = tags
    seen = [_held(clients, resource, parts, stage) for resource, parts in sorted(found.items())]
    return tuple(one for one in seen if one is not None)


def parsed(arn: str) -> tuple[str, str]:
    """Kind and name: the last two parts, whether they are cut by "/" or, in CloudWatch's, by ":"."""
    last = arn.split(":", 5)[5]
    kind, _, name = last.replace(":", "/", 1).partition("/")
    return kind, name


def _by_name(clients: Clients, prefix: str, found: dict[str, Found]) -> None:
    listed = (
        ("endpoint", "EndpointName", "EndpointArn", calls.list_endpoints(clients, prefix)),
        (
            "inference-component",
            "InferenceComponentName",
            "InferenceComponentArn",
            calls.list_components(clients, prefix),
        ),
        ("endpoint-config", "EndpointConfigName", "EndpointConfigArn", calls.list_configs(clients, prefix)),
        ("alarm", "AlarmName", "AlarmArn", calls.list_alarms(clients, prefix)),
    )
    for kind, name_key, arn_key, answers in listed:
        for answer in answers:
            if _is_of_a_model(kind, answer[name_key], prefix):
                parts = _note(found, answer[name_key], answer[arn_key], kind)
                parts.born += [answer["CreationTime"]] if "CreationTime" in answer else []
    for target in calls.list_targets(clients):
        name = target["ResourceId"].removeprefix(scalable_id(""))
        if name.startswith(prefix):
            found.setdefault(name, Found()).born.append(target["CreationTime"])


def _is_of_a_model(kind: str, name: str, prefix: str) -> bool:
    """Alarms watch over much else in a stage; what SageMaker runs under its prefix costs money, whoever named it."""
    if kind == "alarm":
        return re.fullmatch(re.escape(prefix) + RESOURCE, name) is not None
    return name.startswith(prefix)


def _note(found: dict[str, Found], name: str, arn: str, kind: str) -> Found:
    parts = found.setdefault(base_name(name), Found())
    parts.arns[arn] = kind
    return parts


def _held(clients: Clients, resource: str, parts: Found, stage: str) -> Held | None:
    """None: it is of another stage, whose name begins like ours."""
    # Before its tags: what runs was tagged before it was started, so one that wakes just now is not taken for expired.
    runs = is_running(clients, resource)
    tags = _tags(clients, parts)
    if tags is not None and tags.stage != stage:
        return None
    return Held(resource, tags, runs, min(parts.born, default=None))


def _tags(clients: Clients, parts: Found) -> Tags | None:
    """Of the things themselves. The index tells old times for minutes, and a watchdog would end what was renewed."""
    ranked = [arn for arn, _ in sorted(parts.arns.items(), key=lambda part: (RANKS.index(part[1]), part[0]))]
    told = (read(calls.tags_of(clients, arn)) for arn in ranked)
    indexed = (read(parts.tags.get(arn, {})) for arn in ranked)
    return next((tags for tags in chain(told, indexed) if tags is not None), None)


def is_running(clients: Clients, resource: str) -> bool:
    endpoint, component = calls.endpoint(clients, resource), calls.component(clients, resource)
    if endpoint is not None and (_is_coming(endpoint) or instances_of(endpoint) > 0):
        return True
    if component is None:
        return False
    copies = copies_of(component)
    return copies.status == CREATING or max(copies.current, copies.desired) > 0


def _is_coming(endpoint: Answer) -> bool:
    return endpoint["EndpointStatus"] in (CREATING, UPDATING)
