"""POST /model/*: what users send and read. Durations in seconds, money as decimal strings, times RFC 3339."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from llmanager.wire.base import Cursor, Limit, Name, Request, Response, Text, Time

Seconds = Annotated[int, Field(ge=1, le=365 * 24 * 3600)]
WaitSeconds = Annotated[int, Field(ge=0, le=600, description="at most; not at all while very many wait already")]


MAX_REPLICAS = 16
MAX_WINDOWS = 20
MAX_ENV, MAX_ENV_CHARS = 80, 1024
EnvName = Annotated[str, Field(max_length=256, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Env = Annotated[dict[EnvName, Annotated[Text, Field(max_length=MAX_ENV_CHARS)]], Field(max_length=MAX_ENV)]
S3Address = Annotated[str, Field(max_length=1024, pattern=r"^s3://[a-z0-9][a-z0-9.-]{2,62}/[\x21-\x7e]+$")]
Image = Annotated[str, Field(max_length=255, pattern=r"^[a-z0-9][A-Za-z0-9._:/@-]+$")]
InstanceType = Annotated[str, Field(max_length=63, pattern=r"^[a-z0-9][a-z0-9.-]*$")]
# Fields of a model that runs in a container, and the older names of some.
OF_CONTAINERS = ("instance_type", "image", "weights", "env", "bucket", "key", "env_vars", "docker_img")
TWICE = (("docker_img", "image"), ("env_vars", "env"), ("bucket", "weights"))


class Window(Request):
    """A part of the week in which the model runs: from `start` to `end`, by the clocks of `zone`, on each of `days`.

    Where `end` is not after `start` it is on the next day.
    """

    start: Annotated[str, Field(max_length=16, examples=["08:00"])]
    end: Annotated[str, Field(max_length=16, examples=["18:30"])]
    days: list[int] = Field(
        default_factory=lambda: list(range(7)), max_length=7, description="on which it starts, 0 (Monday) to 6"
    )
    zone: Annotated[str, Field(max_length=64, examples=["Europe/Berlin"])] = "UTC"
    min: Annotated[int, Field(ge=1, le=MAX_REPLICAS)] = 1


class Scaling(Request):
    """`min` (0 counts as 1) replicas run while the model is awake, and up to `max` as requests come."""

    min: Annotated[int, Field(ge=0, le=MAX_REPLICAS)] = 0
    max: Annotated[int, Field(ge=1, le=MAX_REPLICAS)] = 1
    target_concurrency: Annotated[int, Field(ge=1, le=64)] = 4
    schedule: list[Window] = Field(default_factory=list, max_length=MAX_WINDOWS)

    @model_validator(mode="after")
    def _max_is_no_less_than_min(self) -> Self:
        """A `max` that is left out follows `min`."""
        if "max" in self.model_fields_set and self.max < self.min:
            raise ValueError("'max' must be at least 'min'")
        return self


class CreateModel(Request):
    name: Name
    model: Annotated[str, Field(min_length=1, max_length=512)]
    backend: Literal["local", "remote", "sagemaker"] | None = None  # none: where this platform runs models
    engine: Annotated[str, Field(min_length=1, max_length=63)] = "llama.cpp"
    kind: Literal["chat", "embedding"] | None = None
    scaling: Scaling = Scaling()
    context_tokens: Annotated[int, Field(ge=16, le=1_048_576)] | None = None
    instance_type: InstanceType | None = None
    image: Image | None = None
    weights: S3Address | None = None
    env: Env = Field(default_factory=dict)
    sleep_after_s: Seconds | None = None
    delete_after_s: Seconds | None = None
    ttl_s: Seconds | None = None
    accept_unknown_price: bool = False
    dry_run: bool = False
    wait_s: WaitSeconds = 0
    # An older form of "away with it when it is idle": `timeout` seconds after its last use the model is deleted.
    enableTimeout: bool = False  # noqa: N815 (its name is the contract)
    timeout: Seconds = 300
    timeoutGPUThreshold: Annotated[float, Field(ge=0, le=100)] = 0.05  # noqa: N815 (percent; where GPUs are measured)
    # Older names of `weights` (s3://bucket/key), `env` and `image`.
    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{2,62}$")] | None = None
    key: Annotated[str, Field(max_length=900, pattern=r"^[\x21-\x7e]+$")] | None = None
    env_vars: Env | None = None
    docker_img: Image | None = None

    @model_validator(mode="after")
    def _has_one_idle_policy(self) -> Self:
        if self.enableTimeout and (self.sleep_after_s or self.delete_after_s):
            raise PydanticCustomError(
                "one_idle_policy", "Send 'enableTimeout', or 'sleep_after_s' and 'delete_after_s', and not both."
            )
        return self

    @model_validator(mode="after")
    def _says_each_thing_once_and_where_it_means_something(self) -> Self:
        sent = self.model_fields_set
        if self.backend not in ("sagemaker", None) and (wrong := self.of_containers):
            raise PydanticCustomError(
                "of_containers", f"'{wrong[0]}' is for models with backend 'sagemaker'. Leave it out, or send that."
            )
        if (self.bucket is None) != (self.key is None):
            raise PydanticCustomError("bucket_and_key", "'bucket' and 'key' together name the weights. Send both.")
        for older, newer in TWICE:
            if older in sent and newer in sent:
                raise PydanticCustomError("twice", f"'{older}' is an older name of '{newer}'. Send one of them.")
        return self

    @property
    def of_containers(self) -> list[str]:
        """Fields that were sent and mean something only to a model in a container."""
        return [name for name in OF_CONTAINERS if name in self.model_fields_set and getattr(self, name) is not None]


class PlanModel(CreateModel):
    """As create; `dry_run` and `wait_s` mean nothing here."""


class UpdateModel(Request):
    """Only the fields that are sent change, those of `scaling` too; null takes a limit away."""

    name: Name
    scaling: Scaling | None = None
    context_tokens: Annotated[int, Field(ge=16, le=1_048_576)] | None = None
    sleep_after_s: Seconds | None = None
    delete_after_s: Seconds | None = None
    ttl_s: Seconds | None = None
    accept_unknown_price: bool = False


class NamedModel(Request):
    name: Name


class NamedModelWait(Request):
    name: Name
    wait_s: WaitSeconds = 0


class ListModels(Request):
    limit: Limit = 100
    cursor: Cursor | None = None


class Fit(Response):
    fits: bool
    reason: str


class Plan(Response):
    actions: tuple[str, ...]
    instance_type: str
    usd_per_hour: str | None
    usd_per_month: str | None
    usd_per_hour_max: str | None  # with as many replicas as it may ever have
    instances_max: int  # billed ones, likewise
    assumption: str
    memory_mib: int
    download_mib: int
    cold_start_s: float
    context_tokens: int | None
    fit: Fit
    refusal: str | None  # why a create would be refused now, by the operator's caps; null: it would not


class Planned(Response):
    plan: Plan


class Replica(Response):
    index: int
    state: str
    stage: str
    reason: str


class Event(Response):
    at: Time
    what: str
    why: str


class ModelStatus(Response):
    name: str
    status: str
    is_up: bool
    reason: str
    model: str
    kind: str
    backend: str
    replicas: tuple[Replica, ...]
    created_at: Time
    last_used_at: Time | None
    sleeps_at: Time | None
    expires_at: Time | None
    usd_per_hour: str | None
    usd_spent: str | None
    events: tuple[Event, ...]


class Created(ModelStatus):
    plan: Plan


class ModelList(Response):
    models: tuple[ModelStatus, ...]
    cursor: str | None


class Deleting(Response):
    name: str
    status: Literal["deleting"] = "deleting"


class CatalogModel(Response):
    alias: str
    kind: str
    title: str
    size_mib: int
    parameters: int
    licence: str
    context_tokens: int
    note: str
    context: Literal["sentences", "chunks"] | None  # what it gets of retrieved passages where /chat does not say
    quotes_only: bool  # with a `vdb` it may only quote them
    backend: str
    instance_type: str | None
    usd_per_hour: str | None
    fit: Fit | None


class Catalog(Response):
    models: tuple[CatalogModel, ...]
