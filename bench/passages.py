"""What a question's passages become in its prompt: whole chunks, or their best sentences. Both in one run.

Every text of bench/texts, ingested by the real server with MiniLM: NAME.md with NAME.json, questions and the sentence
that answers each, or null. Texts named dev-* are those by which the weights of the ranking were chosen.
`--texts PATTERN` takes only some of them.
"""

import argparse
import asyncio
import json
import time
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench._server import Server
from bench.ingest import finished, put, served
from llmanager.chat import budget, prompt
from llmanager.chat.entities import Budget, Context, Cosines, Draft, Passage, Piece, Question, Search, Traits
from llmanager.chat.usecases.retrieve import retrieved
from llmanager.kernel.principal import Principal
from llmanager.vdb.entities import Vectors
from llmanager.vdb.mmr import cosine, unit
from llmanager.wiring.serving.known_vectors import KnowingEmbedder

Row = tuple[str, float | str, str]
TEXTS = Path(__file__).parent / "texts"
NOBODY = Principal("bench", "bench", frozenset())
K = 5
SMALL, TINY = Budget(), Budget(160, 3)


@dataclass(frozen=True)
class Text:
    name: str
    content: bytes
    questions: tuple[tuple[str, str | None], ...]


@dataclass
class Found:
    """Of all questions of some texts, asked one way."""

    ranks: list[int | None] = field(default_factory=list)  # of the gold passage in the prompt, from 1; None: not there
    tokens: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def within(self, rank: int) -> float:
        return sum(1 for found in self.ranks if found is not None and found <= rank) / len(self.ranks)


class OverHttp:
    """The server's databases as a Retriever. `takes_vectors`: False as if they had no embedder."""

    def __init__(self, server: Server, *, takes_vectors: bool = True) -> None:
        self._server, self._takes_vectors = server, takes_vectors
        self._known = KnowingEmbedder(self, lambda _, model: model)
        self.searched_s = 0.0

    async def search(self, caller: Principal, search: Search, query: str) -> tuple[Passage, ...]:
        began_s = time.perf_counter()
        _, found = self._server.ask("/vdb/query", {"name": search.vdb, "query": query, "k": search.k})
        self.searched_s = time.perf_counter() - began_s
        return tuple(_passage(hit) for hit in found["results"])

    async def cosines(self, caller: Principal, vdb: str, query: str, texts: Sequence[str]) -> Cosines | None:
        if not self._takes_vectors:
            return None
        vectors = await self._known.embed(caller, "embed", [query, *texts])
        asked, *others = [unit(vectors.row(at)) for at in range(len(vectors))]
        return Cosines(tuple(cosine(asked, other) for other in others), are_wide=True)

    def dimensions(self, caller: Principal, model: str) -> int | None:
        return None

    async def embed(self, caller: Principal, model: str, texts: Sequence[str]) -> Vectors:
        _, answer = self._server.ask("/v1/embeddings", {"model": model, "input": list(texts)})
        rows = [row["embedding"] for row in answer["data"]]
        return Vectors(len(rows[0]), b"".join(array("f", row).tobytes() for row in rows))


def _passage(hit: Mapping[str, Any]) -> Passage:
    piece = Piece(hit["source"], hit["metadata"]["chunk"])
    return Passage(hit["id"], hit["text"], hit["source"], hit["score"], piece=piece)


def run(*options: str) -> Iterator[Row]:
    parser = argparse.ArgumentParser(prog="bench passages")
    parser.add_argument("--texts", default="*")
    texts = [_text(path) for path in sorted(TEXTS.glob(f"{parser.parse_args(options).texts}.json"))]
    with served() as server:
        server.ask("/model/create", {"name": "embed", "model": "minilm", "wait_s": 120})
        for text in texts:
            _ingest(server, text)
        asyncio.run(_ask_all(server, texts, "chunks", SMALL))  # everything is loaded then
        yield from _shown("chunks", asyncio.run(_ask_all(server, texts, "chunks", SMALL)))
        cold = asyncio.run(_ask_all(server, texts, "sentences", SMALL))
        yield from _shown("sentences", cold, goals=("goal >= 0.85", "goal >= 0.97"))
        yield from _shown("3 sentences", asyncio.run(_ask_all(server, texts, "sentences", TINY)))
        yield from _shown("BM25 alone", asyncio.run(_ask_all(server, texts, "sentences", SMALL, takes_vectors=False)))
        yield from _times(cold)


def _shown(what: str, by_text: dict[str, Found], goals: tuple[str, str] = ("", "")) -> Iterator[Row]:
    every = Found([r for f in by_text.values() for r in f.ranks], [t for f in by_text.values() for t in f.tokens])
    yield f"{what}: the answer in the first of the prompt", every.within(1), goals[0]
    yield f"{what}: in one of the first three", every.within(3), goals[1]
    yield f"{what}: in any", every.within(10_000), ""
    yield f"{what}: tokens of the prompt, by estimate, mean", sum(every.tokens) / len(every.tokens), ""
    if goals[0]:
        for name, found in by_text.items():
            yield (
                f"{what} of {name}: in the first, in three",
                f"{found.within(1):.2f} {found.within(3):.2f}",
                "",
            )


def _times(cold: dict[str, Found]) -> Iterator[Row]:
    firsts = [found.seconds[0] for found in cold.values()]
    later = sorted(s for found in cold.values() for s in found.seconds[1:])
    yield "ms to narrow, no sentence of the text known, mean", 1000 * sum(firsts) / len(firsts), ""
    yield "ms to narrow, its sentences known, median", 1000 * later[len(later) // 2], "(embeds the question)"


async def _ask_all(
    server: Server, texts: Sequence[Text], context: Context, allowed: Budget, *, takes_vectors: bool = True
) -> dict[str, Found]:
    retriever = OverHttp(server, takes_vectors=takes_vectors)
    every: dict[str, Found] = {}
    for text in texts:
        found = every[text.name] = Found()
        for asked, gold in text.questions:
            question = Question("", asked, search=Search(text.name, K, context=context))
            began_s = time.perf_counter()
            passages = await retrieved(retriever, NOBODY, question, Traits(budget=allowed), "")
            found.seconds.append(time.perf_counter() - began_s - retriever.searched_s)
            assert passages is not None
            found.tokens.append(budget.estimated_prompt(prompt.messages(Draft(asked, passages=passages))))
            if gold is not None:
                found.ranks.append(_rank(gold, passages))
    return every


def _rank(gold: str, passages: Sequence[Passage]) -> int | None:
    return next((rank for rank, passage in enumerate(passages, 1) if _squeezed(gold) in _squeezed(passage.text)), None)


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _text(path: Path) -> Text:
    told: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    content = path.with_suffix(".md").read_bytes()
    return Text(path.stem, content, tuple((one["q"], one["a"]) for one in told))


def _ingest(server: Server, text: Text) -> None:
    server.ask("/vdb/create", {"name": text.name, "model": "embed"})
    _, announced = server.ask("/files", {"filename": f"{text.name}.md", "bytes": len(text.content)})
    put(server, announced["put_url"], text.content)
    _, job = server.ask("/vdb/embed", {"model": "embed", "src": announced["file_id"], "vdb": text.name})
    if (job := finished(server, job["job_id"]))["status"] != "done":
        raise RuntimeError(f"ingestion ended as {job['status']}: {job['error']}")
