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
    SAGEMAKER = "sagemaker"


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
class Window:
    """A part of the week in which a model is kept running. Where `end` is not after `start` it ends on the next day."""

    start: str  # "08:00", by the wall clocks of `zone`
    end: str
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)  # on which it starts; 0: Monday
    zone: str = "UTC"  # of the IANA database, such as "Europe/Berlin"
    min: int = 1  # replicas that run in it, at least


@dataclass(frozen=True)
class Scaling:
    """How many replicas run while the model is awake: `min`, at least one, and up to `max` as requests come.

    Whether it sleeps is the say of `sleep_after_s`, and of `schedule`, in whose windows it never does.
    """

    min: int = 0
    max: int = 1
    target_concurrency: int = 4  # requests one replica serves at once (engine slots)
    schedule: tuple[Window, ...] = ()

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
    gpu_idle_below_percent: Decimal | None = None  # unused and busier than this is not idle; None: nobody asks the GPUs
    instance_type: str | None = None  # None: the catalog's choice
    image: str | None = None  # the container's; None: the catalog's choice
    weights: str | None = None  # where the container finds them (s3://…); None: it fetches `model` itself
    env: Mapping[str, str] = field(default_factory=dict)  # of the container, beside the catalog's


@dataclass(frozen=True)
class Quote:
    """What a model will take, told before it is created."""

    instance_type: str
    usd_per_hour: Decimal | None  # of the replicas that are awake without load; None: unknown
    usd_per_month: Decimal | None  # at the assumed use that `assumption` names
    memory_mib: int  # of all awake replicas
    download_mib: int  # still to be fetched; 0: on disk
    cold_start_ms: int  # estimate, weights on disk
    context_tokens: int | None
    fits: bool
    fit_reason: str  # why it fits or not, with the figures
    assumption: str = ""
    dimensions: int | None = None  # of an embedding model's vectors; None: unknown or not one
    usd_per_instance_hour: Decimal | None = Decimal(0)  # of one instance, which runs one replica; None: unknown
    kind: Kind | None = None  # what the host knows the model to be; None: it only finds out when it runs


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
    revision: int = 0  # of the spec that it was started under; 0: not known
    leaving_at: datetime | None = None  # since when it gets no new requests; kept in the row, hosts do not tell it


@dataclass(frozen=True)
class Observation:
    """What a host sees of one resource. No replicas: nothing runs."""

    exists: bool  # False: the host holds nothing at all for this resource, not even a record
    replicas: tuple[Replica, ...] = ()
    is_parked: bool = False  # it is there and asked to run nothing
    instances: int = 0  # that are billed now, idle ones too
    floor: int = 0  # replicas below which the platform's own autoscaling does not go
    ceiling: int = 0  # and above which; 0: it is not set up


@dataclass(frozen=True)
class Tags:
    """What a billable resource tells of itself, from the very call that creates it: enough to end it without a row."""

    stage: str
    tenant: str
    name: str
    generation: str
    expires_at: datetime | None = None  # dead man's switch: past it nothing of it may run; None: it has none
    ttl_at: datetime | None = None  # hard end of life: past it the resource goes; None: none
    installation: str = ""  # whose rows tell of it, where several share an account and a stage; "": not told


@dataclass(frozen=True)
class Order:
    """What a host is asked to run."""

    resource: str
    spec: ModelSpec
    tags: Tags
    replicas: int = 1  # that should run in all
    revision: int = 1  # of the spec


@dataclass(frozen=True)
class Held:
    """A resource that a host holds anything for, whatever its state."""

    resource: str
    tags: Tags | None = None  # None: it carries none that can be read
    is_running: bool = True  # something of it runs, or is asked to
    created_at: datetime | None = None


@dataclass(frozen=True)
class Sizing:
    """How many replicas are wanted now."""

    replicas: int = 0  # 0: not decided yet
    surplus_since: datetime | None = None  # since when fewer would do


@dataclass(frozen=True)
class Ledger:
    """What a model has cost, by our own count."""

    settled_usd: Decimal = Decimal(0)  # up to `since`
    instances: int = 0  # that run since then
    since: datetime | None = None


@dataclass(frozen=True)
class Tagged:
    """The times that the host's tags were last seen to say."""

    expires_at: datetime | None = None
    ttl_at: datetime | None = None


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
    running_revision: int = 0  # the oldest revision of the replicas that are ready
    was_ready: bool = False  # since creation: tells "creating" from "waking"
    ready_at: datetime | None = None  # since when a replica is ready without a gap; None: none is
    failures: int = 0  # replica failures in a row since the last time one was ready
    retry_at: datetime | None = None  # no start before that
    failure: str = ""  # why it is failed; "" while it is not
    gone_at: datetime | None = None  # when the host was first seen to hold nothing, while being deleted
    sizing: Sizing = field(default_factory=Sizing)
    ledger: Ledger = field(default_factory=Ledger)
    tagged: Tagged = field(default_factory=Tagged)
    may_surge: bool = True  # new replicas may run beside old ones during an update; False: there is no room for both
    wakes: tuple[datetime, ...] = ()  # the newest ones, where a wake costs money
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
    demand: Mapping[str, int] = field(default_factory=dict)  # gateway id -> requests open or waiting there
    version: int = 0

    def is_held(self, now: datetime) -> bool:
        return any(expiry > now for expiry in self.holders.values())

    def demand_at(self, now: datetime) -> int:
        """Requests open or waiting at all gateways whose lease lives."""
        return sum(self.demand.get(holder, 0) for holder, expiry in self.holders.items() if expiry > now)


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
