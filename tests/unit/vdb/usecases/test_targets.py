"""Embedded data that is kept, and loaded later."""

from dataclasses import replace

import pytest

from llmanager.kernel.errors import NotFound
from llmanager.vdb.errors import DimensionMismatch
from llmanager.vdb.usecases.create import Creation, create
from llmanager.vdb.usecases.load import load
from tests.fakes.documents import vector_of
from tests.unit.vdb.usecases.ingestion import DOCS, OWNER, IngestWorld


@pytest.fixture
def world() -> IngestWorld:
    return IngestWorld()


def lines(count: int, of: str = "line") -> list[str]:
    return [f"{of} {n}" for n in range(count)]


def test_an_embedder_whose_dimensions_changed_meanwhile_is_told(world):
    world.add("a.txt", *lines(10))
    world.ingest(target="kept")
    world.add("a.txt", *lines(10), "new")
    world.embed.dim = 5
    with pytest.raises(DimensionMismatch, match="4 and of 5"):
        world.ingest(target="kept")


def test_a_target_keeps_what_was_embedded_and_loads_into_a_collection(world):
    world.add("a.txt", *lines(300))
    result = world.ingest(target="kept")
    assert result["chunks"] == 300
    assert world.items() == []

    assert world.load("kept") == {"items": 300, "written": 300}
    assert set(world.texts()) == set(lines(300))
    assert world.vdbs.require(DOCS).model == "minilm"
    assert [found.vector for found in world.found("a.txt#000007")] == [vector_of("line 7")]
    assert world.load("kept") == {"items": 300, "written": 0}


def test_a_target_is_what_the_last_embed_made(world):
    world.add("a.txt", *lines(600))
    world.ingest(target="kept")
    world.embedded()
    assert world.ingest(target="kept")["embedded"] == 0

    world.add("a.txt", *lines(300), "new")
    assert world.ingest(target="kept")["embedded"] == 1
    world.load("kept")
    assert set(world.texts()) == {*lines(300), "new"}


def test_another_embedder_begins_a_target_anew(world):
    world.add("a.txt", "one")
    world.ingest(target="kept")
    assert world.ingest(target="kept", model="other")["embedded"] == 1
    world.load("kept")
    assert world.vdbs.require(DOCS).model == "other"


def test_collection_and_target_share_the_embedding(world):
    world.add("a.txt", "one", "LONG", "two")
    assert world.ingest(target="kept", vdb="docs")["embedded"] == 2
    assert world.ingest(target="kept", vdb="docs")["embedded"] == 0
    create(world.vdbs, Creation("acme", "more"))
    assert world.ingest(target="kept", vdb="more")["embedded"] == 0
    assert world.items("more") == world.items()


def test_other_tenants_targets_are_not_there(world):
    world.add("a.txt", "one")
    world.ingest(target="kept")
    rival = replace(OWNER, tenant="rival")
    create(world.vdbs, Creation("rival", "docs"))
    with pytest.raises(NotFound):
        load(world.tools, caller=rival, name="docs", src="kept", tell=world.tell)
