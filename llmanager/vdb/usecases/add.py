import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from llmanager.kernel.blocking import RunBlocking
from llmanager.kernel.principal import Principal
from llmanager.vdb.entities import Collection, Item, Vectors, Write
from llmanager.vdb.limits import check_count, check_items, check_to_embed, check_vectors
from llmanager.vdb.ports import Embedder
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.create import bind, check_fit
from llmanager.vdb.usecases.embed import embed_all, embedder_of
from llmanager.vdb.usecases.restore import until_up
from llmanager.vdb.usecases.write import write


@dataclass(frozen=True)
class Entry:
    """What a user adds. Without an id it gets one from its content, so that adding it again changes nothing."""

    text: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    id: str | None = None
    source: str = ""


async def add(
    vdbs: Collections,
    embedder: Embedder,
    run_blocking: RunBlocking,
    *,
    caller: Principal,
    name: str,
    entries: Sequence[Entry],
    vectors: Vectors | None = None,
    model: str | None = None,
) -> tuple[str, ...]:
    """Upsert by id, all or nothing; the ids in the order of `entries`. Without `vectors` the texts are embedded.

    The first add tells a new collection its dimensions, and its embedder if it names one. Raises CollectionNotFound,
    InvalidInput, ItemTooLarge, WriteTooLarge, DimensionMismatch, EmbedderMissing, EmbedderUnfit, what is Retryable.
    """
    key = (caller.tenant, name)
    collection = await run_blocking(partial(vdbs.require, key))
    check_count(len(entries))
    if vectors is not None:
        check_vectors(vectors, len(entries))
    ids = tuple(_id_of(entry, vectors, row) for row, entry in enumerate(entries))
    rows = _first_of_each(entries, ids)
    items = tuple(Item(ids[row], entries[row].text, entries[row].metadata, entries[row].source) for row in rows)
    await run_blocking(partial(check_items, items))
    if not items:
        return ()
    if vectors is None:
        model, chosen = await _embedded(embedder, caller, collection, items, model)
    else:
        check_fit(collection, model=model, dim=vectors.dim)
        chosen = Vectors(vectors.dim, b"".join(vectors.row(row) for row in rows))
    await run_blocking(partial(bind, vdbs, key, model=model, dim=chosen.dim))
    await until_up(vdbs, run_blocking, key)
    await run_blocking(partial(write, vdbs, key, Write(items, chosen)))
    return ids


async def _embedded(
    embedder: Embedder, caller: Principal, collection: Collection, items: Sequence[Item], model: str | None
) -> tuple[str, Vectors]:
    texts = [item.text for item in items]
    check_to_embed(texts)
    chosen = embedder_of(collection, model)
    return chosen, await embed_all(embedder, caller, chosen, texts)


def _id_of(entry: Entry, vectors: Vectors | None, row: int) -> str:
    """32 hex digits of the SHA-256 of text and metadata; where there is no text, of the vector too."""
    if entry.id is not None:
        return entry.id
    content = json.dumps([entry.text, entry.metadata], sort_keys=True).encode()
    if vectors is not None and not entry.text:
        content += vectors.row(row)
    return hashlib.sha256(content).hexdigest()[:32]


def _first_of_each(entries: Sequence[Entry], ids: Sequence[str]) -> tuple[int, ...]:
    """Rows, without those whose content was there before. An id that a user gives twice is left for the check."""
    made: dict[str | int, int] = {}
    for row, entry in enumerate(entries):
        made.setdefault(ids[row] if entry.id is None else row, row)
    return tuple(made.values())
