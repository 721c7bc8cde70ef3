"""Tags of SageMaker's resources, and which resource an ARN names."""

from typing import Any

from emulator.errors import Params, invalid
from emulator.shelf import Resource, Shelf
from emulator.world import World

MAX_TAGS = 50  # https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html


def shelves(world: World) -> dict[str, Shelf[Any]]:
    """By the name that ARNs give the kind."""
    return {
        "model": world.models,
        "endpoint-config": world.configs,
        "endpoint": world.endpoints,
        "inference-component": world.components,
    }


def shelf_of(world: World, arn: str) -> tuple[Shelf[Any], str]:
    kind, _, name = arn.removeprefix(world.arn("", "").removesuffix("/")).partition("/")
    shelf = shelves(world).get(kind)
    if shelf is None:
        raise invalid(f'Could not find resource "{arn}".')
    return shelf, next((resource.name for resource in shelf.live.values() if resource.arn == arn), name)


def find(world: World, arn: str) -> tuple[Shelf[Any], Resource]:
    shelf, name = shelf_of(world, arn)
    resource = shelf.live.get(name)
    if resource is None:
        raise invalid(f'Could not find resource "{arn}".')
    return shelf, resource


def add_tags(world: World, params: Params) -> Params:
    shelf, resource = find(world, params["ResourceArn"])
    tags = {**resource.tags, **{tag["Key"]: tag["Value"] for tag in params["Tags"]}}
    if len(tags) > MAX_TAGS:
        raise invalid(f"Number of tags exceeds the limit of {MAX_TAGS}.")
    # A new dict, not a changed one: readers with a lag hold the old one.
    resource.tags = tags
    shelf.changed(resource, world.at_us)
    return {"Tags": listed(tags)}


def delete_tags(world: World, params: Params) -> Params:
    shelf, resource = find(world, params["ResourceArn"])
    resource.tags = {key: value for key, value in resource.tags.items() if key not in params["TagKeys"]}
    shelf.changed(resource, world.at_us)
    return {}


def list_tags(world: World, params: Params) -> Params:
    shelf, name = shelf_of(world, params["ResourceArn"])
    seen = shelf.seen(name, world.at_us, world.lag_us)
    if seen is None:
        raise invalid(f'Could not find resource "{params["ResourceArn"]}".')
    return {"Tags": listed(seen.tags)}


def listed(tags: dict[str, str]) -> list[Params]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
