"""Writes to log, and the dict that a log must always be equal to."""

import random
import struct
from collections.abc import Iterable

from llmanager.vdb.entities import Item, Vectors, Write

Model = dict[str, tuple[Item, bytes]]  # id: the item and its vector


def vector(*numbers: float) -> bytes:
    return struct.pack(f"<{len(numbers)}f", *numbers)


def write(*items: Item, deleted: Iterable[str] = (), dim: int = 2, seed: int = 0) -> Write:
    """With vectors made from the seed."""
    numbers = random.Random(seed)
    some = vector(*(numbers.uniform(-1, 1) for _ in range(997)))  # repeated, because making them takes time
    data = (some * (len(items) * dim // 997 + 1))[: len(items) * dim * 4]
    return Write(items, Vectors(dim, data) if items else None, tuple(deleted))


def applied(model: Model, change: Write) -> Model:
    """As a vector store applies it."""
    after = {id_: found for id_, found in model.items() if id_ not in change.deleted_ids}
    for number, item in enumerate(change.items):
        after[item.id] = (item, change.vectors.row(number))
    return after


def replayed(log, resource: str = "r") -> Model:
    model: Model = {}
    for segment in log.segments(resource):
        for change in log.read(resource, segment):
            model = applied(model, change)
    return model
