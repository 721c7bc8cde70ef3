"""What keeps documents findable, in a function: collections and files."""

from collections.abc import Callable
from dataclasses import dataclass

from llmanager.files.usecases.files import Files
from llmanager.kernel.clock import Clock
from llmanager.kernel.ids import random_id
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.log import SegmentLog
from llmanager.wiring.aws.fenced import fenced
from llmanager.wiring.aws.one_writer import LeasedWriter
from llmanager.wiring.aws.settings import AwsSettings
from llmanager.wiring.aws.stores import Stores
from llmanager.wiring.aws.tables import Tables

RESTORE_WAIT_S = 15.0  # of the 29 that API Gateway gives a request
BLOB_CHANGES = ("put", "delete")
INDEX_CHANGES = ("create", "drop", "apply", "load")


@dataclass(frozen=True)
class Library:
    vdbs: Collections
    files: Files


def library_of(
    settings: AwsSettings, tables: Tables, clock: Clock, stores: Stores, check: Callable[[], None]
) -> Library:
    """See `vdbs_of`."""
    return Library(vdbs_of(settings, tables, clock, stores, check), files_of(settings, tables, clock, stores))


def vdbs_of(
    settings: AwsSettings, tables: Tables, clock: Clock, stores: Stores, check: Callable[[], None]
) -> Collections:
    """`check` is asked between the steps of what takes long; what it raises ends it."""
    table = tables("vdb")
    writer = LeasedWriter(table, clock, random_id, check=check)
    return Collections(
        table=table,
        store=fenced(stores.vectors, INDEX_CHANGES, writer.check),
        log=SegmentLog(fenced(stores.blobs, BLOB_CHANGES, writer.check), "vdb"),
        clock=clock,
        new_id=random_id,
        exclusive=writer,
        stage=settings.common.stage,
        store_name="opensearch",
        go_on=writer.check,
        restore_wait_s=RESTORE_WAIT_S,
    )


def files_of(settings: AwsSettings, tables: Tables, clock: Clock, stores: Stores) -> Files:
    return Files(tables("files"), stores.blobs, clock, random_id, settings.common.max_file_mib * 2**20, stores.uploads)
