"""POST /vdb/*, but for /vdb/embed. What blocks runs in threads: an index may be slow, and a writer waits for others."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from fastapi import APIRouter, Response

from llmanager.api.access import requires
from llmanager.api.routes import vdb_views as views
from llmanager.api.routes.jobs import job_ref
from llmanager.gateway.ports import Keyring
from llmanager.jobs.usecases.submit import Submit
from llmanager.kernel.blocking import RunBlocking
from llmanager.kernel.pages import Page
from llmanager.kernel.principal import Principal
from llmanager.vdb.conditions import parse
from llmanager.vdb.entities import Metric, Mode
from llmanager.vdb.errors import BeingRestored, IndexUnknown
from llmanager.vdb.ports import Embedder
from llmanager.vdb.rows import Key
from llmanager.vdb.usecases.add import add
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.create import create, declare, propose, with_embedder
from llmanager.vdb.usecases.delete import delete
from llmanager.vdb.usecases.delete_items import delete_items, delete_matching
from llmanager.vdb.usecases.hibernate import hibernate
from llmanager.vdb.usecases.load import LOAD
from llmanager.vdb.usecases.query import query
from llmanager.vdb.usecases.read import get_items, list_items
from llmanager.vdb.usecases.restore import until_up
from llmanager.wire import vdb as wire
from llmanager.wire.jobs import JobRef


def vdb_routes(
    *,
    vdbs: Collections,
    embedder: Embedder,
    run_blocking: RunBlocking,
    run_writing: RunBlocking,
    keyring: Keyring,
    submit: Submit,
) -> APIRouter:
    """`run_writing`: other threads, for whoever may have to wait until a collection is free, so that readers do not."""
    router = APIRouter(tags=["vector databases"])
    router.include_router(_lifecycle(vdbs, embedder, run_writing, keyring))
    router.include_router(_looking(vdbs, run_blocking, keyring))
    router.include_router(_writing(vdbs, embedder, run_writing, keyring, submit))
    router.include_router(_reading(vdbs, embedder, run_blocking, keyring))
    return router


def _lifecycle(vdbs: Collections, embedder: Embedder, run_blocking: RunBlocking, keyring: Keyring) -> APIRouter:
    router = APIRouter(prefix="/vdb")
    writer = requires(keyring, "vdb:write")

    @router.post("/create", status_code=202)
    async def create_vdb(
        body: wire.CreateVdb, response: Response, caller: Principal = writer
    ) -> wire.VdbStatus | wire.Planned:
        creation = with_embedder(views.creation_in(vdbs, caller.tenant, body), embedder, caller)
        if body.dry_run:
            response.status_code = 200
            return views.plan_view(vdbs, await run_blocking(partial(propose, vdbs, creation)))
        made = await run_blocking(partial(create, vdbs, creation))
        return await run_blocking(partial(views.status_view, vdbs, made.key))

    @router.post("/add_index")
    async def add_index(body: wire.AddIndex, caller: Principal = writer) -> wire.VdbStatus:
        key = _key(caller, body)
        metric = None if body.metric is None else Metric(body.metric)
        await run_blocking(partial(declare, vdbs, key, dim=body.dimensions, metric=metric))
        return await run_blocking(partial(views.status_view, vdbs, key))

    @router.post("/hibernate")
    async def hibernate_vdb(body: wire.NamedVdb, caller: Principal = writer) -> wire.VdbStatus:
        key = (caller.tenant, body.name)
        await run_blocking(partial(hibernate, vdbs, key))
        return await run_blocking(partial(views.status_view, vdbs, key))

    @router.post("/restore", status_code=202)
    async def restore_vdb(body: wire.NamedVdb, caller: Principal = writer) -> wire.VdbStatus:
        """The status tells whether it is up already; if not, it will be."""
        key = (caller.tenant, body.name)
        with suppress(BeingRestored):
            await until_up(vdbs, run_blocking, key)
        return await run_blocking(partial(views.status_view, vdbs, key))

    @router.post("/delete")
    async def delete_vdb(body: wire.NamedVdb, caller: Principal = writer) -> wire.Deleted:
        await run_blocking(partial(delete, vdbs, (caller.tenant, body.name)))
        return wire.Deleted(name=body.name)

    return router


def _looking(vdbs: Collections, run_blocking: RunBlocking, keyring: Keyring) -> APIRouter:
    router = APIRouter(prefix="/vdb")
    reader = requires(keyring, "vdb:read")

    @router.post("/statys", include_in_schema=False)  # as an early client's manual spells it
    @router.post("/status")
    async def vdb_status(body: wire.NamedVdb, caller: Principal = reader) -> wire.VdbStatus:
        return await run_blocking(partial(views.status_view, vdbs, (caller.tenant, body.name)))

    @router.post("/list")
    async def list_vdbs(body: wire.ListVdbs, caller: Principal = reader) -> wire.VdbList:
        return await run_blocking(partial(views.list_view, vdbs, caller.tenant, body))

    return router


def _writing(
    vdbs: Collections, embedder: Embedder, run_blocking: RunBlocking, keyring: Keyring, submit: Submit
) -> APIRouter:
    router = APIRouter(prefix="/vdb")
    writer = requires(keyring, "vdb:write")

    @router.post("/add", responses={202: {"model": JobRef, "description": "A job loads `src`"}})
    async def add_items(body: wire.AddItems, response: Response, caller: Principal = writer) -> wire.Added | JobRef:
        """Upsert by id. An item without an id gets one from its content, so that adding it again changes nothing."""
        key = _key(caller, body)
        if body.source is not None:
            await run_blocking(partial(vdbs.require, key))
            payload = {"name": body.name, "src": body.source}
            # one lane a tenant: the job that wrote `src` is done before
            job = await run_blocking(partial(submit, caller=caller, kind=LOAD, payload=payload, lane=caller.tenant))
            response.status_code = 202
            return job_ref(job)
        entries, vectors = await run_blocking(partial(views.entries_in, body))
        ids = await add(
            vdbs,
            embedder,
            run_blocking,
            caller=caller,
            name=body.name,
            entries=entries,
            vectors=vectors,
            model=body.model,
        )
        return wire.Added(added=len(set(ids)), ids=list(ids))

    @router.post("/delete_items")
    async def delete_some(body: wire.DeleteItems, caller: Principal = writer) -> wire.ItemsDeleted:
        key = _key(caller, body)
        work: Callable[[], int]
        if body.filter is None:
            work = partial(delete_items, vdbs, key, body.ids or ())
        else:
            work = partial(delete_matching, vdbs, key, parse(body.filter))
        return wire.ItemsDeleted(deleted=await run_blocking(work))

    return router


def _reading(vdbs: Collections, embedder: Embedder, run_blocking: RunBlocking, keyring: Keyring) -> APIRouter:
    router = APIRouter(prefix="/vdb")
    asker, reader = requires(keyring, "vdb:query"), requires(keyring, "vdb:read")

    @router.post("/query")
    async def query_vdb(body: wire.QueryVdb, caller: Principal = asker) -> wire.Results:
        _key(caller, body)
        hits = await query(
            vdbs,
            embedder,
            run_blocking,
            caller=caller,
            name=body.name,
            text=body.query,
            vector=body.vector,
            k=body.k,
            where=parse(body.filter) if body.filter else None,
            mode=Mode(body.mode) if body.mode else None,
            rerank=body.rerank,
            model=body.model,
        )
        return views.results_view(hits)

    @router.post("/get")
    async def get(body: wire.GetItems, caller: Principal = reader) -> wire.ItemList:
        key = _key(caller, body)
        await until_up(vdbs, run_blocking, key)
        if body.ids is None:
            return views.items_view(
                await run_blocking(partial(list_items, vdbs, key, limit=body.limit, cursor=body.cursor))
            )
        found = await run_blocking(partial(get_items, vdbs, key, body.ids))
        return views.items_view(Page(tuple(one.item for one in found)))

    return router


def _key(caller: Principal, body: wire.OfIndex) -> Key:
    """Raises IndexUnknown."""
    if body.index not in (None, body.name):
        raise IndexUnknown(body.name)
    return caller.tenant, body.name
