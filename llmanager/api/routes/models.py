"""POST /model/*, GET /model/catalog."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, Response
from starlette.concurrency import run_in_threadpool

from llmanager.api.access import requires
from llmanager.api.routes import model_views as views
from llmanager.gateway.ports import Keyring
from llmanager.kernel.errors import InvalidInput
from llmanager.kernel.principal import Principal
from llmanager.models import catalog
from llmanager.models.entities import Backend, Kind, ModelSpec, Scaling, Status
from llmanager.models.reconcile import status
from llmanager.models.rows import Key
from llmanager.models.usecases import change
from llmanager.models.usecases.create import Creation, create, propose, refuse_if_taken
from llmanager.models.usecases.registry import Registry
from llmanager.wire import models as wire

# (model, is it so?, timeout in s): returns when it is so, or too late, or at once where too many wait already
Until = Callable[[Key, Callable[[], bool], float], Awaitable[None]]


@dataclass(frozen=True)
class ModelRoutes:
    registry: Registry
    keyring: Keyring
    until: Until
    sleep_after_s: int | None  # default of models that may sleep; None: they never do by themselves

    def router(self) -> APIRouter:
        router = APIRouter()
        self._add_making(router)
        self._add_reading(router)
        self._add_changing(router)
        return router

    def _add_making(self, router: APIRouter) -> None:
        registry = self.registry

        @router.post("/model/create", status_code=202, response_model=wire.Created | wire.Planned)
        async def create_model(
            body: wire.CreateModel, response: Response, caller: Principal = requires(self.keyring, "model:write")
        ) -> Any:
            creation = self._creation(caller, body)
            if body.dry_run:
                response.status_code = 200
                return await run_in_threadpool(_planned, registry, creation)
            model = await run_in_threadpool(create, registry, creation)
            await self._wait_up(model.key, body.wait_s)
            return await run_in_threadpool(views.created_view, registry, model)

        @router.post("/model/plan", response_model=wire.Planned)
        def plan_model(body: wire.PlanModel, caller: Principal = requires(self.keyring, "model:read")) -> Any:
            return wire.Planned(plan=views.plan_view(propose(registry, self._creation(caller, body))))

    def _add_reading(self, router: APIRouter) -> None:
        registry = self.registry

        @router.post("/model/status", response_model=wire.ModelStatus)
        def model_status(body: wire.NamedModel, caller: Principal = requires(self.keyring, "model:read")) -> Any:
            return views.status_view(registry, (caller.tenant, body.name))

        @router.post("/model/list", response_model=wire.ModelList)
        def list_models(body: wire.ListModels, caller: Principal = requires(self.keyring, "model:read")) -> Any:
            page = registry.page(caller.tenant, limit=body.limit, cursor=body.cursor)
            return wire.ModelList(models=tuple(views.of_model(registry, m) for m in page.items), cursor=page.cursor)

        @router.get("/model/catalog", response_model=wire.Catalog)
        def model_catalog(kind: Kind | None = None, _caller: Principal = requires(self.keyring, "model:read")) -> Any:
            entries = [e for e in catalog.ENTRIES if kind is None or e.kind is kind]
            return wire.Catalog(models=tuple(views.catalog_view(registry, e) for e in entries))

    def _add_changing(self, router: APIRouter) -> None:
        registry, write = self.registry, requires(self.keyring, "model:write")

        @router.post("/model/update", status_code=202, response_model=wire.ModelStatus)
        def update_model(body: wire.UpdateModel, caller: Principal = write) -> Any:
            key = (caller.tenant, body.name)
            accept = body.accept_unknown_price
            change.update(registry, key, lambda spec: _revised(spec, body), accept_unknown_price=accept)
            return views.status_view(registry, key)

        @router.post("/model/sleep", status_code=202, response_model=wire.ModelStatus)
        def sleep_model(body: wire.NamedModel, caller: Principal = write) -> Any:
            change.sleep(registry, (caller.tenant, body.name))
            return views.status_view(registry, (caller.tenant, body.name))

        @router.post("/model/wake", status_code=202, response_model=wire.ModelStatus)
        async def wake_model(body: wire.NamedModelWait, caller: Principal = write) -> Any:
            model = await run_in_threadpool(change.wake, registry, (caller.tenant, body.name))
            await self._wait_up(model.key, body.wait_s)
            return await run_in_threadpool(views.status_view, registry, model.key)

        @router.post("/model/delete", status_code=202, response_model=wire.Deleting)
        def delete_model(body: wire.NamedModel, caller: Principal = write) -> Any:
            return wire.Deleting(name=change.delete(registry, (caller.tenant, body.name)).name)

    def _creation(self, caller: Principal, body: wire.CreateModel) -> Creation:
        entry = catalog.find(body.model)
        kind = Kind(body.kind) if body.kind else entry.kind if entry else Kind.CHAT
        sleep_after_s = body.sleep_after_s
        if "sleep_after_s" not in body.model_fields_set and body.scaling.min == 0:
            sleep_after_s = self.sleep_after_s
        spec = ModelSpec(
            model=body.model,
            kind=kind,
            backend=Backend(body.backend),
            engine=body.engine,
            scaling=_scaling(body.scaling),
            context_tokens=body.context_tokens,
            sleep_after_s=sleep_after_s,
            delete_after_s=body.delete_after_s,
            ttl_s=body.ttl_s,
        )
        return Creation(caller.tenant, body.name, spec, body.accept_unknown_price)

    async def _wait_up(self, key: Key, wait_s: int) -> None:
        """Without a thread: however many wait, other requests are served."""

        def is_decided() -> bool:
            model = self.registry.find(key)
            return model is None or status(model) not in (Status.CREATING, Status.WAKING, Status.UPDATING)

        if wait_s:
            await self.until(key, is_decided, wait_s)


def _planned(registry: Registry, creation: Creation) -> wire.Planned:
    refuse_if_taken(registry, creation)
    return wire.Planned(plan=views.plan_view(propose(registry, creation)))


def _scaling(asked: wire.Scaling, now: Scaling = Scaling()) -> Scaling:  # noqa: B008 (frozen)
    """What was sent over what is so now. Raises InvalidInput."""
    sent = {name: getattr(asked, name) for name in asked.model_fields_set}
    wished = replace(now, **sent)
    if "max" in sent and wished.max < wished.min:
        raise InvalidInput(f"'scaling.max' is {wished.max}, less than 'scaling.min', {wished.min}.", param="scaling")
    return replace(wished, max=max(wished.min, wished.max))


def _revised(spec: ModelSpec, body: wire.UpdateModel) -> ModelSpec:
    limits = ("context_tokens", "sleep_after_s", "delete_after_s", "ttl_s")
    changes = {field: getattr(body, field) for field in limits if field in body.model_fields_set}
    spec = replace(spec, **changes)
    return spec if body.scaling is None else replace(spec, scaling=_scaling(body.scaling, spec.scaling))
