"""The ASGI apps of the control plane's nouns, each for a function of its own, which loads only its own routes."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from starlette.types import ASGIApp

from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import Retryable
from llmanager.kernel.ids import random_id
from llmanager.kernel.table import Table
from llmanager.wiring.aws.house import House, control_app, fronted
from llmanager.wiring.aws.polling import until

if TYPE_CHECKING:
    from llmanager.models.usecases.registry import Registry

READY_S = 5.0


def history_app(house: House) -> ASGIApp:
    from llmanager.api.routes.history import history_routes

    table = house.tables("history")
    routes = history_routes(table=table, keyring=house.keyring, clock=house.clock, new_id=random_id)
    return fronted(house, control_app(house, [routes], readable(table, house.clock)))


def auth_app(house: House) -> ASGIApp:
    from llmanager.api.routes.auth import auth_routes

    table = house.tables("auth")
    routes = auth_routes(table=table, keyring=house.keyring, clock=house.clock, new_id=random_id)
    return fronted(house, control_app(house, [routes], readable(table, house.clock)))


def models_app(house: House) -> ASGIApp:
    """Raises SettingsError."""
    from llmanager.wiring.aws.looking import looking_registry

    return models_app_of(house, looking_registry(house))


def models_app_of(house: House, registry: "Registry") -> ASGIApp:
    from llmanager.api.routes.admin import admin_routes
    from llmanager.api.routes.models import model_routes
    from llmanager.vdb.usecases.status import every as every_vdb
    from llmanager.wiring.aws.looking import rows_of_vdbs

    models = model_routes(
        registry=registry,
        keyring=house.keyring,
        until=until(),
        sleep_after_s=house.settings.common.sleep_after_s or None,
    )
    admin = admin_routes(
        registry=registry,
        vdbs=partial(every_vdb, rows_of_vdbs(house)),
        keyring=house.keyring,
        new_id=random_id,
    )
    return fronted(house, control_app(house, [models, admin], readable(registry.table, house.clock)))


def readable(table: Table, clock: Clock) -> Callable[[], None]:
    """Raises Unavailable where the rows cannot be read. Anyone may ask, so they are looked at every READY_S at most."""
    said: tuple[float, Retryable | None] | None = None

    def check() -> None:
        nonlocal said
        now_s = clock.monotonic_s()
        if said is None or now_s - said[0] >= READY_S:
            said = (now_s, unreadable(table))
        if said[1] is not None:
            raise said[1]

    return check


def unreadable(table: Table) -> Retryable | None:
    try:
        table.get("ready", "ready")
    except Retryable as error:
        return error
    return None
