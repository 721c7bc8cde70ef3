"""States with one digest have one future: random histories that end alike are played on and must go on alike."""

from random import Random

from botocore.exceptions import ClientError

from tests.fakes.clock import FakeClock
from tests.unit.emulator.scenes import (
    NAME,
    TAGS,
    awake,
    cloud_at,
    component,
    create_component,
    create_config,
    create_endpoint,
    endpoint,
    register,
    scale,
    specification,
)

HISTORIES, STEPS = 300, 4


def sagemaker(cloud):
    return cloud.client("sagemaker")


OPERATIONS = [
    lambda cloud, clock: clock.advance(30),
    lambda cloud, clock: clock.advance(600),
    lambda cloud, clock: scale(cloud, 0),
    lambda cloud, clock: scale(cloud, 1),
    lambda cloud, clock: scale(cloud, 2),
    lambda cloud, clock: register(cloud, 0, 1),
    lambda cloud, clock: create_component(cloud, "second", copies=1),
    lambda cloud, clock: sagemaker(cloud).delete_inference_component(InferenceComponentName=NAME),
    lambda cloud, clock: sagemaker(cloud).delete_endpoint(EndpointName=NAME),
    lambda cloud, clock: create_endpoint(cloud, "other"),
    lambda cloud, clock: create_config(cloud, "third", initial=2, maximum=3),
    lambda cloud, clock: sagemaker(cloud).update_endpoint(EndpointName=NAME, EndpointConfigName="third"),
    lambda cloud, clock: sagemaker(cloud).update_inference_component(
        InferenceComponentName=NAME, Specification=specification("v2")
    ),
    lambda cloud, clock: cloud.invoke(NAME, NAME),
    lambda cloud, clock: cloud.vanish(NAME),
    lambda cloud, clock: cloud.stick(NAME),
]


def attempt(call, *args):
    """Whether it was done, for comparison; times are left out, as digests do not fix the date."""
    try:
        answer = call(*args)
    except (ClientError, KeyError) as error:
        return str(error)
    return answer if isinstance(answer, dict) else None


def lived(seed: int):
    random, clock = Random(seed), FakeClock()
    lag_s = random.choice([0, 0, 20])
    cloud = awake(clock, stale_s=lag_s, capacity={"ml.g5.xlarge": 2})
    cloud.set_lag(lag_s)
    for _ in range(STEPS):
        attempt(random.choice(OPERATIONS), cloud, clock)
    return cloud, clock


def timeless(answer):
    if isinstance(answer, dict):
        return {k: timeless(v) for k, v in answer.items() if not k.endswith("Time") and not k.endswith("Timestamp")}
    return [timeless(item) for item in answer] if isinstance(answer, list) else answer


def future(cloud, clock):
    """What a patient reader sees, and what the rest costs."""
    spent, seen = cloud.bill.usd(clock.now()), []
    for step in range(24):
        if step == 12:
            attempt(scale, cloud, 1)
        clock.advance(45)
        seen.append([timeless(attempt(read, cloud)) for read in (endpoint, component)])
        seen.append(timeless(sagemaker(cloud).list_inference_components()))
        found = cloud.client("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": TAGS[0]["Key"]}])
        seen.append(timeless(found))
    return seen, round(cloud.bill.usd(clock.now()) - spent, 20)


def test_equal_digests_have_equal_futures():
    futures, merged = {}, 0
    for seed in range(HISTORIES):
        cloud, clock = lived(seed)
        digest = cloud.digest()
        ahead = future(cloud, clock)
        merged += digest in futures
        assert futures.setdefault(digest, ahead) == ahead, f"seed {seed}"
    assert merged > HISTORIES / 20, "too few states met to show anything"
    assert len(futures) > HISTORIES / 20


def test_reading_the_digest_changes_nothing():
    clock = FakeClock()
    cloud = cloud_at(clock)
    create_endpoint(cloud)
    clock.advance(100)
    assert cloud.digest() == cloud.digest()
