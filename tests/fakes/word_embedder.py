"""An Embedder that needs no model: texts that share words are near each other."""

import re
import struct
import zlib
from collections.abc import Sequence

from llmanager.kernel.errors import LLManagerError
from llmanager.kernel.principal import Principal
from llmanager.vdb.entities import Vectors
from llmanager.vdb.errors import EmbedderMissing


class WordEmbedder:
    """`models` are those that there are, with their dimensions. `calls` are (model, number of texts), in order.

    `down` makes every call raise it, until it is None again.
    """

    def __init__(self, **models: int) -> None:
        self.models = models or {"minilm": 16}
        self.calls: list[tuple[str, int]] = []
        self.down: LLManagerError | None = None

    def dimensions(self, caller: Principal, model: str) -> int | None:
        if model not in self.models:
            raise EmbedderMissing(f"There is no model {model!r}.")
        return self.models[model]

    async def embed(self, caller: Principal, model: str, texts: Sequence[str]) -> Vectors:
        self.calls.append((model, len(texts)))
        if self.down is not None:
            raise self.down
        if model not in self.models:
            raise EmbedderMissing(f"There is no model {model!r}.")
        dim = self.models[model]
        return Vectors(dim, b"".join(_row(text, dim) for text in texts))


def _row(text: str, dim: int) -> bytes:
    counts = [0.0] * dim
    for word in re.findall(r"\w+", text.lower()):
        counts[zlib.crc32(word.encode()) % dim] += 1.0
    return struct.pack(f"<{dim}f", *counts)
