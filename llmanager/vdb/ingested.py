"""What was ingested, as rows of a table of their own. The one place that knows their keys.

access pattern                             partition             sort
a document of a collection                 document#RESOURCE     NAME, or the beginning and digest of a long one
a collection's documents                   document#RESOURCE     (all)
collections that documents went into       documented            RESOURCE
what a target holds                        target#TENANT         NAME without s3://, likewise

A resource is that of one collection for ever, so the documents of a deleted one are nobody's and can be swept.
"""

import hashlib
import re
from dataclasses import asdict, dataclass

from llmanager.kernel.table import Row

DOCUMENTED = "documented"
MAX_SORT_BYTES = 448


@dataclass(frozen=True)
class Ingested:
    """How far a document is in a collection."""

    chunks: int = 0  # none of a higher number is in the collection
    is_whole: bool = False  # all of them are, and as `digest` and `made_by` say
    digest: str = ""  # SHA-256 of its bytes
    made_by: str = ""  # chunking and embedder


@dataclass(frozen=True)
class Target:
    model: str  # that its vectors are of
    resource: str  # of its segments


def document_partition(resource: str) -> str:
    return f"document#{resource}"


def target_key(tenant: str, name: str) -> tuple[str, str]:
    return f"target#{tenant}", short(name.removeprefix("s3://"))


def document_row(resource: str, name: str, ingested: Ingested) -> Row:
    return Row(document_partition(resource), short(name), asdict(ingested))


def to_ingested(row: Row | None) -> Ingested:
    return Ingested() if row is None else Ingested(**row.body)


def documented_row(resource: str) -> Row:
    return Row(DOCUMENTED, resource)


def target_row(tenant: str, name: str, target: Target) -> Row:
    return Row(*target_key(tenant, name), asdict(target))


def to_target(row: Row | None) -> Target | None:
    return None if row is None else Target(**row.body)


def target_resource(name: str) -> str:
    """As a segment log takes it, another one for every name."""
    name = name.removeprefix("s3://")
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', name)[:40].strip('-')}-{digest}".lstrip("-")


def short(name: str) -> str:
    data = name.encode()
    if len(data) <= MAX_SORT_BYTES:
        return name
    return f"{data[: MAX_SORT_BYTES - 40].decode(errors='ignore')}~{hashlib.sha256(data).hexdigest()[:32]}"
