"""Vectors of texts that were embedded lately, so that the next question over the same passages embeds itself alone."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Final

from llmanager.kernel.principal import Principal
from llmanager.vdb.entities import FLOAT_BYTES, Vectors
from llmanager.vdb.ports import Embedder

MAX_BYTES: Final = 16 * 2**20  # of vectors: some 10,000 of 384 dimensions
_DIGEST_BYTES: Final = 16

Key = tuple[str, bytes]


class KnowingEmbedder:
    """An Embedder that asks the one behind it only for what it does not know. For the event loop's thread alone.

    `generation` names a model's present weights, as a name may be another model's tomorrow; None: it is gone.
    """

    def __init__(
        self,
        embedder: Embedder,
        generation: Callable[[Principal, str], str | None],
        *,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._embedder, self._generation, self._max_bytes = embedder, generation, max_bytes
        self._rows: OrderedDict[Key, bytes] = OrderedDict()
        self._bytes = 0

    def dimensions(self, caller: Principal, model: str) -> int | None:
        return self._embedder.dimensions(caller, model)

    async def embed(self, caller: Principal, model: str, texts: Sequence[str]) -> Vectors:
        generation = self._generation(caller, model)
        if generation is None:
            return await self._embedder.embed(caller, model, texts)  # which says what is wrong
        if not texts:
            return await self._embedder.embed(caller, model, texts)
        keys = [(generation, _digest(text)) for text in texts]
        rows = {key: row for key in keys if (row := self._known(key)) is not None}
        unknown = {key: text for key, text in zip(keys, texts, strict=True) if key not in rows}
        if unknown:
            made = await self._embedder.embed(caller, model, list(unknown.values()))
            fresh = {key: made.row(at) for at, key in enumerate(unknown)}
            rows |= fresh
            for key, row in fresh.items():
                self._remember(key, row)
        data = b"".join(rows[key] for key in keys)
        return Vectors(len(rows[keys[0]]) // FLOAT_BYTES, data)

    def _known(self, key: Key) -> bytes | None:
        row = self._rows.get(key)
        if row is not None:
            self._rows.move_to_end(key)
        return row

    def _remember(self, key: Key, row: bytes) -> None:
        self._bytes += len(row) - len(self._rows.pop(key, b""))
        self._rows[key] = row
        while self._bytes > self._max_bytes:
            _, oldest = self._rows.popitem(last=False)
            self._bytes -= len(oldest)


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest()
