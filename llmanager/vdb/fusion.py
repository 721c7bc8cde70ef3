"""Several lists of hits as one, by rank alone: their scores have nothing in common. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from llmanager.vdb.entities import Hit

RANK_OFFSET = 60  # as in the paper on reciprocal rank fusion: the first places do not outweigh all others


def fuse(lists: Sequence[Sequence[Hit]], *, k: int) -> tuple[Hit, ...]:
    """The k of the highest sum of 1 / (60 + rank), equal ones by id. An item's vector is kept from any list."""
    scores: defaultdict[str, float] = defaultdict(float)
    found: dict[str, Hit] = {}
    for hits in lists:
        for rank, hit in enumerate(hits, start=1):
            scores[hit.item.id] += 1 / (RANK_OFFSET + rank)
            if hit.item.id not in found or found[hit.item.id].vector is None:
                found[hit.item.id] = hit
    best = sorted(scores, key=lambda id_: (-scores[id_], id_))[:k]
    return tuple(replace(found[id_], score=scores[id_]) for id_ in best)
