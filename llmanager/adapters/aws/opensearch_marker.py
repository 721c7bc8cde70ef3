"""Which versions of which items count: what makes a write visible whole on a store that has no transactions. Pure.

A write adds versions of its items under its own number `seq`; nobody counts them yet. Then one document, the marker, is
created: it names the writes that count, and the versions that no longer do. A reader asks for items and the newest
marker at once, in one search; where the marker is not the one that his question was made with, he asks again.

    m-7  {n: 7, seqs: [...], dead: [...], …}     the last marker but one, kept for those who see an older moment
    m-8  {n: 8, …}                               the marker: created only if absent, so two writers cannot both succeed

`seqs` would grow for ever: a write that is old enough moves below `base`, once nothing is left of the writes that
failed before it.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from llmanager.adapters.aws.opensearch_facets import Query
from llmanager.adapters.aws.opensearch_shape import shape_of, told
from llmanager.vdb.entities import Shape
from llmanager.vdb.ports import FieldType

Field = tuple[str, FieldType]

FOLD_AFTER_S: Final = 900  # no writer is at work longer than MAX_WRITE_S
MAX_WRITE_S: Final = 300
FOLD_AT: Final = 32  # writes that are old enough
_CHANCE_BITS: Final = 20


@dataclass(frozen=True)
class Marker:
    n: int
    generation: str  # of the index: another one after drop and create
    shape: Shape
    base: int = 0  # all up to this write count
    seqs: tuple[int, ...] = ()  # and these
    dead: tuple[str, ...] = ()  # versions that were replaced or deleted, and may still be there
    fields: frozenset[Field] = frozenset()
    has_undirected: bool = False  # vectors without a direction, which the index cannot hold

    @property
    def doc_id(self) -> str:
        return doc_id(self.n)

    def is_at_top_of(self, hits: list[dict[str, Any]]) -> bool:
        """Of an answer: that it was given at a moment when this marker was the newest."""
        source = hits[0]["_source"] if hits else {}
        return (source.get("n"), source.get("generation")) == (self.n, self.generation)

    def after(self, seq: int, dead: Iterable[str], fields: frozenset[Field], *, has_undirected: bool) -> "Marker":
        """The one that makes the write `seq` count."""
        return replace(
            self,
            n=self.n + 1,
            seqs=(*self.seqs, seq),
            dead=tuple(dead),
            fields=self.fields | fields,
            has_undirected=self.has_undirected or has_undirected,
        )

    def tidied(self, dead: Iterable[str], base: int) -> "Marker":
        return replace(
            self, n=self.n + 1, dead=tuple(dead), base=base, seqs=tuple(seq for seq in self.seqs if seq > base)
        )

    def foldable(self, now: datetime) -> int | None:
        """A `base` that all writes at work are beyond, if it is worth the trouble."""
        old = [seq for seq in self.seqs if seq < first_seq(now) - (FOLD_AFTER_S * 1000 << _CHANCE_BITS)]
        return max(old) if len(old) >= FOLD_AT else None


def doc_id(n: int) -> str:
    return f"m-{n}"


def first_seq(now: datetime) -> int:
    return int(now.timestamp() * 1000) << _CHANCE_BITS


def new_seq(now: datetime) -> int:
    """Unique to one attempt to write, and greater than those of long ago."""
    return first_seq(now) + random.getrandbits(_CHANCE_BITS)


def living(marker: Marker) -> Query:
    """The versions that count."""
    counts = [{"range": {"seq": {"lte": marker.base}}}, {"terms": {"seq": list(marker.seqs)}}]
    dead = [{"ids": {"values": list(marker.dead)}}] if marker.dead else []
    return {"bool": {"filter": [{"bool": {"should": counts}}], "must_not": dead}}


def residue(marker: Marker, base: int) -> Query:
    """What is left of writes up to `base` that failed."""
    counts = {"terms": {"seq": list(marker.seqs)}}
    return {"bool": {"filter": [{"range": {"seq": {"gt": marker.base, "lte": base}}}], "must_not": [counts]}}


def marker_itself(marker: Marker) -> Query:
    """It, or a newer one."""
    return {"range": {"n": {"gte": marker.n}}}


def document(marker: Marker) -> dict[str, Any]:
    return {
        "n": marker.n,
        "generation": marker.generation,
        "shape": told(marker.shape),
        "base": marker.base,
        "seqs": marker.seqs,
        "dead": marker.dead,
        "fields": sorted((name, type_.value) for name, type_ in marker.fields),
        "has_undirected": marker.has_undirected,
    }


def marker_of(source: Mapping[str, Any]) -> Marker:
    return Marker(
        n=source["n"],
        generation=source["generation"],
        shape=shape_of(source["shape"]),
        base=source["base"],
        seqs=tuple(source["seqs"]),
        dead=tuple(source["dead"]),
        fields=frozenset((name, FieldType(type_)) for name, type_ in source["fields"]),
        has_undirected=source["has_undirected"],
    )
