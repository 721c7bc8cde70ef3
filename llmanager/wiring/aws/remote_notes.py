"""Which remotes' models are started, in the registry's table: functions share no memory.

access pattern                      partition   sort
what of a resource was started      remote#     RESOURCE
all of them                         remote#     (all)
"""

from collections.abc import Mapping

import msgspec

from llmanager.kernel.table import Row, Table, rows_in
from llmanager.models.entities import Order

PARTITION = "remote#"


class TableNotes:
    """Notes of RemoteModelHost. Under a resource's lease one writes at a time, so no write is conditional."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def of(self, resource: str) -> Mapping[int, Order]:
        row = self._table.get(PARTITION, resource)
        return {} if row is None else _orders(row)

    def put(self, resource: str, orders: Mapping[int, Order]) -> None:
        if orders:
            noted = {str(index): msgspec.to_builtins(order) for index, order in orders.items()}
            self._table.put(Row(PARTITION, resource, {"orders": noted}))
        else:
            self._table.delete(PARTITION, resource)

    def all(self) -> Mapping[str, Mapping[int, Order]]:
        return {row.sort: _orders(row) for row in rows_in(self._table, PARTITION)}


def _orders(row: Row) -> dict[int, Order]:
    return {int(index): msgspec.convert(order, Order) for index, order in row.body["orders"].items()}
