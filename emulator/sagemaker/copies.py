"""The copies of an inference component over time: placed, started, stopped, rolled over, given up."""

from emulator.instants import NEVER, us
from emulator.sagemaker.entities import (
    CREATING,
    DELETING,
    FAILED,
    IN_SERVICE,
    UPDATING,
    Component,
    Copy,
    Endpoint,
    Variant,
    needs_of,
)
from emulator.sagemaker.instances import find_room, leave
from emulator.world import World

UNHEALTHY = (
    "The container for the inference component did not pass the ping health check. "
    "Please check CloudWatch logs for this inference component."
)
ARRANGED = frozenset({CREATING, UPDATING, IN_SERVICE})
HEALTH_LOOK_S = 0.2


def is_stuck(world: World, component: Component) -> bool:
    return bool(world.stuck) and ("inference-component", component.name) in world.stuck


def host(world: World, component: Component) -> tuple[Endpoint, Variant] | None:
    endpoint = world.endpoints.live.get(component.endpoint_name)
    variant = endpoint.variants.get(component.variant_name) if endpoint else None
    return (endpoint, variant) if endpoint and variant else None


def due_us(world: World, component: Component) -> int:
    """When the component next changes by itself."""
    if is_stuck(world, component):
        return NEVER
    due = component.give_up_us
    if component.settle_us > world.at_us or component.status == DELETING:
        due = min(due, component.settle_us)
    for copy in component.copies:
        if not copy.is_up and copy.up_us < due:
            due = copy.up_us
        if copy.stop_us < due:
            due = copy.stop_us
    return due


def has_work(world: World, component: Component) -> bool:
    return component.settle_us == world.at_us or due_us(world, component) <= world.at_us


def pass_time(world: World, component: Component) -> None:
    """Everything of this component that is due by now."""
    at_us = world.at_us
    changed = False
    for copy in list(component.copies):
        if copy.stop_us <= at_us:
            leave(world, copy)
            component.copies.remove(copy)
            changed = True
        elif not copy.is_up and copy.up_us <= at_us and is_answering(world, component, copy):
            copy.is_up = changed = True
    if component.status == DELETING and component.settle_us <= at_us:
        vanish(world, component)
        return
    if changed:
        world.components.changed(component, at_us)
        measure(world, component)
    arrange(world, component)
    if component.give_up_us <= at_us:
        give_up(world, component)


def is_answering(world: World, component: Component, copy: Copy) -> bool:
    """Without real containers all answer in time. One that does not is asked again, but not for ever."""
    if world.containers is None or world.containers.is_healthy(copy):
        return True
    copy.up_us = world.at_us + us(HEALTH_LOOK_S)
    if component.give_up_us == NEVER:
        component.give_up_us = world.at_us + us(world.timing.health_check_s)
        component.give_up_reason = UNHEALTHY
    return False


def vanish(world: World, component: Component) -> None:
    for copy in component.copies:
        leave(world, copy)
    component.copies = []
    measure(world, component)
    world.components.remove(component, world.at_us)


def arrange(world: World, component: Component) -> None:
    """Bring the copies towards what is wanted: surplus stops, what is missing finds room; settle if all is well."""
    if component.status not in ARRANGED:
        return
    remaining = [copy for copy in component.copies if not copy.is_stopping]
    fresh = [copy for copy in remaining if copy.revision == component.revision]
    stale = [copy for copy in remaining if copy.revision != component.revision]
    fresh.sort(key=lambda copy: not copy.is_up)
    for copy in fresh[component.desired :]:
        stop(world, component, copy)
    del fresh[component.desired :]
    # Old copies serve until as many new ones do, the whole batch beside them meanwhile.
    surplus = sum(copy.is_up for copy in fresh) + len(stale) - component.desired
    for copy in stale[: max(0, surplus)]:
        stop(world, component, copy)
    del stale[: max(0, surplus)]
    limit = component.desired + (component.batch if stale else 0)
    while len(fresh) < component.desired and len(fresh) + len(stale) < limit:
        copy = Copy(component.revision, needs_of(component.specification))
        component.copies.append(copy)
        fresh.append(copy)
    for copy in fresh:
        if copy.instance is None:
            seat(world, component, copy)
    is_there = not stale and len(component.copies) == component.desired and all(c.is_up for c in component.copies)
    if is_there and not is_stuck(world, component):
        settle(world, component)


def seat(world: World, component: Component, copy: Copy) -> None:
    """Find the copy an instance; if there is none, the component waits for one, but not for ever."""
    at = host(world, component)
    why = find_room(world, *at, copy) if at else "The endpoint is gone."
    if why is None and at:
        world.endpoints.changed(at[0], world.at_us)
        component.give_up_us = NEVER
        if component.name in world.broken:
            give_up_us = copy.up_us + us(world.timing.health_check_s)
            copy.up_us = NEVER
            component.give_up_us, component.give_up_reason = give_up_us, UNHEALTHY
    elif why is not None and component.give_up_us == NEVER and component.status != IN_SERVICE:
        component.give_up_us = world.at_us + us(world.timing.capacity_wait_s)
        component.give_up_reason = why


def stop(world: World, component: Component, copy: Copy) -> None:
    """A copy that serves goes on for as long as it takes to stop; one that does not yet is gone at once."""
    if copy.is_up:
        copy.stop_us = world.at_us + us(world.timing.copy_stop_s)
    else:
        leave(world, copy)
        component.copies.remove(copy)


def settle(world: World, component: Component) -> None:
    component.give_up_us = NEVER
    if component.status != IN_SERVICE and component.settle_us <= world.at_us:
        component.status, component.settle_us, component.former = IN_SERVICE, NEVER, None
        changed(world, component)


def changed(world: World, component: Component) -> None:
    component.modified_us = world.at_us
    world.components.changed(component, world.at_us)
    measure(world, component)


def give_up(world: World, component: Component) -> None:
    """No instance, or no healthy container, in time.

    A rolling update goes back to the former specification, whose copies never stopped serving; anything else is Failed.
    """
    component.give_up_us, component.settle_us = NEVER, NEVER
    component.failure = component.give_up_reason
    for copy in [c for c in component.copies if not c.is_up]:
        stop(world, component, copy)
    if component.former is not None and any(c.revision != component.revision for c in component.copies):
        roll_back(component)
        component.status = UPDATING
        component.settle_us = world.at_us
        changed(world, component)
        arrange(world, component)
        return
    component.status = FAILED
    changed(world, component)


def roll_back(component: Component) -> None:
    """The old copies become the wanted ones, under a number of their own; the new ones will stop."""
    old = [copy for copy in component.copies if copy.revision != component.revision]
    component.revision += 1
    for copy in old:
        copy.revision = component.revision
    component.specification = component.former or component.specification
    component.former = None


def scale(world: World, component: Component, desired: int) -> None:
    """What UpdateInferenceComponentRuntimeConfig and auto scaling do."""
    component.desired = desired
    component.status = UPDATING
    component.failure = None
    component.settle_us = world.at_us + us(world.timing.component_update_s)
    component.give_up_us = NEVER
    changed(world, component)


def measure(world: World, component: Component) -> None:
    """Note in the metrics how many copies serve from now on."""
    series = world.series_of(component.name)
    series.endpoint_name = component.endpoint_name
    series.measure(world.at_us, component.up)
