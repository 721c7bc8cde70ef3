"""The AWS account behind the API, looked at with the caller's own credentials; little is changed here.

The calls are the adapter's own (llmanager.adapters.aws), so that what is recorded is what it reads.
"""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError

from llmanager.adapters.aws import sagemaker_calls as calls
from llmanager.adapters.aws.fence import CLIENT_CONFIG
from llmanager.adapters.aws.sagemaker_calls import Clients
from llmanager.adapters.aws.sagemaker_host import METRICS
from llmanager.adapters.aws.sagemaker_tags import STAGE
from llmanager.adapters.aws.session import connected
from llmanager.kernel.clock import Clock, SystemClock
from llmanager.kernel.errors import LLManagerError
from tools.verification.api import LOOPBACK
from tools.verification.evidence import Probe, View
from tools.verification.recording import Recorder, scrubbed_text

TIMEOUT_S = 70.0  # SageMaker gives up on a model after 60


class Account(Protocol):
    @property
    def is_emulated(self) -> bool: ...

    def resource_of(self, name: str) -> str | None:
        """The name in SageMaker of the API's model `name`; None: it is not listed yet."""
        ...

    def view(self, resource: str | None, at_s: float, status: str) -> View: ...

    def invoke(self, resource: str) -> Probe: ...

    def ask_openai_path(self, resource: str, route: str) -> Probe: ...

    def delete_endpoint(self, resource: str) -> Probe: ...

    def datapoints(self, metric: str, resource: str, *, since_s: float) -> float | None: ...

    def index_with_engine(self) -> Probe | None: ...

    def left_of(self, name: str) -> list[str]: ...

    def moment(self, name: str) -> None:
        """From now on what AWS answers is recorded under this name."""
        ...


@dataclass
class AwsAccount:
    """`clients` and `runtime`: boto3's, or what looks like them."""

    clients: Clients
    runtime: Any
    bearer: Any
    stage: str
    recorder: Recorder
    clock: Clock = field(default_factory=SystemClock)
    session: Any = None  # for what is signed here

    @property
    def is_emulated(self) -> bool:
        return urlsplit(self.clients.sagemaker.meta.endpoint_url).hostname in LOOPBACK

    def moment(self, name: str) -> None:
        self.recorder.moment = name

    def resource_of(self, name: str) -> str | None:
        part = f"lm-{self.stage}-{name}-"
        found = [one["EndpointName"] for one in calls.list_endpoints(self.clients, part)]
        return found[0] if found else None

    def view(self, resource: str | None, at_s: float, status: str) -> View:
        if resource is None:
            return View(at_s, status)
        tagged = dict(calls.list_tagged(self.clients, STAGE, self.stage))
        return View(
            at_s,
            status,
            endpoint=calls.endpoint(self.clients, resource),
            component=calls.component(self.clients, resource),
            target=calls.target(self.clients, resource),
            is_listed=any(one["EndpointName"] == resource for one in calls.list_endpoints(self.clients, resource)),
            is_tagged=any(arn.endswith(f"endpoint/{resource}") for arn in tagged),
        )

    def invoke(self, resource: str) -> Probe:
        body = json.dumps({"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8}).encode()
        try:
            answer = self.runtime.invoke_endpoint(
                EndpointName=resource, InferenceComponentName=resource, ContentType="application/json", Body=body
            )
        except ClientError as error:
            return probe_of(error)
        except BotoCoreError as error:
            return Probe(0, str(error))
        return Probe(
            int(answer["ResponseMetadata"]["HTTPStatusCode"]), scrubbed_text(answer["Body"].read(500).decode())
        )

    def ask_openai_path(self, resource: str, route: str) -> Probe:
        base = self.runtime.meta.endpoint_url
        url = f"{base}/endpoints/{resource}/inference-components/{resource}/openai/v1/{route}"
        asked = {"messages": [{"role": "user", "content": "Hello"}]} if "chat" in route else {"input": ["Hello"]}
        component = calls.component(self.clients, resource)
        body = {**asked, "model": served_name(component), "max_tokens": 8}
        return sent(urllib.request.Request(url, json.dumps(body).encode(), self._headers()))

    def _headers(self) -> dict[str, str]:
        return {"content-type": "application/json", "authorization": self.bearer()}

    def delete_endpoint(self, resource: str) -> Probe:
        try:
            self.clients.sagemaker.delete_endpoint(EndpointName=resource)
        except ClientError as error:
            return probe_of(error)
        return Probe(200, "it was deleted")

    def datapoints(self, metric: str, resource: str, *, since_s: float) -> float | None:
        """The sum of a metric over the last seconds; None: it cannot be read."""
        now = self.clock.now()
        namespace = "AWS/SageMaker" if metric == "NoCapacityInvocationFailures" else METRICS
        query = {
            "Id": "m",
            "MetricStat": {
                "Metric": {
                    "Namespace": namespace,
                    "MetricName": metric,
                    "Dimensions": [{"Name": "InferenceComponentName", "Value": resource}],
                },
                "Period": 60,
                "Stat": "SampleCount",
            },
        }
        try:
            answer = calls.asked(
                "read a metric",
                self.clients.cloudwatch.get_metric_data,
                MetricDataQueries=[query],
                StartTime=now - timedelta(seconds=since_s),
                EndTime=now + timedelta(seconds=60),
            )
        except LLManagerError:
            return None
        return float(sum(sum(result.get("Values", [])) for result in answer.get("MetricDataResults", [])))

    def index_with_engine(self) -> Probe | None:
        """None: this stage has no collection, or it may not be asked."""
        if self.is_emulated or self.session is None:
            return None
        try:
            service = self.session.client("opensearchserverless", config=CLIENT_CONFIG)
            found = service.batch_get_collection(names=[f"lm-{self.stage}-vectors"])["collectionDetails"]
        except (ClientError, BotoCoreError):
            return None
        if not found or "collectionEndpoint" not in found[0]:
            return None
        url = f"{found[0]['collectionEndpoint']}/lm-verify-engine"
        probe = self._signed("PUT", url, WITH_ENGINE)
        if probe.is_ok:
            self._signed("DELETE", url, None)
        return None if probe.status in (401, 403) else probe

    def _signed(self, method: str, url: str, body: Any) -> Probe:
        content = None if body is None else json.dumps(body).encode()
        request = AWSRequest(method, url, {"content-type": "application/json"}, content)
        SigV4Auth(self.session.get_credentials(), "aoss", self.session.region_name).add_auth(request)
        return sent(urllib.request.Request(url, content, dict(request.headers), method=method))

    def left_of(self, name: str) -> list[str]:
        """Everything that carries the name, by SageMaker's own lists and the alarms and targets."""
        part = f"lm-{self.stage}-{name}-"
        listed = (
            ("endpoint", "EndpointName", calls.list_endpoints(self.clients, part)),
            ("inference component", "InferenceComponentName", calls.list_components(self.clients, part)),
            ("endpoint config", "EndpointConfigName", calls.list_configs(self.clients, part)),
            ("alarm", "AlarmName", calls.list_alarms(self.clients, part)),
            ("scalable target", "ResourceId", calls.list_targets(self.clients)),
        )
        return [f"{kind} {one[key]}" for kind, key, found in listed for one in found if part in one[key]]


WITH_ENGINE = {
    "settings": {"index.knn": True},
    "mappings": {
        "properties": {
            "v": {"type": "knn_vector", "dimension": 4, "method": {"name": "hnsw", "engine": "faiss"}},
        }
    },
}


def account(region: str, stage: str, recorder: Recorder) -> AwsAccount:
    """With the credentials that boto3 finds. Raises kernel errors."""
    clients, bearer = connected(region, SystemClock())
    session = boto3.Session(region_name=region)
    runtime = session.client("sagemaker-runtime", config=CLIENT_CONFIG)
    for client in (clients.sagemaker, clients.autoscaling, clients.cloudwatch, clients.tagging, runtime):
        recorder.attach(client)
    return AwsAccount(clients, runtime, bearer, stage, recorder, session=session)


def served_name(component: dict[str, Any] | None) -> str:
    environment = (component or {}).get("Specification", {}).get("Container", {}).get("Environment", {})
    return str(environment.get("SM_VLLM_SERVED_MODEL_NAME", ""))


def probe_of(error: ClientError) -> Probe:
    told = error.response["Error"]
    status = int(error.response["ResponseMetadata"]["HTTPStatusCode"])
    return Probe(status, scrubbed_text(told.get("Message", "")), told.get("Code", ""))


def sent(request: urllib.request.Request) -> Probe:
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            return Probe(int(response.status), scrubbed_text(response.read(500).decode(errors="replace")))
    except urllib.error.HTTPError as error:
        return Probe(error.code, scrubbed_text(error.read(500).decode(errors="replace")))
    except OSError as error:
        return Probe(0, str(error))
