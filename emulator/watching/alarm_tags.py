"""Tags of CloudWatch alarms, which PutMetricAlarm writes once and never again.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_TagResource.html
"""

from emulator.errors import Params, Refusal
from emulator.sagemaker.tags import listed
from emulator.world import World


def tag_resource(world: World, params: Params) -> Params:
    name = name_of(params)
    alarm = world.alarms.live.get(name)
    if alarm is None:
        raise missing(name)
    alarm.tags = {**alarm.tags, **{tag["Key"]: tag["Value"] for tag in params["Tags"]}}
    world.alarms.changed(alarm, world.at_us)
    return {}


def list_tags_for_resource(world: World, params: Params) -> Params:
    name = name_of(params)
    seen = world.alarms.seen(name, world.at_us, world.lag_us)
    if seen is None:
        raise missing(name)
    return {"Tags": listed(seen.tags)}


def name_of(params: Params) -> str:
    arn: str = params["ResourceARN"]
    return arn.rpartition(":alarm:")[2]


def missing(name: str) -> Refusal:
    return Refusal("ResourceNotFoundException", f"Alarm {name} does not exist.")
