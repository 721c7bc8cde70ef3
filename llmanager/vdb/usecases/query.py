from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from llmanager.kernel.blocking import RunBlocking
from llmanager.kernel.errors import InvalidInput
from llmanager.kernel.principal import Principal
from llmanager.vdb.entities import Collection, Hit, Mode, Vectors
from llmanager.vdb.filters import Filter
from llmanager.vdb.fusion import fuse
from llmanager.vdb.limits import check_filter, check_query, packed
from llmanager.vdb.mmr import MAX_RERANKED, mmr
from llmanager.vdb.ports import Embedder
from llmanager.vdb.rows import Key
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.create import bind, check_fit
from llmanager.vdb.usecases.embed import embed_all, embedder_of
from llmanager.vdb.usecases.restore import answered, until_up

Rerank = Literal["mmr"]
WRITE_SCOPE = "vdb:write"  # who lacks it cannot settle a collection's embedder by asking
MIN_CANDIDATES = 50  # of each list that is fused or reranked; otherwise four times k


@dataclass(frozen=True)
class _Ask:
    text: str
    vector: bytes
    k: int
    where: Filter | None
    mode: Mode
    rerank: Rerank | None

    @property
    def candidates(self) -> int:
        wanted = max(4 * self.k, MIN_CANDIDATES)
        return wanted if self.rerank is None else min(wanted, MAX_RERANKED)


async def query(
    vdbs: Collections,
    embedder: Embedder,
    run_blocking: RunBlocking,
    *,
    caller: Principal,
    name: str,
    text: str | None = None,
    vector: Sequence[float] | None = None,
    k: int = 10,
    where: Filter | None = None,
    mode: Mode | None = None,
    rerank: Rerank | None = None,
    model: str | None = None,
) -> tuple[Hit, ...]:
    """The best k, the best first. `vector` is used in place of the text's own where both are given.

    A collection without an embedder gets the one that the query names, if the caller may write.
    No `mode`: hybrid where texts are searchable and there is a text and an embedder or a vector, else what can be.
    `rerank="mmr"` prefers hits that differ from one another. A hibernated collection is restored first.
    Raises CollectionNotFound, InvalidInput, UnknownField, DimensionMismatch, EmbedderMissing, EmbedderUnfit,
    BeingRestored, and what else is Retryable.
    """
    key = (caller.tenant, name)
    check_query(text, k)
    if text is None and vector is None:
        raise InvalidInput("There is nothing to search for. Give 'query' or 'vector'.", param="query")
    collection = await run_blocking(partial(vdbs.require, key))
    check_fit(collection, model=model, dim=None)
    has_vector = vector is not None or (model or collection.model) is not None
    mode = _mode(collection, text, mode, has_vector=has_vector)
    if rerank is not None and mode is Mode.TEXT:
        raise InvalidInput("'rerank' compares vectors. Use the mode 'vector' or 'hybrid' with it.", param="rerank")
    asked: Vectors | None = None
    if mode is not Mode.TEXT and vector is not None:
        asked = packed([vector], "vector")
    elif mode is not Mode.TEXT and text is not None:
        model = embedder_of(collection, model)
        asked = await embed_all(embedder, caller, model, [text])
        if collection.model is None and WRITE_SCOPE in caller.scopes:
            collection = await run_blocking(partial(bind, vdbs, key, model=model, dim=asked.dim))
    check_fit(collection, model=None, dim=asked.dim if asked else None)
    await until_up(vdbs, run_blocking, key)
    ask = _Ask(text or "", asked.data if asked else b"", k, where, mode, rerank)
    return await run_blocking(partial(_search, vdbs, key, ask))


def _mode(collection: Collection, text: str | None, mode: Mode | None, *, has_vector: bool) -> Mode:
    """Raises InvalidInput where what it needs is not there."""
    can_search_text = collection.has_text and text is not None
    if mode is None:
        if not can_search_text:
            return Mode.VECTOR
        return Mode.HYBRID if has_vector else Mode.TEXT
    if mode is not Mode.VECTOR and not collection.has_text:
        raise InvalidInput(
            f"The vector database {collection.name!r} was created with hybrid: false, so its texts cannot be searched. "
            "Use the mode 'vector'.",
            param="mode",
        )
    if mode is not Mode.VECTOR and text is None:
        raise InvalidInput(f"The mode {mode.value!r} searches texts. Give 'query'.", param="query")
    return mode


def _search(vdbs: Collections, key: Key, ask: _Ask) -> tuple[Hit, ...]:
    return answered(vdbs, key, partial(_hits, vdbs, ask), empty=())


def _hits(vdbs: Collections, ask: _Ask, collection: Collection) -> tuple[Hit, ...]:
    index = collection.resource
    if ask.where is not None:
        check_filter(ask.where, vdbs.store.fields(index))
    is_raw = ask.mode is not Mode.HYBRID and ask.rerank is None
    k = ask.k if is_raw else ask.candidates
    lists = []
    if ask.mode is not Mode.TEXT:
        lists.append(vdbs.store.search(index, ask.vector, k=k, where=ask.where, with_vectors=ask.rerank is not None))
    if ask.mode is not Mode.VECTOR:
        lists.append(vdbs.store.search_text(index, ask.text, k=k, where=ask.where, with_vectors=ask.rerank is not None))
    hits = fuse(lists, k=k) if ask.mode is Mode.HYBRID else lists[0]
    return mmr(ask.vector, hits, k=ask.k) if ask.rerank else tuple(hits[: ask.k])
