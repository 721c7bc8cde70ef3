"""Maximal marginal relevance: hits that are close to the question and differ from one another. Pure."""

import sys
from array import array
from collections.abc import Sequence
from math import dist, hypot

from llmanager.vdb.entities import Hit

MAX_RERANKED = 200  # each is compared with each
RELEVANCE = 0.5  # against variety

Unit = tuple[float, ...]  # a vector of length one; one without a direction is empty, and like nothing


def mmr(query: bytes, hits: Sequence[Hit], *, k: int, relevance: float = RELEVANCE) -> tuple[Hit, ...]:
    """k of the hits, in the order in which they were chosen, with the scores they had. All have vectors.

    Only the first MAX_RERANKED are looked at: the work grows with their number, with k and with the dimension.
    """
    hits = hits[:MAX_RERANKED]
    asked = unit(query)
    vectors = [unit(hit.vector or b"") for hit in hits]
    closeness = [cosine(asked, vector) for vector in vectors]
    nearest = [0.0] * len(hits)  # cosine with the chosen one that is most alike
    chosen: list[int] = []
    left = list(range(len(hits)))
    while left and len(chosen) < k:
        best = max(left, key=lambda n: relevance * closeness[n] - (1 - relevance) * nearest[n])
        left.remove(best)
        for n in left:
            alike = cosine(vectors[best], vectors[n])
            nearest[n] = max(nearest[n], alike) if chosen else alike
        chosen.append(best)
    return tuple(hits[n] for n in chosen)


def unit(data: bytes) -> Unit:
    values = array("f", data)
    if sys.byteorder == "big":
        values.byteswap()
    length = hypot(*values)
    return tuple(value / length for value in values) if length else ()


def cosine(one: Unit, other: Unit) -> float:
    """From the distance, which the standard library computes eight times as fast as a product."""
    return 1 - dist(one, other) ** 2 / 2 if one and other else 0.0
