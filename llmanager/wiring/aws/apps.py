"""The ASGI apps of the control plane's nouns, each for a function of its own."""

from collections.abc import Callable
from functools import partial

from starlette.types import ASGIApp

from llmanager.api.routes.admin import admin_routes
from llmanager.api.routes.auth import auth_routes
from llmanager.api.routes.history import history_routes
from llmanager.api.routes.models import model_routes
from llmanager.kernel.blobs import Blobs
from llmanager.kernel.errors import Unavailable
from llmanager.kernel.ids import random_id
from llmanager.kernel.table import Table
from llmanager.models.usecases.registry import Registry
from llmanager.vdb.ports import VectorStore
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.log import SegmentLog
from llmanager.vdb.usecases.status import every as every_vdb
from llmanager.wiring.aws.house import House, control_app, fronted
from llmanager.wiring.aws.polling import until
from llmanager.wiring.aws.queues import poking, queue_at
from llmanager.wiring.aws.registry import registry_of
from llmanager.wiring.aws.settings import there
from llmanager.wiring.serving.lazy import lazily
from llmanager.wiring.serving.one_writer import OneWriter


def history_app(house: House) -> ASGIApp:
    table = house.tables("history")
    routes = history_routes(table=table, keyring=house.keyring, clock=house.clock, new_id=random_id)
    return fronted(house, control_app(house, [routes], readable(table)))


def auth_app(house: House) -> ASGIApp:
    table = house.tables("auth")
    routes = auth_routes(table=table, keyring=house.keyring, clock=house.clock, new_id=random_id)
    return fronted(house, control_app(house, [routes], readable(table)))


def models_app(house: House) -> ASGIApp:
    """Raises SettingsError."""
    return models_app_of(house, looking_registry(house))


def looking_registry(house: House) -> Registry:
    """It writes what is wanted, and tells the reconciler, who does it. Raises SettingsError."""
    from llmanager.wiring.aws.sagemaker_roles import LookingHost

    queue = queue_at(there(house.settings.reconcile_queue, "LLMANAGER_RECONCILE_QUEUE_URL"))
    return registry_of(house.settings, house.tables, house.clock, poking(queue), LookingHost)


def models_app_of(house: House, registry: Registry) -> ASGIApp:
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
    return fronted(house, control_app(house, [models, admin], readable(registry.table)))


def rows_of_vdbs(house: House) -> Collections:
    """For who only looks at them: this function was given neither blobs nor an index."""
    return Collections(
        table=house.tables("vdb"),
        store=lazily(_no_vectors),
        log=SegmentLog(lazily(_no_blobs), "vdb"),
        clock=house.clock,
        new_id=random_id,
        exclusive=OneWriter(),
        stage=house.settings.common.stage,
    )


def readable(table: Table) -> Callable[[], None]:
    """Raises Unavailable where the rows cannot be read."""

    def check() -> None:
        table.get("ready", "ready")

    return check


def _no_vectors() -> VectorStore:
    raise Unavailable("Vector databases are served by another function of this installation.")


def _no_blobs() -> Blobs:
    raise Unavailable("Vector databases are served by another function of this installation.")
