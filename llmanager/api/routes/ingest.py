"""POST /vdb/embed. What is wrong with the order is said at once; the rest is done by a job."""

from functools import partial

from fastapi import APIRouter

from llmanager.api.access import requires
from llmanager.api.routes.jobs import job_ref
from llmanager.gateway.ports import Keyring
from llmanager.jobs.entities import Job
from llmanager.jobs.usecases.submit import Submit
from llmanager.kernel.blocking import RunBlocking
from llmanager.kernel.principal import Principal
from llmanager.vdb.entities import Chunking, Strategy
from llmanager.vdb.ports import Embedder
from llmanager.vdb.usecases.collections import Collections
from llmanager.vdb.usecases.create import check_fit
from llmanager.vdb.usecases.ingest import INGEST, Order, check_order
from llmanager.wire import ingest as wire
from llmanager.wire.jobs import JobRef


def ingest_routes(
    *, vdbs: Collections, embedder: Embedder, run_blocking: RunBlocking, keyring: Keyring, submit: Submit
) -> APIRouter:
    router = APIRouter(prefix="/vdb", tags=["vector databases"])
    writer = requires(keyring, "vdb:write")

    @router.post("/embed", status_code=202)
    async def embed(body: wire.Embed, caller: Principal = writer) -> JobRef:
        """Documents to chunks to vectors, by a job: /jobs/status tells how far it is, and what failed why."""
        order = _order(body)
        check_order(order)
        job = await run_blocking(partial(_submitted, caller, order))
        return job_ref(job)

    def _submitted(caller: Principal, order: Order) -> Job:
        dim = embedder.dimensions(caller, order.model)
        if order.vdb is not None:
            check_fit(vdbs.require((caller.tenant, order.vdb)), model=order.model, dim=dim)
        return submit(caller=caller, kind=INGEST, payload=order.payload(), lane=caller.tenant)

    return router


def _order(body: wire.Embed) -> Order:
    size, overlap = body.chunking.size, body.chunking.overlap
    return Order(
        model=body.model,
        src=body.source,
        vdb=body.vdb,
        target=body.destination,
        chunking=Chunking(Strategy(body.chunking.strategy), size, size // 10 if overlap is None else overlap),
    )
