from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from llmanager.kernel.blocking import RunBlocking
from llmanager.kernel.principal import Principal
from llmanager.vdb.mmr import cosine, unit
from llmanager.vdb.ports import Embedder
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.embed import embed_all


@dataclass(frozen=True)
class Compared:
    model: str  # the embedder
    cosines: tuple[float, ...]


async def compare(
    vdbs: Collections,
    embedder: Embedder,
    run_blocking: RunBlocking,
    caller: Principal,
    name: str,
    query: str,
    texts: Sequence[str],
) -> Compared | None:
    """The cosine of each text with the query, by the collection's own embedder. None: it has none yet.

    Raises CollectionNotFound, EmbedderMissing, EmbedderUnfit, InvalidInput (a text is too long), what is Retryable.
    """
    collection = await run_blocking(partial(vdbs.require, (caller.tenant, name)))
    if collection.model is None or not texts:
        return None if collection.model is None else Compared(collection.model, ())
    vectors = await embed_all(embedder, caller, collection.model, [query, *texts])
    asked, *others = [unit(vectors.row(at)) for at in range(len(vectors))]
    return Compared(collection.model, tuple(cosine(asked, other) for other in others))
