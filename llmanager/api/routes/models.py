"""POST /model/*, GET /model/catalog."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, Response

from llmanager.api.access import requires
from llmanager.api.routes import model_views as views
from llmanager.gateway.ports import Keyring
from llmanager.kernel.principal import Principal
from llmanager.models import catalog
from llmanager.models.entities import Backend, Kind, ModelSpec, Scaling, Status
from llmanager.models.reconcile import status
from llmanager.models.usecases import change
from llmanager.models.usecases.create import Creation, create, propose, refuse_if_taken
from llmanager.models.usecases.registry import Registry
from llmanager.wire import models as wire

Until = Callable[[Callable[[], bool], float], None]  # (is it so?, timeout in s): returns when it is so, or too late


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
        def create_model(
            body: wire.CreateModel, response: Response, caller: Principal = requires(self.keyring, "model:write")
        ) -> Any:
            creation = self._creation(caller, body)
            if body.dry_run:
                refuse_if_taken(registry, creation)
                response.status_code = 200
                return wire.Planned(plan=views.plan_view(propose(registry, creation)))
            model = create(registry, creation)
            self._wait_up(model.key, body.wait_s)
            return views.created_view(registry, model.key)

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
        def wake_model(body: wire.NamedModelWait, caller: Principal = write) -> Any:
            model = change.wake(registry, (caller.tenant, body.name))
            self._wait_up(model.key, body.wait_s)
            return views.status_view(registry, model.key)

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

    def _wait_up(self, key: tuple[str, str], wait_s: int) -> None:
        def is_decided() -> bool:
            model = self.registry.find(key)
            return model is None or status(model) in (Status.READY, Status.FAILED, Status.DELETING)

        if wait_s:
            self.until(is_decided, wait_s)


def _scaling(asked: wire.Scaling) -> Scaling:
    return Scaling(asked.min, max(asked.min, asked.max), asked.target_concurrency)


def _revised(spec: ModelSpec, body: wire.UpdateModel) -> ModelSpec:
    limits = ("context_tokens", "sleep_after_s", "delete_after_s", "ttl_s")
    changes = {field: getattr(body, field) for field in limits if field in body.model_fields_set}
    spec = replace(spec, **changes)
    return spec if body.scaling is None else replace(spec, scaling=_scaling(body.scaling))
