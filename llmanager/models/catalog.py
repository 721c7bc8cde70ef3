"""Models known by a short name. Data only; sizes are of the file that is fetched."""

from dataclasses import dataclass

from llmanager.models.entities import Kind


@dataclass(frozen=True)
class CatalogEntry:
    alias: str
    kind: Kind
    title: str
    source: str  # "builtin:demo-tiny", "builtin:minilm" or "hub:owner/repo:file.gguf"
    size_mib: int
    parameters: int
    licence: str
    context_tokens: int
    note: str


ENTRIES: tuple[CatalogEntry, ...] = ()


def find(alias: str) -> CatalogEntry | None:
    return next((entry for entry in ENTRIES if entry.alias == alias), None)
