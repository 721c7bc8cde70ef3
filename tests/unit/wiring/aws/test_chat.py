"""The chat function: what the gateway serves where nobody tells it anything, and every answer must come in time."""

import asyncio
import json

import pytest

from llmanager.models.entities import Backend, Desired, ModelSpec, Observation, Replica, ReplicaState
from llmanager.models.usecases import change
from llmanager.wiring.aws.chat import chat_app_of
from llmanager.wiring.aws.data_path import runtime_of
from tests.fakes.eventually import eventually
from tests.fakes.openai_engine import OpenAIEngine
from tests.fakes.upstream_server import UpstreamServer, speak
from tests.unit.models.samples import model
from tests.unit.wiring.aws.serving_world import TENANT, ServingWorld

ASK = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def engine():
    with OpenAIEngine() as made:
        yield made


def app_in(world):
    house = world.house()
    parts = world.parts(house)
    return chat_app_of(house, parts.path, parts.library.vdbs), parts


def served(world, work, **client):
    """What `work(client)` gives; nothing of the function is left running."""

    async def run():
        app, parts = app_in(world)
        try:
            return await work(world.client(app, **client))
        finally:
            await parts.path.gateway.relay._upstreams.close()

    return asyncio.run(run())


def test_a_ready_model_answers(engine):
    world = ServingWorld(engine)
    world.up()
    reply = served(world, lambda client: client.post("/v1/chat/completions", ASK))
    assert (reply.status, reply.json["choices"][0]["message"]["content"]) == (200, "hello")


def test_under_the_stages_prefix_and_by_our_own_route_too(engine):
    world = ServingWorld(engine)
    world.up()
    reply = served(world, lambda client: client.post("/dev/model/query", {"model": "m", "query": "hi"}))
    assert (reply.status, reply.json["response"]) == (200, "hello")


def test_a_stream_is_one(engine):
    world = ServingWorld(engine)
    world.up()
    reply = served(world, lambda client: client.post("/v1/chat/completions", {**ASK, "stream": True}))
    assert (reply.status, reply.text) == (200, "0 1 2 ")
    assert reply.events[-1] == "[DONE]"


def test_who_has_no_key_and_who_may_not_ask_are_turned_away_here_too(engine):
    world = ServingWorld(engine)
    world.up()

    async def stranger(client):
        client.authorization = None
        return await client.post("/v1/chat/completions", ASK)

    assert served(world, stranger).status == 401
    may_read = {"scopes": {"model:read"}}
    assert served(world, lambda client: client.post("/v1/chat/completions", ASK), **may_read).status == 403
    assert served(world, lambda client: client.get("/v1/models"), **may_read).json["data"][0]["id"] == "m"


@pytest.mark.parametrize("stream", [False, True])
def test_a_sleeping_models_next_request_is_answered(engine, stream):
    world = ServingWorld(engine)
    world.asleep()

    async def ask(client):
        asking = asyncio.create_task(client.post("/v1/chat/completions", {**ASK, "stream": stream}))
        await asyncio.to_thread(world.reconcile_when_told)
        return await asking

    reply = served(world, ask)
    assert reply.status == 200
    assert world.poked == [(TENANT, "m")]
    assert world.registry.require((TENANT, "m")).desired is Desired.RUNNING


def test_a_wake_that_takes_longer_than_a_request_may_is_told_with_its_stage(engine):
    world = ServingWorld(engine, LLMANAGER_WAKE_TIMEOUT_S="0.2")
    world.asleep()
    reply = served(world, lambda client: client.post("/v1/chat/completions", ASK))
    assert (reply.status, reply.error["code"]) == (503, "unavailable")
    assert "still waking" in reply.error["message"]
    assert int(reply.headers["retry-after"]) > 0
    world.reconcile("m")
    assert served(world, lambda client: client.post("/v1/chat/completions", ASK)).status == 200


def test_an_answer_that_takes_too_long_is_refused_before_api_gateway_does(engine):
    world = ServingWorld(engine, LLMANAGER_ANSWER_WITHIN_S="0.3")
    world.up()
    engine.is_hung = True
    reply = served(world, lambda client: client.post("/v1/chat/completions", ASK))
    assert (reply.status, reply.error["code"]) == (503, "answer_too_slow")
    assert reply.headers["retry-after"]


def test_a_stream_that_takes_too_long_ends_with_an_error_as_its_last_event(engine):
    world = ServingWorld(engine, LLMANAGER_ANSWER_WITHIN_S="0.5")
    world.up()
    engine.token_s = 0.1
    reply = served(world, lambda client: client.post("/v1/chat/completions", {**ASK, "stream": True, "max_tokens": 99}))
    assert (reply.status, reply.is_ended) == (200, True)
    assert reply.events[-1]["error"]["code"] == "answer_too_slow"


def test_a_body_over_the_limit_is_refused_before_anything_is_asked(engine):
    world = ServingWorld(engine, LLMANAGER_MAX_BODY_MIB="1")
    world.up()
    big = {**ASK, "messages": [{"role": "user", "content": "x" * 2**20}]}
    reply = served(world, lambda client: client.post("/v1/chat/completions", big))
    assert (reply.status, engine.asked) == (413, [])


def test_a_model_that_is_deleted_is_one_that_never_was(engine):
    world = ServingWorld(engine)
    world.up()
    change.delete(world.registry, (TENANT, "m"))
    reply = served(world, lambda client: client.post("/v1/chat/completions", ASK))
    assert (reply.status, reply.error["code"]) == (404, "model_not_found")


def test_chat_keeps_what_was_said(engine):
    world = ServingWorld(engine)
    world.up()

    async def twice(client):
        first = await client.post("/chat", {"model": "m", "query": "hi"})
        assert first.status == 200, first.body
        second = await client.post("/chat", {"model": "m", "query": "again", "chat_id": first.json["chat_id"]})
        return first, second

    first, second = served(world, twice)
    assert (first.status, second.status) == (200, 200), (first.body, second.body)
    asked = [body for path, body in engine.asked if path == "/v1/chat/completions"]
    assert "hello" in json.dumps(asked[-1]["messages"])


# on SageMaker

SAGEMAKER = {
    "LLMANAGER_SAGEMAKER": '{"region": "us-east-1", "role_arn": "arn:aws:iam::123456789012:role/hosting"}',
    "LLMANAGER_WAKE_TIMEOUT_S": "5",
}
AT_ZERO = {"message": "Inference Component has no capacity to process this request."}


@pytest.fixture
def runtime(monkeypatch):
    """As boto3 finds it: credentials, and where the runtime answers."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "emulated")

    def at(port):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", f"http://127.0.0.1:{port}")

    return at


def on_sagemaker(world, alias="qwen3-4b"):
    spec = ModelSpec(alias, backend=Backend.SAGEMAKER, sleep_after_s=900)
    seen = Observation(exists=True, replicas=(Replica(0, ReplicaState.READY, revision=1),))
    row = model(was_ready=True, observed=seen, ready_at=world.clock.now(), running_revision=1)
    return world.registry.save(
        type(row)(**{**vars(row), "name": "m", "resource": "lm-dev-m-abcdefgh", "spec": spec}), "absent"
    )


@pytest.mark.parametrize(("alias", "context"), [("qwen3-4b", "chunks"), ("qwen3-0.6b", "sentences")])
def test_what_a_model_on_sagemaker_gets_of_passages_is_told_by_its_catalog(engine, runtime, alias, context):
    world = ServingWorld(engine, **SAGEMAKER)
    on_sagemaker(world, alias)
    runtime(9)  # nobody is asked

    async def run():
        _, parts = app_in(world)
        await parts.path.gateway.relay._upstreams._plain.close()
        return parts.path.directory.find(TENANT, "m")

    reading = asyncio.run(run()).reading
    assert (reading.context, reading.quotes_only) == (context, False)


def test_a_model_on_sagemaker_is_asked_by_its_openai_path(engine, runtime):
    world = ServingWorld(engine, **SAGEMAKER)
    on_sagemaker(world)

    async def run():
        async with UpstreamServer(lambda call: speak(call, "hello", model="lm-dev-m-abcdefgh")) as server:
            runtime(server.port)
            app, parts = app_in(world)
            reply = await world.client(app).post("/v1/chat/completions", ASK)
            await parts.path.gateway.relay._upstreams._plain.close()
            return reply, server.calls

    reply, (call,) = asyncio.run(run())
    assert (reply.status, reply.json["model"]) == (200, "m")
    assert call.path == "/endpoints/lm-dev-m-abcdefgh/inference-components/lm-dev-m-abcdefgh/openai/v1/chat/completions"
    assert call.headers["authorization"].startswith("Bearer sagemaker-api-key-")
    assert call.json["model"] == "lm-dev-m-abcdefgh"


def test_where_aws_has_taken_the_last_copy_away_the_model_is_woken_and_the_request_waits(engine, runtime):
    world = ServingWorld(engine, **SAGEMAKER)
    row = on_sagemaker(world)
    answers = []

    async def script(call):
        answers.append(call)
        if len(answers) == 1:
            await call.answer(400, AT_ZERO)
        else:
            await speak(call, "hello", model="lm-dev-m-abcdefgh")

    async def run():
        async with UpstreamServer(script) as server:
            runtime(server.port)
            app, parts = app_in(world)
            asking = asyncio.create_task(world.client(app).post("/v1/chat/completions", ASK))
            await asyncio.to_thread(eventually, lambda: world.poked)
            world.registry.save(row, row.version)  # the reconciler saw its copy come up again
            reply = await asking
            await parts.path.gateway.relay._upstreams._plain.close()
            return reply

    reply = asyncio.run(run())
    assert (reply.status, reply.json["choices"][0]["message"]["content"]) == (200, "hello")


def test_where_it_does_not_come_back_in_time_that_is_told_and_not_a_bad_gateway(engine, runtime):
    world = ServingWorld(engine, **{**SAGEMAKER, "LLMANAGER_WAKE_TIMEOUT_S": "0.3"})
    on_sagemaker(world)

    async def run():
        async with UpstreamServer(lambda call: call.answer(400, AT_ZERO)) as server:
            runtime(server.port)
            app, parts = app_in(world)
            reply = await world.client(app).post("/v1/chat/completions", ASK)
            await parts.path.gateway.relay._upstreams._plain.close()
            return reply

    reply = asyncio.run(run())
    assert (reply.status, reply.error["code"]) == (503, "unavailable")
    assert reply.headers["retry-after"]
    assert world.poked


def test_without_a_role_there_is_no_runtime_to_ask(engine):
    assert runtime_of(ServingWorld(engine).house()) is None
