"""What AWS's descriptions of one resource mean for the lifecycle. Pure."""

from dataclasses import dataclass
from typing import Final

from llmanager.adapters.aws.errors import scrubbed
from llmanager.adapters.aws.sagemaker_calls import Answer
from llmanager.adapters.aws.sagemaker_requests import REVISION, SERVED_NAME
from llmanager.models.entities import Observation, Replica, ReplicaState

CREATING, UPDATING, DELETING, FAILED, IN_SERVICE = "Creating", "Updating", "Deleting", "Failed", "InService"
DEAD: Final = frozenset({FAILED, "OutOfService"})  # an endpoint that serves nothing and will not by itself
# What another try cannot mend: the image or the weights are not there, or the role may not read them.
HOPELESS: Final = ("AccessDenied", "does not exist", "not authorized", "Unable to pull", "NoSuchKey", "NoSuchBucket")
# What to do next, by words of AWS's reason; the first that fits.
NEXT_STEPS: Final = (
    (
        ("InsufficientInstanceCapacity", "insufficient capacity"),
        "It is tried again; another instance type may be free.",
    ),
    (
        ("ResourceLimitExceeded", "service limit", "quota"),
        "Ask AWS for a higher quota, or choose another instance type.",
    ),
    (("Unable to pull", "image"), "Check the image, and that SageMaker's role may read it."),
    (("NoSuchKey", "NoSuchBucket", "model data", "S3"), "Check the weights, and that SageMaker's role may read them."),
    (("AccessDenied", "not authorized", "assume"), "Give SageMaker's role (LLMANAGER_SAGEMAKER) the permission."),
    (("health check", "ping", "timed out", "timeout"), "Its log in CloudWatch says why; a larger instance may help."),
)
ELSE: Final = "Check the image, the weights and the instance type; its log in CloudWatch may say more."


@dataclass(frozen=True)
class Seen:
    """None: AWS shows nothing of that name."""

    endpoint: Answer | None = None
    component: Answer | None = None
    target: Answer | None = None
    has_leftovers: bool = False  # endpoint configs or the alarm; asked only where endpoint and component are not there


@dataclass(frozen=True)
class Copies:
    status: str
    current: int
    desired: int
    revision: int
    failure: str

    @property
    def is_broken(self) -> bool:
        """It failed and serves nothing: only deleting it leads on."""
        return self.status == FAILED and self.current == 0


def observation(seen: Seen) -> Observation:
    floor, ceiling = (0, 0) if seen.target is None else (seen.target["MinCapacity"], seen.target["MaxCapacity"])
    if seen.endpoint is None and seen.component is None:
        is_left = seen.has_leftovers or seen.target is not None
        return Observation(exists=is_left, is_parked=is_left, floor=floor, ceiling=ceiling)
    copies = None if seen.component is None else copies_of(seen.component)
    return Observation(
        exists=True,
        replicas=_replicas(seen, copies),
        is_parked=copies is not None and copies.desired == 0 and not copies.is_broken,
        instances=instances_of(seen.endpoint),
        floor=floor,
        ceiling=ceiling,
    )


def copies_of(component: Answer) -> Copies:
    runtime = component.get("RuntimeConfig", {})
    revision = environment_of(component).get(REVISION, "")
    return Copies(
        status=component.get("InferenceComponentStatus", CREATING),
        current=runtime.get("CurrentCopyCount", 0),
        desired=runtime.get("DesiredCopyCount", 0),
        revision=int(revision) if revision.isdecimal() else 0,
        failure=component.get("FailureReason", ""),
    )


def instances_of(endpoint: Answer | None) -> int:
    """Those asked for count too: they are billed from their launch, before they are ready."""
    variants = (endpoint or {}).get("ProductionVariants", [])
    return sum(max(v.get("CurrentInstanceCount", 0), v.get("DesiredInstanceCount", 0)) for v in variants)


def ready_of(observed: Observation) -> tuple[int, ...]:
    return tuple(r.index for r in observed.replicas if r.state is ReplicaState.READY)


def served_name(component: Answer | None) -> str | None:
    return None if component is None else environment_of(component).get(SERVED_NAME)


def environment_of(component: Answer) -> dict[str, str]:
    specification = component.get("Specification") or (component.get("Specifications") or [{}])[0]
    environment: dict[str, str] = specification.get("Container", {}).get("Environment", {})
    return environment


def _replicas(seen: Seen, copies: Copies | None) -> tuple[Replica, ...]:
    if seen.endpoint is None:
        return ()  # a component without its endpoint runs nothing
    status = seen.endpoint["EndpointStatus"]
    if status in DEAD:
        return (_failed(0, seen.endpoint.get("FailureReason", ""), 0),)
    if status == DELETING:
        return tuple(_leaving(i, copies) for i in range(max(1, copies.current if copies else 0)))
    if copies is None:
        # In service without a component: the next step can be done, so nothing is on its way by itself.
        return () if status == IN_SERVICE else (Replica(0, ReplicaState.STARTING, stage=f"endpoint {status}"),)
    return _of_copies(copies, is_complete=seen.target is not None)


def _of_copies(copies: Copies, *, is_complete: bool) -> tuple[Replica, ...]:
    if copies.status == DELETING:
        return tuple(_leaving(i, copies) for i in range(max(1, copies.current)))
    kept = min(copies.current, copies.desired)
    ready = [Replica(i, ReplicaState.READY, revision=copies.revision) for i in range(kept)]
    if copies.status == FAILED and copies.desired > copies.current:
        return (*ready, _failed(kept, copies.failure, copies.revision))
    if copies.status == IN_SERVICE and ready and not is_complete:
        ready.pop()  # its autoscaling is not set up: told as missing, so that `start` comes by and does it
        kept = copies.desired
    starting = [
        Replica(i, ReplicaState.STARTING, f"copy {i + 1} of {copies.desired} starting", revision=copies.revision)
        for i in range(kept, copies.desired)
    ]
    return (*ready, *starting, *(_leaving(i, copies) for i in range(copies.desired, copies.current)))


def _leaving(index: int, copies: Copies | None) -> Replica:
    return Replica(index, ReplicaState.STOPPING, revision=copies.revision if copies else 0)


def _failed(index: int, reason: str, revision: int) -> Replica:
    told = scrubbed(reason) or "AWS gave no reason."
    return Replica(
        index,
        ReplicaState.FAILED,
        reason=f"It could not start on SageMaker: {told} {next_step(reason)}",
        is_final=any(word.lower() in reason.lower() for word in HOPELESS),
        revision=revision,
    )


def next_step(reason: str) -> str:
    lower = reason.lower()
    return next((step for words, step in NEXT_STEPS if any(word.lower() in lower for word in words)), ELSE)
