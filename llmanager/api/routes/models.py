"""POST /model/*, GET /model/catalog."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Response
from starlette.concurrency import run_in_threadpool

from llmanager.api.access import requires
from llmanager.api.routes import model_views as views
from llmanager.api.routes.model_specs import creation_in, revised
from llmanager.gateway.ports import Keyring
from llmanager.kernel.principal import Principal
from llmanager.models.entities import Kind, Status
from llmanager.models.reconcile import status
from llmanager.models.rows import Key
from llmanager.models.usecases import change
from llmanager.models.usecases.create import Creation, create, propose, refuse_if_taken
from llmanager.models.usecases.registry import Registry
from llmanager.wire import models as wire

# (model, is it so?, timeout in s): returns when it is so, or too late, or at once where too many wait already
Until = Callable[[Key, Callable[[], bool], float], Awaitable[None]]


def model_routes(*, registry: Registry, keyring: Keyring, until: Until, sleep_after_s: int | None) -> APIRouter:
    """`sleep_after_s`: the default of models that may sleep; None: they never do by themselves."""
    router = APIRouter(tags=["models"])
    router.include_router(_making(registry, keyring, until, sleep_after_s))
    router.include_router(_reading(registry, keyring))
    router.include_router(_changing(registry, keyring, until))
    return router


def _making(registry: Registry, keyring: Keyring, until: Until, sleep_after_s: int | None) -> APIRouter:
    router = APIRouter(prefix="/model")
    reader, writer = requires(keyring, "model:read"), requires(keyring, "model:write")

    @router.post("/create", status_code=202)
    async def create_model(
        body: wire.CreateModel, response: Response, caller: Principal = writer
    ) -> wire.Created | wire.Planned:
        creation = creation_in(caller, body, sleep_after_s, registry.home)
        if body.dry_run:
            response.status_code = 200
            return await run_in_threadpool(_planned, registry, creation)
        model = await run_in_threadpool(create, registry, creation)
        await _wait_up(registry, model.key, until, body.wait_s)
        return await run_in_threadpool(views.created_view, registry, model)

    @router.post("/plan")
    def plan_model(body: wire.PlanModel, caller: Principal = reader) -> wire.Planned:
        creation = creation_in(caller, body, sleep_after_s, registry.home)
        return wire.Planned(plan=views.plan_view(registry, propose(registry, creation)))

    return router


def _reading(registry: Registry, keyring: Keyring) -> APIRouter:
    router = APIRouter(prefix="/model")
    reader = requires(keyring, "model:read")

    @router.post("/status")
    def model_status(body: wire.NamedModel, caller: Principal = reader) -> wire.ModelStatus:
        return views.status_view(registry, (caller.tenant, body.name))

    @router.post("/list")
    def list_models(body: wire.ListModels, caller: Principal = reader) -> wire.ModelList:
        page = registry.page(caller.tenant, limit=body.limit, cursor=body.cursor)
        return wire.ModelList(models=tuple(views.of_model(registry, m) for m in page.items), cursor=page.cursor)

    @router.get("/catalog")
    def model_catalog(kind: Kind | None = None, _caller: Principal = reader) -> wire.Catalog:
        entries = [e for e in registry.catalog if kind is None or e.kind is kind]
        return wire.Catalog(models=tuple(views.catalog_view(registry, e) for e in entries))

    return router


def _changing(registry: Registry, keyring: Keyring, until: Until) -> APIRouter:
    router = APIRouter(prefix="/model")
    writer = requires(keyring, "model:write")

    @router.post("/update", status_code=202)
    def update_model(body: wire.UpdateModel, caller: Principal = writer) -> wire.ModelStatus:
        key = (caller.tenant, body.name)
        accept = body.accept_unknown_price
        change.update(registry, key, lambda spec: revised(spec, body), accept_unknown_price=accept)
        return views.status_view(registry, key)

    @router.post("/sleep", status_code=202)
    def sleep_model(body: wire.NamedModel, caller: Principal = writer) -> wire.ModelStatus:
        change.sleep(registry, (caller.tenant, body.name))
        return views.status_view(registry, (caller.tenant, body.name))

    @router.post("/wake", status_code=202)
    async def wake_model(body: wire.NamedModelWait, caller: Principal = writer) -> wire.ModelStatus:
        model = await run_in_threadpool(change.wake, registry, (caller.tenant, body.name))
        await _wait_up(registry, model.key, until, body.wait_s)
        return await run_in_threadpool(views.status_view, registry, model.key)

    @router.post("/delete", status_code=202)
    def delete_model(body: wire.NamedModel, caller: Principal = writer) -> wire.Deleting:
        return wire.Deleting(name=change.delete(registry, (caller.tenant, body.name)).name)

    return router


async def _wait_up(registry: Registry, key: Key, until: Until, wait_s: int) -> None:
    """Without a thread: however many wait, other requests are served."""

    def is_decided() -> bool:
        model = registry.find(key)
        return model is None or status(model) not in (Status.CREATING, Status.WAKING, Status.UPDATING)

    if wait_s:
        await until(key, is_decided, wait_s)


def _planned(registry: Registry, creation: Creation) -> wire.Planned:
    refuse_if_taken(registry, creation)
    return wire.Planned(plan=views.plan_view(registry, propose(registry, creation)))
