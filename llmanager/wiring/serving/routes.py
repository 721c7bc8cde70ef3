"""From a model's row, and what its host says of its replicas, to the route that requests take. Pure."""

from collections.abc import Sequence
from typing import Literal

from llmanager.gateway.ports import Reading, Route, Upstream
from llmanager.models.catalog import ENTRIES, CatalogEntry, entry_of
from llmanager.models.entities import Backend, Desired, Model, ModelSpec, ReplicaState, Status
from llmanager.models.ports import Endpoint
from llmanager.models.reconcile import status

State = Literal["ready", "waking", "asleep", "failed", "deleting"]
_STATES: dict[Status, State] = {
    Status.READY: "waking",  # the row is behind: no replica is ready any more
    Status.UPDATING: "waking",
    Status.CREATING: "waking",
    Status.WAKING: "waking",
    Status.ASLEEP: "asleep",
    Status.FAILED: "failed",
    Status.DELETING: "deleting",
}


LLAMA_CPP = "llama.cpp"


def route_from(model: Model, endpoints: Sequence[Endpoint], catalog: Sequence[CatalogEntry] = ENTRIES) -> Route:
    """`endpoints`: of the replicas that are ready."""
    upstreams: tuple[Upstream, ...] = ()
    if model.desired is Desired.RUNNING:
        leaving = {r.index for r in model.observed.replicas if r.state is ReplicaState.STOPPING}
        upstreams = tuple(_upstream(model.resource, e) for e in endpoints if e.replica not in leaving)
    entry = entry_of(model.spec, catalog)
    stages = [r.stage for r in model.observed.replicas if r.state is ReplicaState.STARTING]
    return Route(
        key=model.resource,
        tenant=model.tenant,
        name=model.name,
        kind=model.spec.kind.value,
        state="ready" if upstreams else _STATES[status(model)],
        upstreams=upstreams,
        detail=model.failure or next((s for s in stages if s), ""),
        created=int(model.created_at.timestamp()),
        context_tokens=model.quote.context_tokens,
        dimensions=model.quote.dimensions,
        has_wide_cosines=entry is not None and entry.has_wide_cosines,
        reading=reading_of(model.spec, catalog),
    )


def reading_of(spec: ModelSpec, catalog: Sequence[CatalogEntry]) -> Reading:
    entry = entry_of(spec, catalog)
    if entry is None:
        return Reading()
    takes_grammar = spec.backend is Backend.LOCAL and spec.engine == LLAMA_CPP
    return Reading(
        context=entry.context or "chunks",
        sentence_tokens=entry.sentence_tokens,
        max_sentences=entry.max_sentences,
        least_share=entry.least_share,
        answer_tokens=entry.answer_tokens,
        quotes_only=entry.quotes_only and takes_grammar,
    )


def _upstream(resource: str, endpoint: Endpoint) -> Upstream:
    return Upstream(
        id=f"{resource}/{endpoint.replica}",
        base_url=endpoint.base_url,
        served_name=endpoint.served_name,
        authorization=endpoint.authorization,
        protocol=endpoint.protocol,
    )
