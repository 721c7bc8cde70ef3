"""What is asked of AWS for an order."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from llmanager.adapters.aws import sagemaker_requests as requests
from llmanager.adapters.aws.sagemaker_catalog import catalog, choose
from llmanager.adapters.aws.sagemaker_tags import read, rewritten, written
from llmanager.models.entities import Kind, ModelSpec, Order, Scaling, Tags
from tests.fakes.sagemaker import GOOD, REGION, ROLE_ARN, TAGS, R


def choice(spec: ModelSpec):
    return choose(catalog(), spec, REGION)


def specification(spec: ModelSpec, hub_token: str | None = None):
    return requests.specification(Order(R, spec, TAGS, revision=7), choice(spec), hub_token)


def test_the_config_lets_instances_go_and_leaves_room_to_update():
    order = Order(R, replace(GOOD, scaling=Scaling(max=2)), TAGS)
    body = requests.endpoint_config(R, order, choice(GOOD), ROLE_ARN)
    (variant,) = body["ProductionVariants"]
    assert variant["ManagedInstanceScaling"] == {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 3}
    assert variant["RoutingConfig"] == {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}
    assert variant["InferenceAmiVersion"] == "al2023-ami-sagemaker-inference-gpu-4-1"
    assert body["ExecutionRoleArn"] == ROLE_ARN


def test_a_machine_without_gpus_gets_no_ami_and_cores_instead():
    spec = ModelSpec("all-minilm-l6-v2", kind=Kind.EMBEDDING)
    order = Order(R, spec, TAGS)
    (variant,) = requests.endpoint_config(R, order, choice(spec), ROLE_ARN)["ProductionVariants"]
    assert "InferenceAmiVersion" not in variant
    assert specification(spec)["ComputeResourceRequirements"] == {
        "MinMemoryRequiredInMb": 4096,
        "NumberOfCpuCoresRequired": 3.0,
    }


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (GOOD, {"HF_MODEL_ID": "Qwen/Qwen3-4B", "SM_VLLM_SERVED_MODEL_NAME": R, "SM_VLLM_TENSOR_PARALLEL_SIZE": "1"}),
        (replace(GOOD, engine="lmi"), {"OPTION_TENSOR_PARALLEL_DEGREE": "1", "OPTION_ROLLING_BATCH": "disable"}),
        (
            ModelSpec("gte-large"),
            {"HF_MODEL_ID": "thenlper/gte-large", "AUTO_TRUNCATE": "true", "MAX_CLIENT_BATCH_SIZE": "2048"},
        ),
        (ModelSpec("llama-2-70b", weights="s3://b/w/"), {"SM_VLLM_TENSOR_PARALLEL_SIZE": "4"}),
        (replace(GOOD, env={"A": "1", "LLMANAGER_REVISION": "99"}), {"A": "1"}),
        (replace(GOOD, context_tokens=4096), {"SM_VLLM_MAX_MODEL_LEN": "4096"}),
    ],
)
def test_the_container_is_told_what_to_serve(spec, expected):
    environment = specification(spec)["Container"]["Environment"]
    assert expected.items() <= environment.items()
    assert environment["LLMANAGER_REVISION"] == "7"


def test_weights_of_ones_own_need_no_hub():
    container = specification(ModelSpec("llama-2-7b", weights="s3://b/w/"), hub_token="hf_x")["Container"]
    assert container["ArtifactUrl"] == "s3://b/w/"
    assert not {"HF_MODEL_ID", "HF_TOKEN"} & container["Environment"].keys()


def test_the_hub_token_goes_only_where_it_is_needed():
    assert specification(ModelSpec("llama-2-7b"), "hf_x")["Container"]["Environment"]["HF_TOKEN"] == "hf_x"
    assert "HF_TOKEN" not in specification(GOOD, "hf_x")["Container"]["Environment"]


def test_names_fit_into_sixty_three_characters():
    longest = "lm-" + "s" * 7 + "-" + "n" * 12 + "-abcdefgh"
    order = Order(longest, GOOD, TAGS, replicas=100)
    for instance_type in catalog().machines:
        spec = replace(GOOD, instance_type=instance_type)
        assert len(requests.config_name(order, choice(spec))) <= 63


def test_tags_come_back_as_they_went():
    at = datetime(2026, 11, 28, 1, 2, 3, tzinfo=UTC)
    for tags in (TAGS, replace(TAGS, expires_at=at, ttl_at=at)):
        assert read(written(tags)) == tags
        assert read(written(replace(TAGS, expires_at=at, ttl_at=at)) | rewritten(tags)) == tags


def test_tags_that_do_not_say_whose_it_is_are_none():
    assert read({"llmanager:stage": "test"}) is None
    assert read({}) is None
    assert read(written(TAGS) | {"llmanager:expires_at": "soon"}) == Tags("test", "acme", "a", "g1")
