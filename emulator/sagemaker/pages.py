"""Lists: filters, order and pages, the same for every kind of resource."""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any

from emulator.errors import Params, invalid
from emulator.shelf import Shelf, Shown
from emulator.world import World

PAGE_SIZE = (
    10  # the services' default: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListEndpoints.html
)
MAX_PAGE_SIZE = 100


def page(
    world: World,
    shelf: Shelf[Any],
    params: Params,
    prefix: str,
    keys: tuple[str, ...],
    keep: Callable[[Params], bool] = lambda _: True,
) -> tuple[list[Params], str | None]:
    """One page of summaries (the named members of the Describe answer), and the token of the next."""
    found = [entry for entry in shelf.all_seen(world.at_us, world.lag_us) if matches(entry, params, prefix, keep)]
    by = params.get("SortBy", "CreationTime")
    is_descending = params.get("SortOrder", "Descending") == "Descending"
    found.sort(key=lambda entry: order(entry, by, prefix), reverse=is_descending)
    if last := after(params.get("NextToken")):
        found = [e for e in found if (order(e, by, prefix) < last if is_descending else order(e, by, prefix) > last)]
    size = min(params.get("MaxResults", PAGE_SIZE), world.page_size or MAX_PAGE_SIZE)
    chosen = found[:size]
    summaries = [{key: e.view[key] for key in keys if key in e.view} for e in chosen if e.view is not None]
    return summaries, token(order(chosen[-1], by, prefix)) if size < len(found) else None


def order(entry: Shown, by: str, prefix: str) -> tuple[Any, str]:
    view = entry.view or {}
    return (view.get(f"{prefix}Status", "") if by == "Status" else entry.created_us if by != "Name" else 0), entry.name


def matches(entry: Shown, params: Params, prefix: str, keep: Callable[[Params], bool]) -> bool:
    view = entry.view or {}
    if params.get("NameContains", "") not in entry.name:
        return False
    if "StatusEquals" in params and view.get(f"{prefix}Status") != params["StatusEquals"]:
        return False
    for member in ("CreationTime", "LastModifiedTime"):
        before, later = params.get(f"{member}Before"), params.get(f"{member}After")
        if (before and view[member] >= before) or (later and view[member] <= later):
            return False
    return keep(view)


def token(last: tuple[Any, str]) -> str:
    return base64.b64encode(json.dumps(last).encode()).decode()


def after(next_token: str | None) -> tuple[Any, str] | None:
    """The last item of the page before, by its place in the order: pages go on even if that item is gone by now."""
    if not next_token:
        return None
    try:
        place, name = json.loads(base64.b64decode(next_token, validate=True))
    except (binascii.Error, ValueError, TypeError):
        raise invalid("Invalid pagination token.") from None
    return place, name


def answer(member: str, summaries: list[Params], next_token: str | None) -> Params:
    return {member: summaries, "NextToken": next_token} if next_token else {member: summaries}


def tags_of(params: Params) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in params.get("Tags", ())}
