"""Models in service behind the emulator's HTTP face, with stand-ins for engines in their containers."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.credentials import Credentials

from emulator.cloud import Cloud
from emulator.http.engines import Engine
from emulator.http.fleet import Fleet
from emulator.http.runtime import Limits
from emulator.prices import PRICES
from llmanager.adapters.aws.bearer import token
from tests.fakes.emulator_server import AT_ONCE, REGION, client, emulator_server
from tests.fakes.eventually import eventually

VLLM = "763104351884.dkr.ecr.us-east-1.amazonaws.com/vllm:0.30.0"
TEI = "683313688378.dkr.ecr.us-east-1.amazonaws.com/tei-cpu:2.0.1"
ROLE = "arn:aws:iam::000000000000:role/hosting"


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class Hosting:
    url: str

    def __post_init__(self) -> None:
        self.sagemaker = client("sagemaker", self.url)
        self.runtime = client("sagemaker-runtime", self.url)
        self.key = token(Credentials("AKID", "secret"), REGION)

    def create(self, name: str, image: str = VLLM, *, copies: int = 1, **environment: str) -> None:
        """An endpoint and its component, not waited for."""
        scaling = {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 2}
        variant = {"VariantName": "AllTraffic", "InstanceType": "ml.g5.xlarge", "InitialInstanceCount": 1}
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ExecutionRoleArn=ROLE,
            ProductionVariants=[{**variant, "ManagedInstanceScaling": scaling}],
        )
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        eventually(lambda: self.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService")
        self.sagemaker.create_inference_component(
            InferenceComponentName=name,
            EndpointName=name,
            VariantName="AllTraffic",
            Specification={
                "Container": {"Image": image, "Environment": environment},
                "ComputeResourceRequirements": {"NumberOfAcceleratorDevicesRequired": 1, "MinMemoryRequiredInMb": 1024},
            },
            RuntimeConfig={"CopyCount": copies},
        )

    def component(self, name: str) -> dict[str, Any]:
        return self.sagemaker.describe_inference_component(InferenceComponentName=name)

    def settled(self, name: str) -> str:
        """The component's status once it changes no more."""
        found = eventually(
            lambda: self.component(name)["InferenceComponentStatus"], lambda status: status in {"InService", "Failed"}
        )
        return str(found)

    def scale(self, name: str, copies: int) -> None:
        self.sagemaker.update_inference_component_runtime_config(
            InferenceComponentName=name, DesiredRuntimeConfig={"CopyCount": copies}
        )
        assert self.settled(name) == "InService"

    def invoke(self, name: str, body: Any, *, endpoint: str | None = None) -> Any:
        answer = self.runtime.invoke_endpoint(
            EndpointName=endpoint or name, InferenceComponentName=name, Body=json.dumps(body)
        )
        return json.loads(answer["Body"].read())

    def openai(self, name: str, body: Any, *, path: str = "v1/chat/completions", key: str | None = None) -> Any:
        """Status, content type and text."""
        url = f"{self.url}/endpoints/{name}/inference-components/{name}/openai/{path}"
        headers = {"Authorization": f"Bearer {key or self.key}", "Content-Type": "application/json"}
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers["content-type"], answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers["x-amzn-errortype"], error.read().decode()

    def containers(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.url}/_emulator/containers", timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)
            return found


@contextmanager
def hosting(
    cache: Path, limits: Limits | None = None, health_check_s: float = 30, **engines: Engine
) -> Iterator[Hosting]:
    fleet, timing = Fleet(engines, cache), replace(AT_ONCE, health_check_s=health_check_s)
    cloud = Cloud(WallClock(), prices=PRICES, timing=timing, account="000000000000", containers=fleet)
    with emulator_server(cloud, fleet, limits) as url:
        yield Hosting(url)
