"""Maximal marginal relevance: hits that are close to the question and differ from one another. Pure."""

import sys
from array import array
from collections.abc import Sequence
from math import sqrt
from operator import mul

from llmanager.vdb.entities import Hit

MAX_RERANKED = 200  # each is compared with each
RELEVANCE = 0.5  # against variety


def mmr(query: bytes, hits: Sequence[Hit], *, k: int, relevance: float = RELEVANCE) -> tuple[Hit, ...]:
    """k of the hits, in the order in which they were chosen, with the scores they had. All have vectors.

    Only the first MAX_RERANKED are looked at: the work grows with their number, with k and with the dimension.
    """
    hits = hits[:MAX_RERANKED]
    asked = _unit(query)
    vectors = [_unit(hit.vector or b"") for hit in hits]
    closeness = [_dot(asked, vector) for vector in vectors]
    nearest = [0.0] * len(hits)  # cosine with the chosen one that is most alike
    chosen: list[int] = []
    left = list(range(len(hits)))
    while left and len(chosen) < k:
        best = max(left, key=lambda n: relevance * closeness[n] - (1 - relevance) * nearest[n])
        left.remove(best)
        alike = {n: _dot(vectors[best], vectors[n]) for n in left}
        nearest = [
            max(nearest[n], alike[n]) if chosen and n in alike else alike.get(n, nearest[n]) for n in range(len(hits))
        ]
        chosen.append(best)
    return tuple(hits[n] for n in chosen)


def _unit(data: bytes) -> "array[float]":
    """Of length one; a vector without length stays as it is, and is like nothing."""
    values = array("f", data)
    if sys.byteorder == "big":
        values.byteswap()
    length = sqrt(_dot(values, values))
    return array("d", (value / length for value in values)) if length else array("d", values)


def _dot(one: "array[float]", other: "array[float]") -> float:
    return float(sum(map(mul, one, other)))
