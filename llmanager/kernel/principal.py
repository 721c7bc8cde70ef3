"""Who asks: the tenant whose rows are seen, and what the caller may do."""

from dataclasses import dataclass

from llmanager.kernel.errors import Forbidden

SCOPES = frozenset(
    {
        "model:read",
        "model:write",
        "model:query",
        "vdb:read",
        "vdb:write",
        "vdb:query",
        "history:read",
        "history:write",
        "chat",
        "jobs",
        "admin",
    }
)


@dataclass(frozen=True)
class Principal:
    tenant: str
    key_id: str
    scopes: frozenset[str]

    def require(self, scope: str) -> None:
        """Raises Forbidden unless the caller holds the scope. `admin` is a scope like the others, not a wildcard."""
        if scope not in self.scopes:
            raise Forbidden(f"This key lacks the scope {scope!r}. Ask an admin for a key that has it.")
