"""What Application Auto Scaling does by itself as time passes.

Target tracking waits for three breaching points of 10 s to scale out and for 90 to scale in; a copy count outside the
target's bounds is brought back; a step policy acts when its alarm fires. It only acts on a component in service.
https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html
"""

import math

from emulator.instants import NEVER, us
from emulator.sagemaker.copies import scale
from emulator.sagemaker.entities import IN_SERVICE, Component
from emulator.scaling.entities import Policy, Target
from emulator.world import World

COOLDOWN_S = (
    300  # https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
)
SCALE_IN_AT = 0.9  # the low alarm stands at 90 % of the target


def observe(world: World) -> None:
    """Note since when a target or policy has reason to act, or no more."""
    for target in world.targets.values():
        component = world.components.live.get(target.component)
        is_out = component is not None and not target.minimum <= component.desired <= target.maximum
        if component is None or not is_out or component.status != IN_SERVICE:
            target.mend_us = NEVER
        elif target.mend_us == NEVER:
            target.mend_us = world.at_us + us(world.timing.scaling_act_s)
    for policy in world.policies.values():
        if policy.is_tracking:
            observe_load(world, policy)


def observe_load(world: World, policy: Policy) -> None:
    component = world.components.live.get(policy.component)
    up = component.up if component else 0
    load = world.series[policy.component].requests if policy.component in world.series else 0
    target = tracking(policy)["TargetValue"]
    is_above = up > 0 and load > target * up
    is_below = up > 0 and load < SCALE_IN_AT * target * up and wanted(world, policy) < up
    policy.above_us = NEVER if not is_above else min(policy.above_us, world.at_us)
    policy.below_us = NEVER if not is_below else min(policy.below_us, world.at_us)


def tracking(policy: Policy) -> dict[str, float]:
    settings: dict[str, float] = policy.settings["TargetTrackingScalingPolicyConfiguration"]
    return settings


def wanted(world: World, policy: Policy) -> int:
    """The copies that bring the load to the target, within the target's bounds."""
    bounds = world.targets[policy.resource_id]
    load = world.series[policy.component].requests if policy.component in world.series else 0
    count = math.ceil(load / tracking(policy)["TargetValue"])
    return max(bounds.minimum, min(bounds.maximum, count))


def in_service(world: World, name: str) -> Component | None:
    component = world.components.live.get(name)
    return component if component and component.status == IN_SERVICE else None


def policy_due_us(world: World, policy: Policy) -> int:
    """When target tracking acts, if nothing changes until then."""
    component = in_service(world, policy.component)
    if not policy.is_tracking or component is None:
        return NEVER
    settings, due = tracking(policy), NEVER
    if policy.above_us != NEVER and wanted(world, policy) > component.desired:
        cooled = policy.acted_us + us(settings.get("ScaleOutCooldown", COOLDOWN_S))
        due = max(policy.above_us + us(world.timing.scale_out_s), cooled)
    if policy.below_us != NEVER and not settings.get("DisableScaleIn") and wanted(world, policy) < component.desired:
        cooled = policy.acted_us + us(settings.get("ScaleInCooldown", COOLDOWN_S))
        due = min(due, max(policy.below_us + us(world.timing.scale_in_s), cooled))
    return due


def due_us(world: World) -> int:
    due = NEVER
    for target in world.targets.values():
        due = min(due, target.mend_us)
    for policy in world.policies.values():
        due = min(due, policy_due_us(world, policy))
    return due


def act(world: World) -> None:
    """What is due by now."""
    for target in world.targets.values():
        component = in_service(world, target.component)
        if component and target.mend_us <= world.at_us:
            target.mend_us = NEVER
            scale(world, component, bounded(target, component.desired))
    for policy in world.policies.values():
        component = in_service(world, policy.component)
        if component and policy_due_us(world, policy) <= world.at_us:
            policy.above_us, policy.below_us, policy.acted_us = NEVER, NEVER, world.at_us
            scale(world, component, wanted(world, policy))


def bounded(target: Target, count: int) -> int:
    return max(target.minimum, min(target.maximum, count))


def fire(world: World, policy: Policy) -> None:
    """The policy's alarm rang: take the step for a breach of zero above the threshold."""
    component, target = in_service(world, policy.component), world.targets.get(policy.resource_id)
    if component is None or target is None or policy.is_tracking:
        return
    settings = policy.settings["StepScalingPolicyConfiguration"]
    if world.at_us < policy.acted_us + us(settings.get("Cooldown", COOLDOWN_S)):
        return
    step = next((s for s in settings["StepAdjustments"] if s.get("MetricIntervalLowerBound", 0) <= 0), None)
    if step is None:
        return
    adjusted = step["ScalingAdjustment"]
    if settings["AdjustmentType"] != "ExactCapacity":
        adjusted += component.desired
    count = bounded(target, adjusted)
    if count != component.desired:
        policy.acted_us = world.at_us
        scale(world, component, count)
