"""POST /admin/*: what there is of all tenants, what it costs, what nobody uses. Scope `admin`."""

from collections.abc import Callable, Iterable

from fastapi import APIRouter

from llmanager.api.access import requires
from llmanager.api.routes import admin_views as views
from llmanager.gateway.ports import Keyring
from llmanager.kernel.ids import NewId
from llmanager.kernel.principal import Principal
from llmanager.models.usecases.fleet import fleet
from llmanager.models.usecases.reap import reap
from llmanager.models.usecases.registry import Registry
from llmanager.models.usecases.sweep import sweep
from llmanager.vdb.usecases.status import Standing
from llmanager.wire import admin as wire


def admin_routes(
    *, registry: Registry, vdbs: Callable[[], Iterable[Standing]], keyring: Keyring, new_id: NewId
) -> APIRouter:
    """`vdbs`: the vector databases of all tenants."""
    router = APIRouter(prefix="/admin", tags=["admin"])
    admin = requires(keyring, "admin")

    @router.post("/fleet")
    def show_fleet(body: wire.AskFleet, _caller: Principal = admin) -> wire.Fleet:
        return views.fleet_view(fleet(registry), vdbs(), body.tenant)

    @router.post("/reap")
    def reap_now(body: wire.AskReap, _caller: Principal = admin) -> wire.Reaped:
        return views.reaped_view(reap(registry, f"reap-{new_id()}", dry_run=body.dry_run))

    @router.post("/orphans")
    def list_orphans(body: wire.AskOrphans, _caller: Principal = admin) -> wire.Orphans:  # noqa: ARG001 (no fields)
        return wire.Orphans(hosts=views.orphans_view(sweep(registry, dry_run=True)))

    return router
