"""What the function that answers about models holds: it looks and writes what is wanted, and does none of it."""

from llmanager.kernel.blobs import Blobs
from llmanager.kernel.errors import Unavailable
from llmanager.kernel.ids import random_id
from llmanager.models.usecases.registry import Registry
from llmanager.vdb.ports import VectorStore
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.log import SegmentLog
from llmanager.wiring.aws.house import House
from llmanager.wiring.aws.queues import poking, queue_at
from llmanager.wiring.aws.registry import registry_of
from llmanager.wiring.aws.settings import there
from llmanager.wiring.serving.lazy import lazily
from llmanager.wiring.serving.one_writer import OneWriter


def looking_registry(house: House) -> Registry:
    """It writes what is wanted, and tells the reconciler, who does it. Raises SettingsError."""
    from llmanager.wiring.aws.sagemaker_roles import LookingHost

    queue = queue_at(there(house.settings.reconcile_queue, "LLMANAGER_RECONCILE_QUEUE_URL"))
    return registry_of(house.settings, house.tables, house.clock, poking(queue), LookingHost)


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
        store_name="opensearch",
    )


def _no_vectors() -> VectorStore:
    raise Unavailable("Vector databases are served by another function of this installation.")


def _no_blobs() -> Blobs:
    raise Unavailable("Vector databases are served by another function of this installation.")
