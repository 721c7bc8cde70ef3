"""Texts to vectors, by the embedder that a collection has or is told now."""

from collections.abc import Sequence

from llmanager.kernel.errors import InvalidInput, UpstreamFailed
from llmanager.kernel.principal import Principal
from llmanager.vdb.entities import Collection, Vectors
from llmanager.vdb.ports import Embedder
from llmanager.vdb.usecases.create import check_fit

EMBED_TEXTS = 64  # at once


def embedder_of(collection: Collection, model: str | None) -> str:
    """Raises EmbedderUnfit for another one than it has, InvalidInput where none is named."""
    check_fit(collection, model=model, dim=None)
    chosen = model or collection.model
    if chosen is None:
        raise InvalidInput(
            f"The vector database {collection.name!r} has no embedder yet. Name one in 'model', or give vectors.",
            param="model",
        )
    return chosen


async def embed_all(embedder: Embedder, caller: Principal, model: str, texts: Sequence[str]) -> Vectors:
    """One row a text, at least one text. Raises what the embedder raises."""
    rows: list[Vectors] = []
    for start in range(0, len(texts), EMBED_TEXTS):
        batch = texts[start : start + EMBED_TEXTS]
        vectors = await embedder.embed(caller, model, batch)
        if len(vectors) != len(batch) or vectors.dim != (rows or [vectors])[0].dim:
            raise UpstreamFailed(f"The embedder {model!r} answered other vectors than were asked for. Try again.")
        rows.append(vectors)
    return Vectors(rows[0].dim, b"".join(vectors.data for vectors in rows))
