"""Embedding beside reading and writing: the embedder has the next texts before it has done with these.

It is not given many at once, though: a model's server works off texts in the order they came, and a user's question
waits behind those that are there. So a call holds as many as take about CALL_S.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from llmanager.kernel.clock import Clock
from llmanager.kernel.errors import InvalidInput, UpstreamFailed
from llmanager.vdb.entities import Vectors
from llmanager.vdb.errors import EmbedderUnfit
from llmanager.vdb.usecases.embed import EMBED_TEXTS

EMBED_CHARACTERS = 256 * 1024  # at once
CALLS_AT_ONCE = 2
CALL_S = 0.5
FIRST_TEXTS = 8  # of the first call, before it is known how quick the embedder is

Vector = bytes | InvalidInput  # why the embedder refuses a text
Embed = Callable[[Sequence[str]], Vectors]


class EmbedAhead:
    """On leaving, what has not begun is dropped, and what has begun is waited for."""

    def __init__(self, embed: Embed, clock: Clock) -> None:
        self._embed, self._clock = embed, clock
        self._texts_a_call = FIRST_TEXTS
        self._pool = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="embed-ahead")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def begin(self, texts: Sequence[str]) -> Callable[[], list[Vector]]:
        """Call the result for the vectors, one a text. It raises what the embedder raises, but for refused texts."""
        calls = [self._pool.submit(self._timed, batch) for batch in _batches(texts, self._texts_a_call)]
        return lambda: _joined(calls)

    def _timed(self, texts: Sequence[str]) -> list[Vector]:
        began_s = self._clock.monotonic_s()
        vectors = self._vectors(texts)
        self._texts_a_call = next_size(self._texts_a_call, self._clock.monotonic_s() - began_s)
        return vectors

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


def next_size(texts: int, took_s: float) -> int:
    """How many texts the next calls hold, after one of `texts` or fewer took so long."""
    if took_s > 2 * CALL_S:
        return max(1, texts // 2)
    return min(EMBED_TEXTS, 2 * texts) if took_s < CALL_S / 2 else texts


def _joined(calls: Sequence["Future[list[Vector]]"]) -> list[Vector]:
    return [vector for call in calls for vector in call.result()]


def _batches(texts: Sequence[str], count: int) -> Iterator[Sequence[str]]:
    start = characters = 0
    for end, text in enumerate(texts):
        if end > start and (end - start >= count or characters + len(text) > EMBED_CHARACTERS):
            yield texts[start:end]
            start, characters = end, 0
        characters += len(text)
    if start < len(texts):
        yield texts[start:]
