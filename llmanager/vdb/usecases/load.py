"""Embedded data into a collection: what /vdb/embed put into a target, or a file of a known form."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from llmanager.kernel.errors import InvalidInput, NotFound
from llmanager.kernel.principal import Principal
from llmanager.vdb.chunks import PORTION_ITEMS, Portion
from llmanager.vdb.embedded import embedded_items
from llmanager.vdb.entities import Found
from llmanager.vdb.ingested import Target, target_key, to_target
from llmanager.vdb.usecases.destinations import Embedded, found_in, put_changed
from llmanager.vdb.usecases.ingest import Ingestion, Tell
from llmanager.vdb.usecases.read import get_items

LOAD = "vdb.load"  # the kind of job that does it


def load(tools: Ingestion, *, caller: Principal, name: str, src: str, tell: Tell) -> dict[str, Any]:
    """Upsert by id, in bounded writes; what is there already is not written again. Tells how many items there are.

    A target names the embedder too. Raises CollectionNotFound, NotFound (no such `src`), InvalidInput, ItemTooLarge,
    DimensionMismatch, EmbedderUnfit, SegmentCorrupt, what `tell` raises, and what is Retryable.
    """
    key = (caller.tenant, name)
    tools.vdbs.require(key)
    target = to_target(tools.table.get(*target_key(caller.tenant, src)))
    items = _of_file(tools, caller.tenant, src) if target is None else _of_target(tools, caller.tenant, target)
    model = None if target is None else target.model
    done = written = 0
    for some in _parts(items):
        portion = Portion(tuple(found.item for found in some))
        held = {found.item.id: found for found in get_items(tools.vdbs, key, [item.id for item in portion.items])}
        embedded = Embedded(portion, tuple(found.vector for found in some))
        written += put_changed(tools.vdbs, key, model, embedded, held)
        done += len(some)
        tell(done, None, "items", "loading")
    return {"items": done, "written": written}


def _of_target(tools: Ingestion, tenant: str, target: Target) -> Iterator[Found]:
    log = tools.embedded(tenant)
    for segment in log.segments(target.resource):
        for piece in log.read(target.resource, segment):
            yield from found_in(piece)


def _of_file(tools: Ingestion, tenant: str, src: str) -> Iterator[Found]:
    documents = list(islice(tools.source.list(tenant, src), 2))
    if not documents:
        raise NotFound(f"There is nothing at {src!r}. Name a file that was uploaded, or a target of POST /vdb/embed.")
    if len(documents) > 1:
        raise InvalidInput("'src' names several files. Load them one by one.", param="src")
    (document,) = documents
    return embedded_items(document.name, tools.source.read(tenant, document))


def _parts(items: Iterable[Found]) -> Iterator[list[Found]]:
    iterator = iter(items)
    while some := list(islice(iterator, PORTION_ITEMS)):
        yield some
