"""CloudWatch alarms. Those on NoCapacityInvocationFailures ring; the others are kept and stay as they are.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""

from emulator.errors import Params, Refusal, copied
from emulator.instants import NEVER, us
from emulator.sagemaker.pages import tags_of
from emulator.scaling.effects import fire
from emulator.watching.entities import ALARM, INSUFFICIENT, OK, Alarm
from emulator.world import World


def alarm_arn(world: World, name: str) -> str:
    return f"arn:aws:cloudwatch:{world.region}:{world.account}:alarm:{name}"


def put_metric_alarm(world: World, params: Params) -> Params:
    """Creates, or replaces all but the tags: "tags are ignored" on an update."""
    name = params["AlarmName"]
    if "MetricName" not in params and "Metrics" not in params:
        raise Refusal("ValidationError", "At least one of MetricName and Metrics is required.")
    before = world.alarms.live.get(name)
    alarm = Alarm(
        name=name,
        arn=alarm_arn(world, name),
        request=params,
        tags=before.tags if before else tags_of(params),
        created_us=before.created_us if before else world.at_us,
        modified_us=world.at_us,
        since_us=before.since_us if before else world.at_us,
        condition=before.condition if before else INSUFFICIENT,
        clear_us=before.clear_us if before else NEVER,
    )
    world.alarms.put(alarm, world.at_us)
    return {}


def delete_alarms(world: World, params: Params) -> Params:
    """All or, if one is missing, none."""
    names = params["AlarmNames"]
    for name in names:
        if name not in world.alarms.live:
            raise Refusal("ResourceNotFound", f"Alarm {name} does not exist.")
    for name in dict.fromkeys(names):
        world.alarms.remove(world.alarms.live[name], world.at_us)
    return {}


def describe_alarms(world: World, params: Params) -> Params:
    """By name, ascending."""
    wanted, prefix = params.get("AlarmNames"), params.get("AlarmNamePrefix", "")
    last = params.get("NextToken", "")
    found = sorted(
        (entry for entry in world.alarms.all_seen(world.at_us, world.lag_us) if entry.name > last),
        key=lambda entry: entry.name,
    )
    found = [entry for entry in found if entry.name.startswith(prefix) and (not wanted or entry.name in wanted)]
    if state := params.get("StateValue"):
        found = [entry for entry in found if entry.view and entry.view["StateValue"] == state]
    size = min(params.get("MaxRecords", 50), world.page_size or 50)
    rest = {"NextToken": found[size - 1].name} if size < len(found) else {}
    return {"MetricAlarms": [copied(entry.view) for entry in found[:size] if entry.view], "CompositeAlarms": [], **rest}


def watches(alarm: Alarm, component: str) -> bool:
    dimension = {"Name": "InferenceComponentName", "Value": component}
    request = alarm.request
    is_about = request.get("MetricName") == "NoCapacityInvocationFailures" and dimension in request.get(
        "Dimensions", ()
    )
    return is_about and request.get("Threshold", 0) <= 1


def breach(world: World, component: str) -> None:
    """A request failed for want of capacity: the alarms that watch for it ring soon, or go on ringing."""
    for alarm in world.alarms.live.values():
        if watches(alarm, component):
            if alarm.condition == ALARM:
                alarm.clear_us = world.at_us + window_us(alarm)
            elif alarm.fire_us == NEVER:
                alarm.fire_us = world.at_us + us(world.timing.alarm_s)


def window_us(alarm: Alarm) -> int:
    return us(alarm.request.get("Period", 60) * alarm.request.get("EvaluationPeriods", 1))


def due_us(world: World) -> int:
    return min((min(a.fire_us, a.clear_us) for a in world.alarms.live.values()), default=NEVER)


def ring(world: World) -> None:
    """What is due by now."""
    for alarm in list(world.alarms.live.values()):
        if alarm.fire_us <= world.at_us:
            alarm.fire_us, alarm.clear_us = NEVER, world.at_us + window_us(alarm)
            turn(world, alarm, ALARM)
            actions = alarm.request.get("AlarmActions", ()) if alarm.request.get("ActionsEnabled", True) else ()
            for policy in [p for p in world.policies.values() if p.arn in actions]:
                fire(world, policy)
        elif alarm.clear_us <= world.at_us:
            alarm.clear_us = NEVER
            # Without requests there is no data: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/
            # AlarmThatSendsEmail.html#alarms-and-missing-data
            turn(world, alarm, OK if alarm.request.get("TreatMissingData") == "notBreaching" else INSUFFICIENT)


def turn(world: World, alarm: Alarm, condition: str) -> None:
    alarm.condition, alarm.since_us = condition, world.at_us
    world.alarms.changed(alarm, world.at_us)
