"""An index of OpenSearch as it is made: its name, its mapping, and what it remembers of its Shape. Pure.

The mapping is fixed: nothing that a user writes ever becomes a field's name, so it cannot grow and no two types of one
name can be in conflict. What is not mapped (source, metadata, raw, a marker's state) is only kept.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from llmanager.adapters.aws.opensearch_kind import Kind
from llmanager.vdb.entities import Metric, Shape

SPACES: Final = {Metric.COSINE: "cosinesimil", Metric.L2: "l2", Metric.DOT: "innerproduct"}
MAX_SHOWN: Final = 60  # characters of a name that stay readable in OpenSearch

_STRANGE = re.compile(r"[^a-z0-9]+")


def index_name(prefix: str, index: str) -> str:
    """Legal and unique for any name: what is readable of it, and a digest of all of it."""
    shown = _STRANGE.sub("-", index.lower()).strip("-").removeprefix(prefix.rstrip("-")).strip("-")
    return f"{prefix}{shown[:MAX_SHOWN]}-{hashlib.sha256(index.encode()).hexdigest()[:16]}"


def creation(prefix: str, index: str, shape: Shape, kind: Kind) -> dict[str, Any]:
    """The body that makes it."""
    properties: dict[str, Any] = {
        "vector": _vector(shape, kind),
        "id": {"type": "keyword"},
        "seq": {"type": "long"},  # the write that brought this version
        "facets": {"type": "keyword", "doc_values": False},  # what can be filtered by
        "bytes": {"type": "long", "index": False},
        "n": {"type": "long"},  # of markers alone
    }
    if shape.has_text:
        properties["text"] = {"type": "text"}  # words of any language, as they are: no stemming, none left out
    mappings = {
        "dynamic": False,
        "_meta": {"prefix": prefix, "index": index},
        "_source": {"excludes": ["vector"]},  # `raw` has it to the bit, in a quarter of the bytes
        "properties": properties,
    }
    return {"settings": {"index": _settings(kind)}, "mappings": mappings}


def told(shape: Shape) -> dict[str, Any]:
    return {"dim": shape.dim, "metric": shape.metric.value, "has_text": shape.has_text}


def shape_of(told: Mapping[str, Any]) -> Shape:
    return Shape(int(told["dim"]), Metric(told["metric"]), bool(told["has_text"]))


def ours(prefix: str, mappings: Mapping[str, Any]) -> tuple[str, ...]:
    """Of all mappings that there are: the names of the indexes made with this prefix."""
    metas = (one.get("mappings", {}).get("_meta", {}) for one in mappings.values())
    return tuple(sorted(meta["index"] for meta in metas if meta.get("prefix") == prefix))


def _settings(kind: Kind) -> dict[str, Any]:
    if kind is Kind.SERVERLESS:
        return {"knn": True}
    # One shard: a search sees one moment of it. Refreshed by writers alone, who know when there is something to see.
    return {"knn": True, "number_of_shards": 1, "auto_expand_replicas": "0-1", "refresh_interval": "-1"}


def _vector(shape: Shape, kind: Kind) -> dict[str, Any]:
    space = SPACES[shape.metric]
    field: dict[str, Any] = {"type": "knn_vector", "dimension": shape.dim}
    if kind is Kind.SERVERLESS:  # it chooses engine and method, and refuses to be told
        return field | {"space_type": space}
    return field | {"method": {"name": "hnsw", "engine": "lucene", "space_type": space}}
