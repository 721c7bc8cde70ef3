"""POST /model/*: what users send and read. Durations in seconds, money as decimal strings, times RFC 3339."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from llmanager.wire.base import Cursor, Limit, Name, Request, Response, Time

Seconds = Annotated[int, Field(ge=1, le=365 * 24 * 3600)]
WaitSeconds = Annotated[int, Field(ge=0, le=600, description="at most; not at all while very many wait already")]


class Scaling(Request):
    """`min` (0 counts as 1) replicas run while the model is awake; `max` is for platforms that scale with load."""

    min: Annotated[int, Field(ge=0, le=16)] = 0
    max: Annotated[int, Field(ge=1, le=16)] = 1
    target_concurrency: Annotated[int, Field(ge=1, le=64)] = 4

    @model_validator(mode="after")
    def _max_is_no_less_than_min(self) -> Self:
        """A `max` that is left out follows `min`."""
        if "max" in self.model_fields_set and self.max < self.min:
            raise ValueError("'max' must be at least 'min'")
        return self


class CreateModel(Request):
    name: Name
    model: Annotated[str, Field(min_length=1, max_length=512)]
    backend: Literal["local", "remote"] = "local"
    engine: Annotated[str, Field(min_length=1, max_length=63)] = "llama.cpp"
    kind: Literal["chat", "embedding"] | None = None
    scaling: Scaling = Scaling()
    context_tokens: Annotated[int, Field(ge=16, le=1_048_576)] | None = None
    sleep_after_s: Seconds | None = None
    delete_after_s: Seconds | None = None
    ttl_s: Seconds | None = None
    accept_unknown_price: bool = False
    dry_run: bool = False
    wait_s: WaitSeconds = 0
    # An older form of "away with it when it is idle": `timeout` seconds after its last use the model is deleted.
    enableTimeout: bool = False  # noqa: N815 (its name is the contract)
    timeout: Seconds = 300
    timeoutGPUThreshold: Annotated[float, Field(ge=0, le=100)] = 0.05  # noqa: N815 (for platforms that measure GPUs)

    @model_validator(mode="after")
    def _has_one_idle_policy(self) -> Self:
        if self.enableTimeout and (self.sleep_after_s or self.delete_after_s):
            raise PydanticCustomError(
                "one_idle_policy", "Send 'enableTimeout', or 'sleep_after_s' and 'delete_after_s', and not both."
            )
        return self


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
    assumption: str
    memory_mib: int
    download_mib: int
    cold_start_s: float
    context_tokens: int | None
    fit: Fit


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
    instance_type: str
    usd_per_hour: str | None
    fit: Fit | None


class Catalog(Response):
    models: tuple[CatalogModel, ...]
