"""Find what a host holds without a row, and remove it."""

from llmanager.models.usecases.registry import Registry


def sweep(registry: Registry) -> tuple[str, ...]:
    """Resources that had no row, removal begun. Rows come before resources, so one without a row is nobody's."""
    removed = []
    for host in registry.hosts.values():
        held = host.resources()  # before the rows are read: a resource made later is not in this list
        known = {model.resource for model in registry.every()}
        for resource in (one.resource for one in held):
            if resource not in known:
                host.remove(resource)
                removed.append(resource)
    return tuple(removed)
