"""The emulator as a program, with llama.cpp in its containers: a model's life on SageMaker, really answering."""

import json
import signal
import subprocess
import sys
import urllib.request
from contextlib import closing, contextmanager

import psutil
import pytest
from botocore.exceptions import ClientError

from tests.fakes.emulated_hosting import TEI, Hosting
from tests.fakes.eventually import eventually
from tests.fakes.survivors import survivors

pytestmark = pytest.mark.e2e

CHAT = {"messages": [{"role": "user", "content": "What are you?"}], "max_tokens": 16}


@contextmanager
def emulator(cache):
    argv = [sys.executable, "-m", "emulator", "--engines", "emulator/engines/llama_cpp.json", "--cache", str(cache)]
    fast = [f"--seconds={name}_s=0.1" for name in ("instance_start", "copy_start", "component_create", "copy_stop")]
    with subprocess.Popen([*argv, *fast, "--seconds=release_after_s=1"], stdout=subprocess.PIPE, text=True) as program:
        try:
            yield program, Hosting(program.stdout.readline().strip())
        finally:
            program.kill()


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def family_of(program):
    return psutil.Process(program.pid).children(recursive=True)


def test_a_model_lives_answers_sleeps_wakes_and_leaves_nothing(cache):
    with emulator(cache) as (program, models):
        models.create("lm-chat", SM_VLLM_SERVED_MODEL_NAME="lm-chat")
        models.create("lm-vectors", TEI)
        assert {models.settled("lm-chat"), models.settled("lm-vectors")} == {"InService"}
        family = family_of(program)

        answer = models.invoke("lm-chat", CHAT)
        assert answer["choices"][0]["message"]["content"]
        assert (answer["model"], answer["usage"]["completion_tokens"] > 0) == ("lm-chat", True)
        assert is_a_stream(streamed(models, "lm-chat"))
        status, content_type, text = models.openai("lm-chat", CHAT | {"model": "lm-chat"})
        assert (status, json.loads(text)["object"]) == (200, "chat.completion")
        status, content_type, text = models.openai("lm-chat", CHAT | {"stream": True})
        assert (status, content_type) == (200, "text/event-stream")
        assert is_a_stream(text)

        cat, kitten, law = models.invoke("lm-vectors", {"inputs": ["a cat", "a kitten", "the law of contracts"]})
        assert len(cat) == 384
        assert product(cat, kitten) > product(cat, law)

        models.scale("lm-chat", 0)
        with pytest.raises(ClientError, match="no capacity"):
            models.invoke("lm-chat", CHAT)
        assert models.openai("lm-chat", CHAT)[:2] == (400, "ValidationError")
        models.scale("lm-chat", 1)
        assert models.invoke("lm-chat", CHAT)["choices"]
        family += family_of(program)

        for name in ("lm-chat", "lm-vectors"):
            remove(models, name)
        assert survivors(family, within_s=10) == []
        with urllib.request.urlopen(models.url + "/_emulator/bill", timeout=10) as told:
            bill = json.load(told)
        assert (bill["usd_per_hour"], float(bill["usd"]) > 0) == ("0", True)


def streamed(models, name):
    answer = models.runtime.invoke_endpoint_with_response_stream(
        EndpointName=name, InferenceComponentName=name, Body=json.dumps(CHAT | {"stream": True})
    )
    with closing(answer["Body"]) as events:
        return b"".join(event["PayloadPart"]["Bytes"] for event in events).decode()


def is_a_stream(text):
    events = [line.removeprefix("data: ") for line in text.splitlines() if line]
    said = [json.loads(event)["choices"][0]["delta"].get("content") for event in events[:-1]]
    return events[-1] == "[DONE]" and len([word for word in said if word]) > 1


def product(one, other):
    return sum(a * b for a, b in zip(one, other, strict=True))


def remove(models, name):
    models.sagemaker.delete_inference_component(InferenceComponentName=name)

    def is_gone():
        components = models.sagemaker.list_inference_components(EndpointNameEquals=name)
        return components["InferenceComponents"] == []

    eventually(is_gone)
    models.sagemaker.delete_endpoint(EndpointName=name)
    models.sagemaker.delete_endpoint_config(EndpointConfigName=name)
    eventually(lambda: name not in {one["EndpointName"] for one in models.sagemaker.list_endpoints()["Endpoints"]})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_however_the_emulator_ends_no_worker_is_left(cache, number):
    with emulator(cache) as (program, models):
        models.create("lm-chat")
        assert models.settled("lm-chat") == "InService"
        family = family_of(program)
        assert len(family) == 1
        program.send_signal(number)
        assert program.wait(20) == (-number if number is signal.SIGKILL else 0)
    assert survivors(family, within_s=5) == []
