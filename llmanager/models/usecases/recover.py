"""After a crash: nobody holds anything any more. Only for a platform where one server at a time has the registry."""

from dataclasses import replace

from llmanager.kernel.table import all_rows
from llmanager.models import rows
from llmanager.models.usecases.registry import Registry


def void_leases(registry: Registry) -> None:
    """Call before anything reconciles or serves.

    Without it a model that was being reconciled or used when its server was killed would be left alone until those
    leases run out. Raises Retryable.
    """
    for row in all_rows(registry.table):
        if rows.is_lease(row):
            registry.table.delete(row.partition, row.sort, row.version)
        elif rows.is_use(row) and (use := rows.to_use(row)).holders:
            registry.table.put(rows.use_row(rows.key_of(row), replace(use, holders={})), row.version)
