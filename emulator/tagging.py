"""The tagging API: every taggable resource of the emulated services, seen as late as lists are.

Scalable targets and scaling policies are not among them: only ECS, SageMaker and CloudWatch ARNs that
https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html names are.
"""

from collections.abc import Iterator

from emulator.errors import Params, Refusal
from emulator.sagemaker.tags import listed, shelves
from emulator.shelf import Shown
from emulator.world import World

PAGE_SIZE = 50


def get_resources(world: World, params: Params) -> Params:
    """Resources that have, or had, tags; ordered by ARN. An empty PaginationToken ends the pages."""
    wanted = params.get("ResourceTypeFilters", ())
    arns = params.get("ResourceARNList")
    last = params.get("PaginationToken", "")
    if last and not last.startswith("arn:"):
        raise Refusal("InvalidParameterException", "The pagination token is invalid.")
    found = sorted(
        (
            entry
            for kind, entry in everything(world)
            if entry.tags
            and entry.arn > last
            and (not wanted or kind in wanted or kind.partition(":")[0] in wanted)
            and (not arns or entry.arn in arns)
            and all(has(entry.tags, f) for f in params.get("TagFilters", ()))
        ),
        key=lambda entry: entry.arn,
    )
    size = min(params.get("ResourcesPerPage", PAGE_SIZE), world.page_size or PAGE_SIZE)
    return {
        "ResourceTagMappingList": [{"ResourceARN": e.arn, "Tags": listed(e.tags)} for e in found[:size]],
        "PaginationToken": found[size - 1].arn if size < len(found) else "",
    }


def everything(world: World) -> Iterator[tuple[str, Shown]]:
    """With the name that ResourceTypeFilters gives the kind."""
    for kind, shelf in shelves(world).items():
        for entry in shelf.all_seen(world.at_us, world.lag_us):
            yield f"sagemaker:{kind}", entry
    for entry in world.alarms.all_seen(world.at_us, world.lag_us):
        yield "cloudwatch:alarm", entry


def has(tags: dict[str, str], wanted: Params) -> bool:
    """Keys are all needed; of the values of one key any will do, and none given means any."""
    key, values = wanted.get("Key", ""), wanted.get("Values")
    return key in tags and (not values or tags[key] in values)
