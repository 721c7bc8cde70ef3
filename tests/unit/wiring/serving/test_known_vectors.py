"""Vectors that were made lately are not made again."""

import pytest

from llmanager.kernel.errors import Unavailable
from llmanager.kernel.principal import Principal
from llmanager.vdb.errors import EmbedderMissing
from llmanager.wiring.serving.known_vectors import KnowingEmbedder
from tests.fakes.word_embedder import WordEmbedder

pytestmark = pytest.mark.anyio

ADA = Principal("acme", "key", frozenset())
ROW_BYTES = 16 * 4


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Models:
    """An embedder, and which generation of it has the name."""

    def __init__(self, **more: int) -> None:
        self.behind = WordEmbedder(minilm=16)
        self.generation: str | None = "minilm-1"
        self.knowing = KnowingEmbedder(self.behind, lambda caller, model: self.generation, **more)

    async def embed(self, *texts: str):
        return await self.knowing.embed(ADA, "minilm", texts)


async def test_only_what_is_not_known_is_embedded_and_rows_keep_their_order():
    models = Models()
    await models.embed("red apple", "pear")
    told = await models.embed("green", "pear", "red apple", "green")
    assert models.behind.calls == [("minilm", 2), ("minilm", 1)]
    fresh = await WordEmbedder(minilm=16).embed(ADA, "minilm", ["green", "pear", "red apple", "green"])
    assert told == fresh


async def test_what_is_all_known_asks_nobody():
    models = Models()
    await models.embed("red")
    models.behind.down = Unavailable("It is down.")
    assert len(await models.embed("red")) == 1


async def test_another_model_of_that_name_makes_its_own():
    models = Models()
    await models.embed("red")
    models.generation = "minilm-2"
    await models.embed("red")
    assert models.behind.calls == [("minilm", 1)] * 2


async def test_what_was_not_used_for_longest_is_forgotten_first():
    models = Models(max_bytes=2 * ROW_BYTES)
    await models.embed("one", "two")
    await models.embed("one")
    await models.embed("three")
    models.behind.calls.clear()
    await models.embed("one", "three")
    assert models.behind.calls == []
    await models.embed("two")
    assert models.behind.calls == [("minilm", 1)]


async def test_a_failure_is_not_kept():
    models = Models()
    models.behind.down = Unavailable("It is down.")
    with pytest.raises(Unavailable):
        await models.embed("red")
    models.behind.down = None
    assert len(await models.embed("red")) == 1


async def test_a_model_that_is_gone_is_the_embedders_to_refuse():
    models = Models()
    await models.embed("red")
    models.generation = None
    models.behind.models.clear()
    with pytest.raises(EmbedderMissing):
        await models.embed("red")
