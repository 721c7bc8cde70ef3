from llmanager.kernel.table import MAX_ACTIONS, Delete, Table, rows_in
from llmanager.vdb.ingested import DOCUMENTED, document_partition
from llmanager.vdb.usecases.collections import Collections


def forget_documents(table: Table, vdbs: Collections) -> int:
    """Remove what is remembered of the documents of collections that are gone; of how many collections.

    `table` is the one of an Ingestion. Call it now and then.
    """
    known = {row.sort for row in rows_in(table, DOCUMENTED)}  # before the collections: nothing made meanwhile is lost
    gone = known - {collection.resource for collection in vdbs.every()}
    for resource in sorted(gone):
        partition = document_partition(resource)
        while rows := table.query(partition, limit=MAX_ACTIONS).rows:
            table.transact([Delete(partition, row.sort) for row in rows])
        table.delete(DOCUMENTED, resource)
    return len(gone)
