"""Exact scores, in float64, of vectors that an index brought near: what Hit.score promises, whatever the index kept."""

import math
from array import array
from collections.abc import Callable, Sequence
from operator import mul
from typing import Final

from llmanager.vdb.entities import MIN_LENGTH, Metric

Numbers = Sequence[float]


def numbers(vector: bytes) -> Numbers:
    """Of little-endian float32, on a little-endian machine."""
    return array("f", vector)


def has_direction(vector: bytes) -> bool:
    return _length(numbers(vector)) >= MIN_LENGTH


def scorer(metric: Metric, wanted: bytes) -> Callable[[bytes], float]:
    """What tells the score of a vector beside `wanted`."""
    query, score = numbers(wanted), _SCORES[metric]
    return lambda vector: score(query, numbers(vector))


def _cosine(a: Numbers, b: Numbers) -> float:
    a_length, b_length = _length(a), _length(b)
    return _dot(a, b) / (a_length * b_length) if min(a_length, b_length) >= MIN_LENGTH else 0.0


def _dot(a: Numbers, b: Numbers) -> float:
    return math.fsum(map(mul, a, b))


def _length(a: Numbers) -> float:
    return math.hypot(*a)


_SCORES: Final[dict[Metric, Callable[[Numbers, Numbers], float]]] = {
    Metric.COSINE: _cosine,
    Metric.DOT: _dot,
    Metric.L2: lambda a, b: -math.dist(a, b),
}
