"""Updates of a model on SageMaker: revisions, other instances, other bounds."""

from dataclasses import replace
from datetime import timedelta

import pytest

from llmanager.adapters.aws.sagemaker_create import ROLLED_AGAIN_S
from llmanager.kernel.errors import InvalidInput
from llmanager.models.entities import ReplicaState, Scaling
from tests.fakes.sagemaker import GOOD, R, sagemaker_world

READY, STARTING, STOPPING, FAILED = (
    ReplicaState.READY,
    ReplicaState.STARTING,
    ReplicaState.STOPPING,
    ReplicaState.FAILED,
)
DAY = timedelta(days=1)


@pytest.fixture
def world():
    return sagemaker_world()


def kinds(world) -> list[str]:
    return sorted(item.kind for item in world.cloud.billable())


def test_a_new_revision_replaces_copies_without_a_gap(world):
    world.run(world.order(2))
    world.host.hold_range(R, 2, 3)
    newer = world.order(2, revision=2, spec=replace(GOOD, context_tokens=4096))
    world.host.revise(newer)
    for _ in range(60):
        world.cloud.invoke(R, R)  # raises if nobody answers
        world.clock.advance(15)

    assert [(r.state, r.revision) for r in world.host.observe(R).replicas] == [(READY, 2), (READY, 2)]
    described = world.cloud.client("sagemaker").describe_inference_component(InferenceComponentName=R)
    assert described["Specification"]["Container"]["Environment"]["SM_VLLM_MAX_MODEL_LEN"] == "4096"


def test_even_with_one_copy_at_most_a_revision_leaves_no_gap(world):
    spec = replace(GOOD, scaling=Scaling(max=1))
    world.run(world.order(spec=spec))
    world.host.hold_range(R, 1, 3)
    world.host.revise(world.order(revision=2, spec=replace(spec, context_tokens=4096)))
    for _ in range(60):
        world.cloud.invoke(R, R)
        world.clock.advance(15)
    assert [r.revision for r in world.host.observe(R).replicas] == [2]


def test_a_model_changed_in_its_sleep_wakes_as_what_it_is_now(world):
    world.run()
    world.host.park(R)
    world.clock.advance(1200)
    world.run(world.order(revision=5))
    assert [r.revision for r in world.host.observe(R).replicas] == [5]


def test_another_instance_type_moves_the_endpoint_to_another_config(world):
    world.run()
    world.host.hold_range(R, 1, 3)
    newer = world.order(revision=2, spec=replace(GOOD, instance_type="ml.g5.2xlarge"))
    world.pass_until(
        lambda: world.host.revise(newer), lambda: [r.revision for r in world.host.observe(R).replicas] == [2]
    )
    world.run(newer)
    world.clock.advance(1800)

    assert {line.instance_type for line in world.cloud.bill.running(world.clock.now())} == {"ml.g5.2xlarge"}
    world.remove()
    assert world.is_empty()


def test_more_copies_than_the_config_allowed_get_room(world):
    small = replace(GOOD, scaling=Scaling(max=1))
    world.run(world.order(spec=small))
    world.run(world.order(3, spec=replace(GOOD, scaling=Scaling(max=3))))
    assert world.states() == [READY] * 3


def test_with_fewer_copies_allowed_autoscaling_is_held_to_them_from_the_next_start(world):
    world.run(world.order(3))
    world.host.hold_range(R, 3, 3)
    world.host.park(R)
    world.clock.advance(1200)
    world.run(world.order(spec=replace(GOOD, scaling=Scaling(max=1))))
    (target,) = world.cloud.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")[
        "ScalableTargets"
    ]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 1)


def test_a_revision_that_was_rolled_back_is_told_and_not_tried_again_for_hours(world):
    world.run()
    world.host.hold_range(R, 1, 3)
    bad = world.order(revision=2, spec=replace(GOOD, context_tokens=4096))
    world.cloud.break_containers(R)
    rollouts, refused = [], []
    world.cloud.gate = lambda service, operation, params: rollouts.append(operation)
    for _ in range(int(5 * 3600 / 60)):
        try:
            world.host.revise(bad)
        except InvalidInput as error:
            refused.append(str(error))
        world.clock.advance(60)
    assert rollouts.count("UpdateInferenceComponent") == 1
    assert len(set(refused)) == 1
    assert "went back" in refused[0]
    assert [r.revision for r in world.host.observe(R).replicas] == [1]
    world.cloud.break_containers(R, is_broken=False)
    good = world.order(revision=3, spec=replace(GOOD, context_tokens=2048))
    world.host.revise(good)
    world.clock.advance(3600)
    assert [r.revision for r in world.host.observe(R).replicas] == [3]


def test_a_revision_that_was_rolled_back_is_tried_anew_after_hours(world):
    world.run()
    world.host.hold_range(R, 1, 3)
    newer = world.order(revision=2, spec=replace(GOOD, context_tokens=4096))
    world.cloud.break_containers(R)
    world.host.revise(newer)
    world.clock.advance(ROLLED_AGAIN_S)
    world.cloud.break_containers(R, is_broken=False)
    world.host.revise(newer)
    world.clock.advance(3600)
    assert [r.revision for r in world.host.observe(R).replicas] == [2]
