"""Where copies answer, from the row alone: the same as the host says that has looked at AWS."""

from dataclasses import replace

import pytest

from llmanager.adapters.aws.sagemaker_endpoints import INVOKED, INVOKED_TEI, SageMakerEndpoints, protocol_of
from llmanager.models.entities import Backend, Kind, ModelSpec
from tests.fakes.sagemaker import REGION, sagemaker_world
from tests.unit.models.samples import NOTHING, READY, STARTING, model

URL = "https://runtime.sagemaker.us-east-1.amazonaws.com"
ENDPOINTS = SageMakerEndpoints(region=REGION, runtime_url=URL, bearer=lambda: "Bearer t")


def row(spec: ModelSpec, **changes):
    return replace(model(observed=READY, resource="lm-test-a-abcdefgh", **changes), spec=spec)


@pytest.mark.parametrize(
    ("alias", "kind"), [("qwen3-4b", Kind.CHAT), ("gte-large", Kind.EMBEDDING)], ids=["vllm", "text-embeddings"]
)
def test_a_row_tells_what_the_host_tells_that_has_looked(alias, kind):
    world = sagemaker_world()
    spec = ModelSpec(alias, kind=kind, backend=Backend.SAGEMAKER)
    world.run(world.order(spec=spec))
    (seen,) = world.host.endpoints("lm-test-a-abcdefgh")
    (told,) = ENDPOINTS(row(spec))
    assert told == replace(seen, authorization="Bearer t")


def test_without_a_ready_replica_there_is_none():
    assert [ENDPOINTS(model(observed=seen)) for seen in (NOTHING, STARTING)] == [(), ()]


def test_a_name_that_the_user_gave_the_server_is_the_one_it_answers_to():
    spec = ModelSpec("qwen3-4b", backend=Backend.SAGEMAKER, env={"SM_VLLM_SERVED_MODEL_NAME": "mine"})
    assert ENDPOINTS(row(spec))[0].served_name == "mine"


def test_a_model_that_left_the_catalog_goes_on_answering():
    (told,) = ENDPOINTS(row(ModelSpec("was-there-once", backend=Backend.SAGEMAKER, engine="tei")))
    assert (told.served_name, told.protocol) == (None, INVOKED_TEI)


def test_containers_are_told_apart_by_what_their_variables_begin_with():
    assert protocol_of({"HF_MODEL_ID": "x", "AUTO_TRUNCATE": "true"}) == INVOKED_TEI
    assert protocol_of({"SM_VLLM_RUNNER": "pooling", "AUTO_TRUNCATE": "true"}) == INVOKED
    assert protocol_of({"OPTION_ASYNC_MODE": "true"}) == INVOKED
    assert protocol_of({}) == INVOKED
