"""Vectors as embedders make them, roughly: in clusters, and an exact search over them to compare with."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from llmanager.vdb.entities import Item, Vectors, Write

DIM = 384
CLUSTERS = 1_000
SPREAD = 0.7  # of a cluster, its centre's length being 1 a dimension
GROUPS = 100  # of metadata, so that one of them is 1 % of the items
WORDS = [f"word{n}" for n in range(5_000)]


@dataclass(frozen=True)
class Cloud:
    """`vectors`: to be kept. `queries`: of the same clusters. Item n is of group n % GROUPS."""

    vectors: np.ndarray
    queries: np.ndarray

    def write(self, start: int, stop: int) -> Write:
        chance = random.Random(start)
        items = tuple(
            Item(f"item-{n:07}", " ".join(chance.choices(WORDS, k=20)), {"group": n % GROUPS})
            for n in range(start, stop)
        )
        return Write(items, Vectors(DIM, self.vectors[start:stop].tobytes()))

    def nearest(self, query: np.ndarray, k: int, groups: int = GROUPS) -> list[str]:
        """The truth: by cosine, of the items in the first so many groups."""
        places = np.flatnonzero(np.arange(len(self.vectors)) % GROUPS < groups)
        held = self.vectors[places]
        cosines = held @ query / np.linalg.norm(held, axis=1)
        return [f"item-{places[n]:07}" for n in np.argsort(-cosines)[:k]]


def cloud(count: int, queries: int) -> Cloud:
    chance = np.random.default_rng(7)
    centres = chance.standard_normal((CLUSTERS, DIM), dtype=np.float32)

    def some(number: int) -> np.ndarray:
        noise = chance.standard_normal((number, DIM), dtype=np.float32)
        return centres[chance.integers(0, CLUSTERS, number)] + SPREAD * noise

    return Cloud(some(count), some(queries))


def exact_ms(made: Cloud, k: int) -> list[float]:
    """What reading every vector costs numpy, the vectors being in memory and of length 1."""
    unit = made.vectors / np.linalg.norm(made.vectors, axis=1, keepdims=True)
    return times_ms(lambda query: np.argpartition(-(unit @ query), k)[:k], made.queries)


def times_ms(call: Callable[[np.ndarray], object], queries: np.ndarray) -> list[float]:
    taken = []
    for query in queries:
        started = time.perf_counter()
        call(query)
        taken.append((time.perf_counter() - started) * 1e3)
    return taken
