"""Embedding beside reading and writing: the embedder has the next texts before it has done with these."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from llmanager.kernel.errors import InvalidInput, UpstreamFailed
from llmanager.vdb.entities import Vectors
from llmanager.vdb.errors import EmbedderUnfit
from llmanager.vdb.usecases.embed import EMBED_TEXTS

EMBED_CHARACTERS = 256 * 1024  # at once
CALLS_AT_ONCE = 2

Vector = bytes | InvalidInput  # why the embedder refuses a text
Embed = Callable[[Sequence[str]], Vectors]


class EmbedAhead:
    """On leaving, what has not begun is dropped, and what has begun is waited for."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._pool = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="embed-ahead")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def begin(self, texts: Sequence[str]) -> Callable[[], list[Vector]]:
        """Call the result for the vectors, one a text. It raises what the embedder raises, but for refused texts."""
        calls = [self._pool.submit(self._vectors, batch) for batch in _batches(texts)]
        return lambda: _joined(calls)

    def _vectors(self, texts: Sequence[str]) -> list[Vector]:
        """Where one of them is refused, it is found by halves, so that its neighbours get theirs."""
        try:
            vectors = self._embed(texts)
        except EmbedderUnfit:
            raise  # it is no embedder at all
        except InvalidInput as refusal:
            if len(texts) == 1:
                return [refusal]
            half = len(texts) // 2
            return self._vectors(texts[:half]) + self._vectors(texts[half:])
        if len(vectors) != len(texts):
            raise UpstreamFailed("The embedder answered other vectors than were asked for. Try again.")
        return [vectors.row(number) for number in range(len(vectors))]


def _joined(calls: Sequence["Future[list[Vector]]"]) -> list[Vector]:
    return [vector for call in calls for vector in call.result()]


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    start = characters = 0
    for end, text in enumerate(texts):
        if end > start and (end - start >= EMBED_TEXTS or characters + len(text) > EMBED_CHARACTERS):
            yield texts[start:end]
            start, characters = end, 0
        characters += len(text)
    if start < len(texts):
        yield texts[start:]
