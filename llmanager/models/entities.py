"""What a model is: the wish (ModelSpec, Desired), what was seen (Observation), the row of both (Model)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

MAX_EVENTS = 20


class Kind(StrEnum):
    CHAT = "chat"
    EMBEDDING = "embedding"


class Backend(StrEnum):
    LOCAL = "local"
    REMOTE = "remote"


class Desired(StrEnum):
    RUNNING = "running"
    ASLEEP = "asleep"
    DELETED = "deleted"


class Status(StrEnum):
    """What a user sees; derived from Model by models/reconcile.py, never stored."""

    CREATING = "creating"
    READY = "ready"
    WAKING = "waking"
    ASLEEP = "asleep"
    UPDATING = "updating"
    DELETING = "deleting"
    FAILED = "failed"


@dataclass(frozen=True)
class Scaling:
    """How many replicas run while the model is awake: `min`, at least one. Whether it sleeps is `sleep_after_s`' say.

    `max` is for platforms that scale with load; the local one does not.
    """

    min: int = 0
    max: int = 1
    target_concurrency: int = 4  # requests one replica serves at once (engine slots)

    @property
    def awake(self) -> int:
        return max(1, self.min)


@dataclass(frozen=True)
class ModelSpec:
    """What the user asked for, checked and with every default filled in."""

    model: str  # catalog alias, hub repo id (owner/name[:file]), GGUF path, or the name of a remote
    kind: Kind = Kind.CHAT
    backend: Backend = Backend.LOCAL
    engine: str = "llama.cpp"  # or the name of a configured external command
    scaling: Scaling = field(default_factory=Scaling)
    context_tokens: int | None = None  # per request; None: what the weights were trained for, capped by the host
    sleep_after_s: int | None = None  # None: never sleeps by itself
    delete_after_s: int | None = None  # after that long asleep and unused; None: never
    ttl_s: int | None = None  # hard end of life from creation; None: none


@dataclass(frozen=True)
class Quote:
    """What a model will take, told before it is created."""

    instance_type: str
    usd_per_hour: Decimal | None  # while awake; None: unknown
    usd_per_month: Decimal | None  # at the assumed use that `assumption` names
    memory_mib: int  # of all awake replicas
    download_mib: int  # still to be fetched; 0: on disk
    cold_start_ms: int  # estimate, weights on disk
    context_tokens: int | None
    fits: bool
    fit_reason: str  # why it fits or not, with the figures
    assumption: str = ""
    dimensions: int | None = None  # of an embedding model's vectors; None: unknown or not one


class ReplicaState(StrEnum):
    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"
    STOPPING = "stopping"


@dataclass(frozen=True)
class Replica:
    index: int
    state: ReplicaState
    stage: str = ""  # while starting: "fetching 34 % (120 of 350 MiB)", "loading"
    reason: str = ""  # while failed: what happened and what to do next, fit for users
    is_final: bool = False  # while failed: starting it again cannot help (broken file, unknown model)


@dataclass(frozen=True)
class Observation:
    """What a host sees of one resource. No replicas: nothing runs."""

    exists: bool  # False: the host holds nothing at all for this resource, not even a record
    replicas: tuple[Replica, ...] = ()


@dataclass(frozen=True)
class Event:
    at: datetime
    what: str
    why: str = ""


@dataclass(frozen=True)
class Model:
    tenant: str
    name: str
    generation: str  # a new one each time the name is created
    resource: str  # deterministic name at the host
    spec: ModelSpec
    quote: Quote
    desired: Desired
    created_at: datetime
    desired_at: datetime  # when `desired` was last changed
    revised_at: datetime  # when `spec` was last changed
    observed: Observation = field(default_factory=lambda: Observation(exists=False))
    revision: int = 1  # counts changes of `spec`; replicas started under another revision are replaced
    running_revision: int = 0  # the revision of the replicas that run
    was_ready: bool = False  # since creation: tells "creating" from "waking"
    ready_at: datetime | None = None  # since when a replica is ready without a gap; None: none is
    failures: int = 0  # replica failures in a row since the last time one was ready
    retry_at: datetime | None = None  # no start before that
    failure: str = ""  # why it is failed; "" while it is not
    gone_at: datetime | None = None  # when the host was first seen to hold nothing, while being deleted
    events: tuple[Event, ...] = ()
    version: int = 0

    @property
    def key(self) -> tuple[str, str]:
        return (self.tenant, self.name)


@dataclass(frozen=True)
class Use:
    """Who uses a model now, and when it was last used. One row per model, changed by compare-and-set."""

    holders: Mapping[str, datetime] = field(default_factory=dict)  # gateway id -> lease expiry
    last_used_at: datetime | None = None
    version: int = 0

    def is_held(self, now: datetime) -> bool:
        return any(expiry > now for expiry in self.holders.values())


@dataclass(frozen=True)
class Resident:
    """A resource that takes memory on the host now."""

    resource: str
    memory_mib: int


@dataclass(frozen=True)
class Memory:
    budget_mib: int
    residents: tuple[Resident, ...]

    @property
    def free_mib(self) -> int:
        return self.budget_mib - sum(r.memory_mib for r in self.residents)
