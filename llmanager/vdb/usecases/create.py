from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from llmanager.kernel.errors import Conflict, InvalidInput, Retryable
from llmanager.kernel.ids import checked_name, resource_name
from llmanager.kernel.principal import Principal
from llmanager.kernel.table import Action, Put
from llmanager.vdb import rows
from llmanager.vdb.entities import Collection, Event, Index, IndexState, Metric
from llmanager.vdb.errors import BeingChanged, CollectionExists, DimensionMismatch, EmbedderUnfit, TooManyCollections
from llmanager.vdb.limits import check_dim
from llmanager.vdb.ports import Embedder
from llmanager.vdb.rows import Key
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.delete import finish_delete
from llmanager.vdb.usecases.restore import ready
from llmanager.vdb.usecases.settle import settle


@dataclass(frozen=True)
class Creation:
    """What a create is asked to do. Times as in Collection."""

    tenant: str
    name: str
    model: str | None = None
    dim: int | None = None
    metric: Metric = Metric.COSINE
    has_text: bool = True
    sleep_after_s: int | None = None
    delete_after_s: int | None = None
    ttl_s: int | None = None


def with_embedder(creation: Creation, embedder: Embedder, caller: Principal) -> Creation:
    """With the dimensions of the model that it names, where they are known.

    Raises EmbedderMissing, EmbedderUnfit, DimensionMismatch.
    """
    known = None if creation.model is None else embedder.dimensions(caller, creation.model)
    if known is None or creation.dim in (None, known):
        return replace(creation, dim=known or creation.dim)
    raise DimensionMismatch(
        f"The model {creation.model!r} makes vectors of {known} dimensions, and 'dim' is {creation.dim}. Leave it out.",
        param="dim",
    )


def propose(vdbs: Collections, creation: Creation) -> Collection:
    """The row that a create would write. Writes nothing. Raises InvalidInput, CollectionExists, TooManyCollections."""
    name = checked_name(creation.name)
    if creation.dim is not None:
        check_dim(creation.dim)
    if vdbs.find((creation.tenant, name)) is not None:
        raise CollectionExists(name)
    if sum(1 for _ in vdbs.every()) >= vdbs.max_collections:  # creates at once may exceed it by their number
        raise TooManyCollections(vdbs.max_collections)
    now = vdbs.clock.now()
    return Collection(
        tenant=creation.tenant,
        name=name,
        resource=resource_name(stage=vdbs.stage, tenant=creation.tenant, name=name, generation=vdbs.new_id()),
        created_at=now,
        metric=creation.metric,
        has_text=creation.has_text,
        model=creation.model,
        dim=creation.dim,
        sleep_after_s=creation.sleep_after_s,
        delete_after_s=creation.delete_after_s,
        ttl_s=creation.ttl_s,
        events=(Event(now, "created"),),
    )


def create(vdbs: Collections, creation: Creation) -> Collection:
    """The rows first, then the index: one that cannot be made now is made by the first use or the sweep.

    Raises as `propose`. Of many concurrent creates of one name exactly one succeeds.
    """
    collection = propose(vdbs, creation)
    found = vdbs.find_any(collection.key)
    if found is not None and found.is_deleting:
        finish_delete(vdbs, found)
    state = IndexState.READY if collection.dim is None else IndexState.RESTORING
    intent: list[Action] = [
        Put(rows.collection_row(collection), "absent"),
        Put(rows.index_row(collection, Index(state)), "absent"),
    ]
    if not vdbs.is_known():  # otherwise every create would meet every other in one row
        intent.append(Put(rows.marker_row()))
    try:
        vdbs.table.transact(intent)
    except Conflict as conflict:
        raise CollectionExists(collection.name) from conflict
    vdbs.changed(collection.resource)
    with suppress(Retryable):
        return ready(vdbs, collection.key)
    return collection


def bind(vdbs: Collections, key: Key, *, model: str | None, dim: int) -> Collection:
    """Told by the first write: the embedder (None: vectors are given) and the dimensions. Repeating it is fine.

    Raises DimensionMismatch, EmbedderUnfit where something else is bound already.
    """
    check_dim(dim)

    def bound(collection: Collection) -> Collection:
        check_fit(collection, model=model, dim=dim)
        return replace(collection, model=model or collection.model, dim=dim)

    return _change(vdbs, key, bound)


def declare(vdbs: Collections, key: Key, *, dim: int, metric: Metric | None = None) -> Collection:
    """Told by hand, before the first write. Raises DimensionMismatch, and InvalidInput for another metric."""
    check_dim(dim)

    def declared(collection: Collection) -> Collection:
        check_fit(collection, model=None, dim=dim)
        if metric not in (None, collection.metric) and collection.dim is not None:
            raise InvalidInput(
                f"The vector database {collection.name!r} measures by {collection.metric}. Create another one to "
                f"measure by {metric}.",
                param="idx_body",
            )
        return replace(collection, metric=metric or collection.metric, dim=dim)

    return _change(vdbs, key, declared)


def check_fit(collection: Collection, *, model: str | None, dim: int | None) -> None:
    """Raises DimensionMismatch, EmbedderUnfit."""
    if model is not None and collection.model not in (None, model):
        raise EmbedderUnfit(
            f"The vector database {collection.name!r} is embedded by {collection.model!r}, not by {model!r}: vectors "
            "of two models cannot be compared. Leave 'model' out, or create another vector database.",
            param="model",
        )
    if dim is not None and collection.dim not in (None, dim):
        raise DimensionMismatch(
            f"The vectors have {dim} dimensions; those of the vector database {collection.name!r} have "
            f"{collection.dim}. Use the embedder that it was filled by, or create another one.",
            param="dim",
        )


def _change(vdbs: Collections, key: Key, to: Callable[[Collection], Collection]) -> Collection:
    collection = vdbs.require(key)
    if to(collection) == collection:
        return collection  # the common case takes no lock
    with vdbs.alone(key) as collection:
        changed = to(collection)
        index = vdbs.index(collection)
        if changed.dim != collection.dim:
            index = replace(index, state=IndexState.RESTORING)
        try:
            written, _ = vdbs.table.transact(
                [
                    Put(rows.collection_row(changed), collection.version),
                    Put(rows.index_row(changed, index), index.version),
                ]
            )
        except Conflict as conflict:
            raise BeingChanged(collection.name) from conflict
        assert written is not None  # a Put always answers its row
        changed = replace(changed, version=written.version)
        if changed.dim != collection.dim:
            settle(vdbs, changed)
    return changed
