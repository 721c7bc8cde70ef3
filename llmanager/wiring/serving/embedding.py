"""The Embedder of vector databases over the gateway: texts become vectors as a request on /v1/embeddings would."""

import asyncio
import sys
import threading
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from math import isfinite

import msgspec
from msgspec import Struct

from llmanager.gateway.errors import ModelNotFound
from llmanager.gateway.inner import InnerCalls
from llmanager.gateway.ports import Directory
from llmanager.kernel.errors import InvalidInput, Unavailable, UpstreamFailed, UpstreamTimeout
from llmanager.kernel.principal import Principal
from llmanager.vdb.entities import FLOAT_BYTES, Vectors
from llmanager.vdb.errors import EmbedderMissing, EmbedderUnfit
from llmanager.vdb.ports import MAX_TEXTS

PATH = "/v1/embeddings"
AT_ONCE = 4  # threads that wait for vectors; more of them would only fill the model's queue
POLL_S = 0.5  # a waiting thread is asked so often whether it still should
WAIT_S = 900.0  # longer than a wake and one whole answer may take together


class _Row(Struct):
    index: int
    embedding: list[float]


class _Rows(Struct):
    data: list[_Row]


_decode = msgspec.json.Decoder(_Rows).decode


class GatewayEmbedder:
    """An Embedder. Metered to the caller, under /v1/embeddings."""

    def __init__(self, inner: InnerCalls, directory: Directory) -> None:
        self._inner, self._directory = inner, directory

    def dimensions(self, caller: Principal, model: str) -> int | None:
        """Of the model's vectors. None: not known before it has made some. Raises EmbedderMissing, EmbedderUnfit."""
        route = self._directory.find(caller.tenant, model)
        if route is None:
            raise _missing(model)
        if route.kind != "embedding":
            raise EmbedderUnfit(f"Model {model!r} is no embedding model. Name one of kind 'embedding'.", param="model")
        return route.dimensions

    def generation(self, caller: Principal, model: str) -> str | None:
        """What tells this model from another that had its name, or will have it. None: there is none."""
        route = self._directory.find(caller.tenant, model)
        return None if route is None else route.key

    def has_wide_cosines(self, caller: Principal, model: str) -> bool:
        """Whether it is known of this model that cosines tell how near texts are, and not only which is nearer."""
        route = self._directory.find(caller.tenant, model)
        return route is not None and route.has_wide_cosines

    async def embed(self, caller: Principal, model: str, texts: Sequence[str]) -> Vectors:
        self.dimensions(caller, model)
        if not 0 < len(texts) <= MAX_TEXTS:
            raise InvalidInput(f"{len(texts)} texts are to be embedded at once; 1 to {MAX_TEXTS} can be.")
        # An empty input is refused by most servers; a blank has the vector that an empty text should have.
        body = msgspec.json.encode({"model": model, "input": [text or " " for text in texts]})
        try:
            answer = await self._inner.whole(caller, PATH, body)
        except ModelNotFound:  # deleted meanwhile
            raise _missing(model) from None
        return vectors_in(answer, len(texts), model)


class BlockingEmbedder:
    """The same for threads that are not the event loop's, such as those of jobs. A few wait at once, others queue."""

    def __init__(
        self,
        embedder: GatewayEmbedder,
        loop: asyncio.AbstractEventLoop,
        *,
        wait_s: float = WAIT_S,
        poll_s: float = POLL_S,
    ) -> None:
        self._embedder, self._loop, self._wait_s, self._poll_s = embedder, loop, wait_s, poll_s
        self._places = threading.BoundedSemaphore(AT_ONCE)

    def dimensions(self, caller: Principal, model: str) -> int | None:
        return self._embedder.dimensions(caller, model)

    def embed(
        self, caller: Principal, model: str, texts: Sequence[str], check: Callable[[], None] = lambda: None
    ) -> Vectors:
        """As GatewayEmbedder. `check` is called now and then while this waits: what it raises ends the request.

        Also raises UpstreamTimeout after a time no request takes, Unavailable once the event loop has ended.
        """
        while not self._places.acquire(timeout=self._poll_s):
            check()
        try:
            asking = self._embedder.embed(caller, model, texts)
            try:
                future = asyncio.run_coroutine_threadsafe(asking, self._loop)
            except RuntimeError:
                asking.close()
                raise _stopping() from None
            try:
                return self._awaited(future, model, check)
            finally:
                future.cancel()  # of no effect once it is done
        finally:
            self._places.release()

    def _awaited(self, future: "Future[Vectors]", model: str, check: Callable[[], None]) -> Vectors:
        for _ in range(int(self._wait_s / self._poll_s) + 1):
            try:
                return future.result(self._poll_s)
            except TimeoutError:
                if future.done():
                    raise  # the embedder's own
                check()
            except CancelledError:  # with the event loop: nobody else cancels it
                raise _stopping() from None
        raise UpstreamTimeout(f"Model {model!r} made no vectors within {self._wait_s:g} s. Try again.")


def vectors_in(answer: bytes, count: int, model: str) -> Vectors:
    """Of an answer of /v1/embeddings. Raises UpstreamFailed for anything but `count` finite vectors of one length."""
    try:
        rows = sorted(_decode(answer).data, key=lambda row: row.index)
        dim = len(rows[0].embedding) if rows else 0
        values = array("f")
        for row in rows:
            values.extend(row.embedding)
    except (msgspec.DecodeError, UnicodeDecodeError, OverflowError):
        raise _nonsense(model) from None
    is_whole = [row.index for row in rows] == list(range(count))
    is_even = dim > 0 and all(len(row.embedding) == dim for row in rows)
    if not (is_whole and is_even and all(map(isfinite, values))):
        raise _nonsense(model)
    assert values.itemsize == FLOAT_BYTES
    if sys.byteorder == "big":
        values.byteswap()
    return Vectors(dim, values.tobytes())


def _stopping() -> Unavailable:
    return Unavailable("The server is stopping. Try again when it is back.")


def _missing(model: str) -> EmbedderMissing:
    return EmbedderMissing(f"There is no model {model!r} to embed with. Create it, or name another one.")


def _nonsense(model: str) -> UpstreamFailed:
    return UpstreamFailed(f"The server of model {model!r} sent vectors that cannot be used. Try again.")
