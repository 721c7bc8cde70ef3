"""Time passes: every effect that is due happens at its own moment, in the order of the moments."""

from emulator.instants import us
from emulator.sagemaker import copies, endpoints
from emulator.sagemaker.entities import IN_SERVICE, UPDATING, Endpoint, Variant
from emulator.sagemaker.instances import release, release_us
from emulator.scaling import effects
from emulator.watching import alarms
from emulator.world import World

SERVING = frozenset({IN_SERVICE, UPDATING})


def advance(world: World, now_us: int) -> None:
    """Let everything happen up to `now_us`. A clock that jumps back stops time here until it catches up."""
    while world.due_us <= now_us:
        world.at_us = max(world.at_us, world.due_us)
        step(world)
        refresh(world)
    world.at_us = max(world.at_us, now_us)


def step(world: World) -> None:
    """What is due at this moment. Within one moment: instances, copies, endpoints, releases, alarms, scaling."""
    for endpoint in world.endpoints.live.values():
        start_instances(world, endpoint)
    for component in list(world.components.live.values()):
        if not copies.is_stuck(world, component) and copies.has_work(world, component):
            copies.pass_time(world, component)
    for endpoint in list(world.endpoints.live.values()):
        if endpoints.due_us(world, endpoint) <= world.at_us:
            endpoints.arrive(world, endpoint)
        released = [release(world, variant) for variant in releasing(endpoint)]
        if any(released):
            world.endpoints.changed(endpoint, world.at_us)
    alarms.ring(world)
    effects.act(world)


def start_instances(world: World, endpoint: Endpoint) -> None:
    for variant in endpoint.all_variants():
        for instance in variant.instances:
            if not instance.is_ready and instance.ready_us <= world.at_us:
                instance.is_ready = True
                world.endpoints.changed(endpoint, world.at_us)


def releasing(endpoint: Endpoint) -> list[Variant]:
    """Managed scaling works on endpoints that serve; a failed one keeps its instances, and their bill."""
    return list(endpoint.variants.values()) if endpoint.status in SERVING else []


def refresh(world: World) -> None:
    """After any change: seek room for copies, note reasons to scale, find the next moment."""
    for component in world.components.live.values():
        copies.arrange(world, component)
    effects.observe(world)
    due = min(alarms.due_us(world), effects.due_us(world))
    for component in world.components.live.values():
        due = min(due, copies.due_us(world, component))
    for endpoint in world.endpoints.live.values():
        due = min(due, endpoint_due_us(world, endpoint))
    world.due_us = due


def endpoint_due_us(world: World, endpoint: Endpoint) -> int:
    due = endpoints.due_us(world, endpoint)
    for variant in endpoint.all_variants():
        for instance in variant.instances:
            if not instance.is_ready:
                due = min(due, instance.ready_us)
    for variant in releasing(endpoint):
        due = min(due, release_us(world, variant))
    return due


def forget(world: World) -> None:
    """Drop metrics that nobody can ask for any more."""
    horizon_us = world.at_us - us(world.timing.metrics_keep_s)
    for name, series in list(world.series.items()):
        series.forget_before(horizon_us)
        is_gone = name not in world.components.live and not series.counts
        if is_gone and (not series.samples or series.samples[-1].at_us <= horizon_us):
            del world.series[name]
