"""The CDK app deployed by its own CLI into an emulated AWS, and used, updated and destroyed there."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.api.client import Api
from tests.api.server import ROOT
from tests.fakes.eventually import eventually
from tools import opensearch_server
from tools.deployment import needs
from tools.deployment.cdk import Cdk
from tools.deployment.refusal import Refusal
from tools.emulation import environment, processes
from tools.emulation.parts import MINISTACK
from tools.emulation.state import State

pytestmark = pytest.mark.e2e
CHAT, EMBEDDER = "qwen3-0.6b", "all-minilm-l6-v2"
ROOM = ("--context", "max_instances=60", "--context", "max_usd_per_hour=200")
DEPLOY_S, SUITE_S = 900, 900


def why_not() -> str:
    """What is missing on this machine, or cannot be fetched to it."""
    try:
        needs.check((needs.NODE, needs.NPM, needs.JAVA, needs.MAVEN, needs.OPENSSL))
        Cdk(ROOT / "build", {}).install()
        opensearch_server.installed()
    except (Refusal, opensearch_server.Absent) as missing:
        return str(missing)
    return "" if MINISTACK.exists() else "the emulated AWS is not set up: ./run.sh emulate does it"


@dataclass(frozen=True)
class Emulation:
    folder: Path

    def command(self, *arguments: str, within_s: float = DEPLOY_S) -> str:
        command = [sys.executable, "-m", "tools.emulation", "--state", str(self.folder), *arguments]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=within_s, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    @property
    def state(self) -> State:
        return State.of(self.folder)

    @property
    def api(self) -> Api:
        return Api(self.state.url("front"), self.command("--key").strip(), "aws")

    def sagemaker(self, action: str) -> dict[str, list[object]]:
        script = f"import boto3, json; print(json.dumps(boto3.client('sagemaker').{action}(), default=str))"
        return json.loads(self.command("--exec", sys.executable, "-c", script))


@pytest.fixture(scope="module")
def emulation(tmp_path_factory) -> Iterator[Emulation]:
    if reason := why_not():
        if "emulation" in os.environ.get("LLMANAGER_TEST_REQUIRE", ""):
            pytest.fail(reason)
        pytest.skip(reason)
    one = Emulation(tmp_path_factory.mktemp("emulation") / "state")
    try:
        said = one.command(*ROOM)
        assert one.state.url("front") in said
        yield one
    finally:
        one.command("--down")
        assert not list(processes.marked(one.folder))


def test_the_suite_that_passes_locally_passes_through_api_gateway(emulation):
    api = emulation.api
    models = ["--chat-model", CHAT, "--embedding-model", EMBEDDER]
    where = ["--base-url", api.base_url, "--api-key", api.key, "--platform", "aws"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "4", "--dist", "loadfile", "tests/api", *where, *models],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SUITE_S,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-6000:]


def test_the_example_runs_there_as_the_command_prints_it(emulation):
    api = emulation.api
    ran = subprocess.run(
        [sys.executable, "-m", "example_app", "--url", str(api.base_url)],
        cwd=ROOT,
        env={**os.environ, "LLMANAGER_API_KEY": str(api.key)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "attained to the Age" in ran.stdout  # a passage of the document
    assert ran.stdout.count("\nA: ") == 2
    assert "removed: models and vector database" in ran.stdout


def test_an_idle_model_goes_to_zero_and_its_next_request_is_answered(emulation):
    api = emulation.api
    assert api.post("/model/create", {"name": "idler", "model": CHAT, "sleep_after_s": 5}).status == 202

    def status():
        return api.post("/model/status", {"name": "idler"}).json

    eventually(lambda: status()["status"], lambda seen: seen == "ready", within_s=180)
    eventually(lambda: status()["status"], lambda seen: seen == "asleep", within_s=300)
    eventually(instances_of(emulation, "idler"), lambda seen: seen == 0, within_s=60)
    answer = api.post("/model/query", {"name": "idler", "query": "Hello", "parameters": {"max_tokens": 4}})
    assert answer.status == 200, answer
    assert answer.json["usage"]["completion_tokens"] > 0


def instances_of(emulation, name):
    def seen() -> int:
        script = (
            "import boto3; client = boto3.client('sagemaker')\n"
            f"names = [e['EndpointName'] for e in client.list_endpoints(NameContains='{name}')['Endpoints']]\n"
            "found = [client.describe_endpoint(EndpointName=n)['ProductionVariants'][0] for n in names]\n"
            "print(sum(one['CurrentInstanceCount'] for one in found))"
        )
        return int(emulation.command("--exec", sys.executable, "-c", script))

    return seen


def test_an_update_keeps_rows_and_what_was_killed_comes_back(emulation):
    api = emulation.api
    chat = api.post("/history/new", {"q": "Are you there?", "a": "Yes."}).json["chat_id"]
    psutil.Process(emulation.state.parts["front"].pid).kill()
    emulation.command(*ROOM)
    assert api.post("/history/get", {"chat_id": chat}).json == [{"q": "Are you there?", "a": "Yes."}]


def test_destroying_leaves_nothing_that_costs_money_and_a_deploy_finds_the_rows_again(emulation):
    api = emulation.api
    chat = api.post("/history/new", {"q": "Will you stay?", "a": "Yes."}).json["chat_id"]
    environ = environment.merged(emulation.state, os.environ)
    ran = subprocess.run(
        [sys.executable, "-m", "tools.deployment", "destroy", "--out", str(emulation.folder / "cdk")],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=DEPLOY_S,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Kept: lm-dev-stateful" in ran.stdout
    for action, key in (("list_endpoints", "Endpoints"), ("list_inference_components", "InferenceComponents")):
        assert emulation.sagemaker(action)[key] == []
    emulation.command(*ROOM)
    assert emulation.api.post("/history/get", {"chat_id": chat}).json == [{"q": "Will you stay?", "a": "Yes."}]
