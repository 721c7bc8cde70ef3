"""Models as rows of the registry table. The one place that knows their keys.

access pattern                     partition          sort
a model by tenant and name         model#TENANT       NAME
a tenant's models                  model#TENANT       (all)
all models, for the reconciler     (scan, partitions that start with "model#")
who uses a model, last use         use#TENANT         NAME
who reconciles a model             lease#TENANT       NAME     expires by itself
what was dropped, by resource      gone#              RESOURCE expires by itself
the fleet as a whole               fleet#             caps     also tells that this registry was not lost
"""

from datetime import datetime, timedelta

from llmanager.kernel.bodies import body_of, entity_in
from llmanager.kernel.table import Check, Row
from llmanager.models.entities import Model, Use

Key = tuple[str, str]  # tenant, name
TOMBSTONE_DAYS = 30  # a resource that a cut-off call creates shows long before


def model_partition(tenant: str) -> str:
    return f"model#{tenant}"


def use_partition(tenant: str) -> str:
    return f"use#{tenant}"


def lease_partition(tenant: str) -> str:
    return f"lease#{tenant}"


def gone_partition() -> str:
    return "gone#"


def fleet_partition() -> str:
    return "fleet#"


def fleet_sort() -> str:
    return "caps"


def is_model(row: Row) -> bool:
    return row.partition.startswith("model#")


def is_use(row: Row) -> bool:
    return row.partition.startswith("use#")


def is_lease(row: Row) -> bool:
    return row.partition.startswith("lease#")


def key_of(row: Row) -> Key:
    """Whose row it is, of whatever kind."""
    return row.partition.partition("#")[2], row.sort


def model_row(model: Model) -> Row:
    return Row(model_partition(model.tenant), model.name, body_of(model))


def to_model(row: Row) -> Model:
    return entity_in(row, Model)


def use_row(key: Key, use: Use) -> Row:
    tenant, name = key
    return Row(use_partition(tenant), name, body_of(use))


def to_use(row: Row | None) -> Use:
    return Use() if row is None else entity_in(row, Use)


def lease_row(key: Key, owner: str, until: datetime) -> Row:
    tenant, name = key
    return Row(lease_partition(tenant), name, {"owner": owner}, expires_at=until)


def tombstone_row(model: Model, now: datetime) -> Row:
    """Written as the model's row goes: whatever shows under its resource from then on is nobody's, for certain."""
    body = {"tenant": model.tenant, "name": model.name, "generation": model.generation}
    return Row(gone_partition(), model.resource, body, expires_at=now + timedelta(days=TOMBSTONE_DAYS))


def fleet_row(installation: str) -> Row:
    """Each admission writes it anew, so that of two at once one counts again. It stays when the models go."""
    return Row(fleet_partition(), fleet_sort(), {"installation": installation})


def installation_in(fleet: Row | None) -> str:
    """What tells these rows' resources from another installation's; "": not decided yet."""
    return "" if fleet is None else str(fleet.body.get("installation", ""))


def still_there(model: Model) -> Check:
    """A guard: the model was not dropped in between (it may have changed)."""
    return Check(model_partition(model.tenant), model.name, "present")
