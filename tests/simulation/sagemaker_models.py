"""Models on SageMaker under exploration: the real adapter, the emulated account, each call of a client a choice."""

import pickle
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from emulator.client import Client
from emulator.cloud import Cloud
from emulator.conditions import Timing
from llmanager.adapters.aws.fence import fence
from llmanager.adapters.aws.sagemaker_calls import Clients
from llmanager.adapters.aws.sagemaker_host import SageMakerModelHost
from llmanager.kernel.deadline import check_deadline
from llmanager.models.entities import Backend, ModelSpec, Scaling
from tests.fakes.sagemaker import REGION, ROLE_ARN, SERVICES, STAGE, prices
from tests.simulation.execution import Violation
from tests.simulation.fingerprints import fingerprint
from tests.simulation.gate import READ, WRITE, Crashed, Fault, Gate
from tests.simulation.models_world import IDLE_S, LATE_S, ModelsWorld

ENDING = ("UpdateInferenceComponentRuntimeConfig", "DeleteInferenceComponent", "DeleteEndpoint")
READING = ("Describe", "Get", "List")
# So short that a period sees each of them begin and end: what matters here is their order.
RELEASED_AFTER_S = 600
TIMING = Timing(
    release_after_s=RELEASED_AFTER_S,
    endpoint_create_s=50,
    endpoint_update_s=50,
    endpoint_delete_s=30,
    instance_start_s=30,
    component_create_s=10,
    copy_start_s=40,
    copy_stop_s=20,
)
CREATING = ("CreateEndpointConfig", "CreateEndpoint", "CreateInferenceComponent", "PutMetricAlarm")
MUST_TELL = ("stage", "tenant", "name", "generation", "expires_at")  # in tags, of what costs money
DIRECTIVES = {Fault.THROTTLE: "throttle", Fault.TIMEOUT_AFTER: "timeout after effect", Fault.CRASH_AFTER: "crash after"}


class GatedClient:
    """An emulated client whose answers are told to the gate."""

    def __init__(self, gate: Gate, client: Client) -> None:
        self._gate, self._client = gate, client
        self.meta, self.exceptions = client.meta, client.exceptions

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def called(**params: Any) -> Any:
            try:
                answer = method(**params)
            except Exception as error:
                self._gate.saw([type(error).__name__, str(error)])
                raise
            self._gate.saw(answer)
            return answer

        return called


class SageMakerModels(ModelsWorld):
    backend = Backend.SAGEMAKER
    stage = STAGE
    conditions: Mapping[str, Any] = MappingProxyType({})  # of the account
    rounds_to_recover = 14  # a create that is deleted half way must first finish, and NotFound is to be seen twice

    def make_host(self) -> SageMakerModelHost:
        self.asked: tuple[str, dict[str, Any]] = ("", {})
        self.cloud = Cloud(
            self.clock,
            prices=prices(),
            region=REGION,
            timing=TIMING,
            gate=self.choose,
            before_send=self.before_effect,
            crash=Crashed,
            **self.conditions,
        )
        clients = [GatedClient(self.gate, self.cloud.client(service)) for service in SERVICES]
        for client in clients:
            fence(client, self.clock)
        settings = {"role_arn": ROLE_ARN, "region": REGION, "stage": STAGE, "clock": self.clock}
        return SageMakerModelHost(Clients(*clients), **settings, bearer=lambda: "Bearer x")

    def choose(self, service: str, operation: str, params: dict[str, Any]) -> Any:
        fault = self.gate(f"{service}.{operation}", READ if operation.startswith(READING) else WRITE)
        if fault is Fault.CRASH_AFTER and self.gate.running is not None:
            self.gate.running.is_crashed = True
        self.asked = (operation, params) if fault is not Fault.THROTTLE else ("", {})
        return DIRECTIVES.get(fault)

    def before_effect(self, operation: str) -> None:
        asked, params = self.asked
        if asked in ENDING:
            check_deadline(self.clock.monotonic_s())  # what the fence is about to refuse ends nothing
            resource = params.get("EndpointName") or params["InferenceComponentName"]
            left = params.get("DesiredRuntimeConfig", {}).get("CopyCount", 0)
            self.judge_end(resource, (i for i in self.ready(resource) if i >= left))
        copies = params.get("DesiredRuntimeConfig", params.get("RuntimeConfig", {})).get("CopyCount", 0)
        if copies:
            self.judge_storm(params.get("InferenceComponentName", ""), copies)

    def judge_storm(self, resource: str, copies: int) -> None:
        """However many ask for it: there are never so many that one copy more than the least would be needed."""
        model = self.row()
        if model is not None and model.resource == resource and copies > model.spec.scaling.awake:
            self.broken.append(Violation("storm", f"{copies} copies of {resource} are started"))

    def violations_now(self) -> Iterable[Violation]:
        if self.asked[0] in CREATING:
            self.asked = ("", {})
            self.judge_tags()
        return self.broken

    def judge_tags(self) -> None:
        """From the very call that creates it on, a thing tells whose it is, and how long it may run."""
        for thing in self.cloud.billable():
            missing = [part for part in MUST_TELL if f"llmanager:{part}" not in thing.tags]
            if missing and thing.kind != "scalable-target":  # those are listed with their names, and cost nothing
                self.broken.append(Violation("untagged", f"{thing.kind} {thing.name} does not tell {missing}"))

    def judge_times(self) -> None:
        super().judge_times()
        self.judge_tags()
        for thing in self.cloud.billable():
            told = thing.tags.get("llmanager:expires_at", "none")
            # Copies are stopped; their instances go once the platform has seen them idle for a while.
            late_s = LATE_S if thing.copies else LATE_S + RELEASED_AFTER_S
            late = self.clock.now() - timedelta(seconds=late_s)
            if (thing.copies or thing.instances) and told != "none" and datetime.fromisoformat(told) < late:
                self.broken.append(Violation("past-ttl", f"{thing.kind} {thing.name} runs though nobody renews it"))

    def spec(self, **changes: Any) -> ModelSpec:
        fields: dict[str, Any] = {"sleep_after_s": IDLE_S, "scaling": Scaling(max=2), **changes}
        return ModelSpec("qwen3-4b", backend=self.backend, **fields)

    # --- truth

    def digest(self) -> bytes:
        served = sorted((r, s.ready) for r, s in self.host._served.items())
        return fingerprint(*self.digest_parts(), self.cloud.digest(), served)

    def resources(self) -> dict[str, bool]:
        found: dict[str, bool] = {}
        for thing in self.cloud.billable():
            name = thing.name
            if thing.kind == "alarm" or thing.kind == "endpoint-config":
                name = name.removesuffix("-wake").partition("-V-")[0]  # the configs of updates
            found[name] = found.get(name, False) or thing.copies > 0
        return found

    def ready(self, resource: str) -> frozenset[int]:
        component = self.cloud.world().components.live.get(resource)
        return frozenset(range(component.up if component is not None else 0))

    def tick(self, seconds: float) -> None:
        """The platform may end what nobody holds a floor under, and nothing else."""
        resource = self.resource()
        before = self.ready(resource)
        model = self.row()
        offered = self.offered(model) if model is not None else frozenset()
        super().tick(seconds)
        if before and offered and not self.ready(resource) and self.is_held():
            self.broken.append(Violation("leased-kill", f"{resource} was scaled to zero while it is in use"))

    def host_snapshot(self) -> Any:
        return pickle.dumps(self.cloud.state), dict(self.host._served)

    def restore_host(self, snapshot: Any) -> None:
        self.cloud.state = pickle.loads(snapshot[0])
        self.host._served = dict(snapshot[1])
