"""What chat is given of vector databases: passages, and how near their sentences are."""

import asyncio
from typing import Any

import pytest

from llmanager.chat.entities import Cosines, Passage, Search
from llmanager.kernel.errors import InvalidInput
from llmanager.kernel.principal import Principal
from llmanager.vdb.entities import Hit, Item, Mode
from llmanager.vdb.filters import Compare, Op
from llmanager.vdb.usecases.compare import Compared
from llmanager.wiring.serving.chat import VectorRetriever

pytestmark = pytest.mark.anyio

ADA = Principal("acme", "key", frozenset())


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class FakeQuery:
    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.hits = (Hit(Item("i1", "A fact.", {"page": 3}, "a.pdf"), 0.75),)

    async def __call__(self, **asked: Any) -> tuple[Hit, ...]:
        self.asked.append(asked)
        return self.hits


class FakeSimilarity:
    def __init__(self, model: str = "minilm") -> None:
        self.model = model

    async def __call__(self, *asked: Any) -> Compared | None:
        return Compared(self.model, tuple(len(text) / 10 for text in asked[-1]))


def has_wide_cosines(caller: Principal, model: str) -> bool:
    return (caller, model) == (ADA, "minilm")


def retriever(query: FakeQuery) -> VectorRetriever:
    return VectorRetriever(query, FakeSimilarity(), has_wide_cosines)


async def test_hits_become_passages():
    query = FakeQuery()
    found = await retriever(query).search(ADA, Search("docs", 3, {"year": 2020}, "hybrid"), "Why?")
    assert found == (Passage("i1", "A fact.", "a.pdf", 0.75),)
    where = Compare("year", Op.EQ, 2020)
    assert query.asked == [{"caller": ADA, "name": "docs", "text": "Why?", "k": 3, "where": where, "mode": Mode.HYBRID}]


def cut(source: str, **metadata: Any) -> Any:
    query = FakeQuery()
    query.hits = (Hit(Item("i", "t", metadata, source), 1.0),)
    (found,) = asyncio.run(retriever(query).search(ADA, Search("docs"), "Why?"))
    return found.piece


def test_chunks_of_one_text_know_of_each_other():
    first, second = cut("a.md", chunk=0, lang="en"), cut("a.md", lang="en", chunk=1)
    assert (first.number, second.number) == (0, 1)
    assert first.of == second.of


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(cut("b.md", chunk=1), id="of another document"),
        pytest.param(cut("a.md", chunk=1, page=2), id="of a page"),
        pytest.param(cut("a.md", chunk=1, row=2), id="a row"),
    ],
)
def test_chunks_of_other_texts_are_no_neighbours(other: Any):
    assert other.of != cut("a.md", chunk=0).of


@pytest.mark.parametrize(("source", "metadata"), [("a.md", {}), ("a.md", {"chunk": "2"}), ("", {"chunk": 1})], ids=str)
def test_what_no_cutting_made_is_an_item_of_its_own(source: str, metadata: dict[str, Any]):
    assert cut(source, **metadata) is None


async def test_without_filter_and_mode_the_databases_own_hold():
    query = FakeQuery()
    await retriever(query).search(ADA, Search("docs"), "Why?")
    assert (query.asked[0]["where"], query.asked[0]["mode"]) == (None, None)


async def test_a_filter_that_is_none_is_refused_before_anything_is_asked():
    query = FakeQuery()
    with pytest.raises(InvalidInput) as refused:
        await retriever(query).search(ADA, Search("docs", where={"$bad": 1}), "Why?")
    assert (refused.value.param, query.asked) == ("filter", [])


async def test_cosines_are_the_databases_own():
    assert await retriever(FakeQuery()).cosines(ADA, "docs", "q", ["four"]) == Cosines((0.4,), are_wide=True)
    other = VectorRetriever(FakeQuery(), FakeSimilarity("other"), has_wide_cosines)
    assert await other.cosines(ADA, "docs", "q", ["four"]) == Cosines((0.4,), are_wide=False)
