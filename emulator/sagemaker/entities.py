"""What SageMaker hosting keeps: models, endpoint configs, endpoints with instances, components with copies."""

from dataclasses import dataclass, field

from emulator.bill import Charge
from emulator.errors import Params, seal_of
from emulator.instants import NEVER, from_us
from emulator.shelf import Resource

CREATING, IN_SERVICE, UPDATING, FAILED, DELETING = "Creating", "InService", "Updating", "Failed", "Deleting"
IN_TRANSITION = frozenset({CREATING, UPDATING, DELETING})


@dataclass(slots=True, kw_only=True)
class Model(Resource):
    def describe(self) -> Params:
        kept = {key: value for key, value in self.request.items() if key != "Tags"}
        return {
            **kept,
            "ModelArn": self.arn,
            "CreationTime": from_us(self.created_us),
            "EnableNetworkIsolation": self.request.get("EnableNetworkIsolation", False),
        }


@dataclass(slots=True, kw_only=True)
class EndpointConfig(Resource):
    def describe(self) -> Params:
        kept = {key: value for key, value in self.request.items() if key != "Tags"}
        return {**kept, "EndpointConfigArn": self.arn, "CreationTime": from_us(self.created_us)}


@dataclass(frozen=True, slots=True)
class Needs:
    """What one copy reserves on its instance."""

    accelerators: float
    cpus: float
    memory_mib: float


@dataclass(slots=True)
class Instance:
    """`idle_us` is since when no copy is on it. `charge` is its line in the bill, `number` is for digests only."""

    charge: Charge
    launched_us: int
    ready_us: int
    is_ready: bool = False
    idle_us: int = NEVER
    copies: list["Copy"] = field(default_factory=list)
    number: int = 0


@dataclass(slots=True, eq=False)
class Copy:
    """One copy of a component: waits for room (no instance), starts (until `up_us`), serves, stops (`stop_us`)."""

    revision: int
    needs: Needs
    instance: Instance | None = None
    up_us: int = NEVER
    is_up: bool = False
    stop_us: int = NEVER

    @property
    def is_stopping(self) -> bool:
        return self.stop_us != NEVER


@dataclass(slots=True)
class Variant:
    """A production variant as the endpoint runs it: its config may be deleted meanwhile."""

    name: str
    instance_type: str
    model_name: str | None
    initial: int
    minimum: int
    maximum: int
    is_managed: bool
    settings: Params
    instances: list[Instance] = field(default_factory=list)
    seal: str = ""

    def __post_init__(self) -> None:
        self.seal = seal_of(self.settings)

    def describe(self) -> Params:
        answer: Params = {
            "VariantName": self.name,
            "CurrentInstanceCount": sum(instance.is_ready for instance in self.instances),
            "DesiredInstanceCount": len(self.instances),
            "CurrentWeight": self.settings.get("InitialVariantWeight", 1.0),
            "DesiredWeight": self.settings.get("InitialVariantWeight", 1.0),
        }
        for key in ("ManagedInstanceScaling", "RoutingConfig"):
            if key in self.settings:
                answer[key] = self.settings[key]
        return answer


@dataclass(slots=True, kw_only=True)
class Endpoint(Resource):
    """`due_us` is when the transition of its status ends; `next_config` what an update leads to."""

    config_name: str
    variants: dict[str, Variant]
    role_arn: str | None
    status: str = CREATING
    due_us: int = NEVER
    is_short: bool = False
    failure: str | None = None
    next_config: "tuple[str, dict[str, Variant]] | None" = None

    def describe(self) -> Params:
        answer: Params = {
            "EndpointName": self.name,
            "EndpointArn": self.arn,
            "EndpointConfigName": self.config_name,
            "EndpointStatus": self.status,
            "ProductionVariants": [variant.describe() for variant in self.variants.values()],
            "CreationTime": from_us(self.created_us),
            "LastModifiedTime": from_us(self.modified_us),
        }
        if self.failure:
            answer["FailureReason"] = self.failure
        return answer

    def all_variants(self) -> list[Variant]:
        """Those that serve and those that an update brings up."""
        return [*self.variants.values(), *(self.next_config[1].values() if self.next_config else ())]

    def state(self, at_us: int) -> object:
        following = (self.next_config[0], variants_state(self.next_config[1], at_us)) if self.next_config else None
        return (
            Resource.state(self, at_us),
            self.config_name,
            self.status,
            self.due_us - at_us if self.due_us != NEVER else None,
            self.failure,
            self.is_short,
            variants_state(self.variants, at_us),
            following,
        )


def variants_state(variants: dict[str, Variant], at_us: int) -> object:
    """Numbers the instances on the way: copies name theirs by that number."""
    for variant in variants.values():
        for number, instance in enumerate(variant.instances):
            instance.number = number
    return [
        (
            v.name,
            v.seal,
            [(i.launched_us - at_us, i.ready_us - at_us, None if i.copies else i.idle_us - at_us) for i in v.instances],
        )
        for v in variants.values()
    ]


@dataclass(slots=True, kw_only=True)
class Component(Resource):
    """An inference component. `revision` counts its specifications; `former` is the one to roll back to.

    `settle_us` is the earliest end of the transition, `give_up_us` when it fails for want of a copy.
    """

    endpoint_name: str
    endpoint_arn: str
    variant_name: str
    specification: Params
    desired: int
    status: str = CREATING
    copies: list[Copy] = field(default_factory=list)
    revision: int = 0
    batch: int = 1
    former: Params | None = None
    settle_us: int = NEVER
    give_up_us: int = NEVER
    give_up_reason: str = ""
    failure: str | None = None
    deployment: Params | None = None

    @property
    def up(self) -> int:
        """Copies that serve."""
        return sum(copy.is_up for copy in self.copies)

    def describe(self) -> Params:
        answer: Params = {
            "InferenceComponentName": self.name,
            "InferenceComponentArn": self.arn,
            "EndpointName": self.endpoint_name,
            "EndpointArn": self.endpoint_arn,
            "VariantName": self.variant_name,
            "InferenceComponentStatus": self.status,
            "Specification": specification_answer(self.specification, from_us(self.created_us)),
            "RuntimeConfig": {"DesiredCopyCount": self.desired, "CurrentCopyCount": self.up},
            "CreationTime": from_us(self.created_us),
            "LastModifiedTime": from_us(self.modified_us),
        }
        if self.failure:
            answer["FailureReason"] = self.failure
        if self.deployment:
            answer["LastDeploymentConfig"] = self.deployment
        return answer

    def state(self, at_us: int) -> object:
        return (
            Resource.state(self, at_us),
            (repr(self.specification), repr(self.deployment)) if self.revision else None,
            self.status,
            self.desired,
            None if self.former is None else (self.batch, repr(self.former)),
            self.failure,
            self.settle_us - at_us if self.settle_us > at_us and self.settle_us != NEVER else self.settle_us == NEVER,
            (self.give_up_us - at_us, self.give_up_reason) if self.give_up_us != NEVER else None,
            [
                (
                    c.revision == self.revision,
                    c.is_up,
                    c.instance and c.instance.number,
                    c.up_us - at_us if c.up_us != NEVER and not c.is_up else None,
                    c.stop_us - at_us if c.stop_us != NEVER else None,
                )
                for c in self.copies
            ],
        )


def specification_answer(specification: Params, resolved_at: object) -> Params:
    """Describe names the deployed image where Create names the image."""
    answer = dict(specification)
    if "Container" in answer:
        container = dict(answer["Container"])
        if image := container.pop("Image", None):
            container["DeployedImage"] = {
                "SpecifiedImage": image,
                "ResolvedImage": image,
                "ResolutionTime": resolved_at,
            }
        answer["Container"] = container
    return answer


def needs_of(specification: Params) -> Needs:
    wanted = specification.get("ComputeResourceRequirements", {})
    return Needs(
        wanted.get("NumberOfAcceleratorDevicesRequired", 0),
        wanted.get("NumberOfCpuCoresRequired", 0),
        wanted.get("MinMemoryRequiredInMb", 0),
    )
