import json

import pytest

from llmanager.kernel.errors import InvalidInput, NotFound
from llmanager.vdb.chunks import PORTION_ITEMS
from llmanager.vdb.errors import CollectionNotFound, DimensionMismatch
from llmanager.vdb.usecases.load import load
from tests.unit.vdb.usecases.ingestion import DOCS, OWNER, IngestWorld


@pytest.fixture
def world() -> IngestWorld:
    return IngestWorld()


def keep(world: IngestWorld, name: str, count: int, dim: int = 2) -> None:
    vectors = [[float(n)] * dim for n in range(1, count + 1)]
    whole = {"metadata": [f"text {n}" for n in range(count)], "embeddings": vectors}
    world.documents.files["acme", name] = json.dumps(whole).encode()


def test_a_file_of_embedded_data_is_added_in_bounded_writes(world):
    keep(world, "file.json", PORTION_ITEMS + 1)
    assert world.load("file.json") == {"items": PORTION_ITEMS + 1, "written": PORTION_ITEMS + 1}
    assert world.segments() == 2
    collection = world.vdbs.require(DOCS)
    assert (collection.model, collection.dim) == (None, 2)
    assert world.told == [(PORTION_ITEMS, None, "items", "loading"), (PORTION_ITEMS + 1, None, "items", "loading")]


def test_loading_again_writes_only_what_is_missing(world):
    keep(world, "file.json", 3)
    world.load("file.json")
    keep(world, "file.json", 5)
    assert world.load("file.json") == {"items": 5, "written": 2}


def test_other_dimensions_are_refused(world):
    keep(world, "a.json", 1)
    keep(world, "b.json", 1, dim=3)
    world.load("a.json")
    with pytest.raises(DimensionMismatch):
        world.load("b.json")


def test_what_names_nothing_or_several_files_is_refused(world):
    with pytest.raises(NotFound):
        world.load("absent")
    world.documents.list = lambda tenant, src: iter(())
    with pytest.raises(NotFound, match="target of POST /vdb/embed"):
        world.load("empty")
    world = IngestWorld()
    keep(world, "a.json", 1)
    keep(world, "ab.json", 1)
    with pytest.raises(InvalidInput, match="several"):
        world.load("a")


def test_a_database_must_be_there(world):
    keep(world, "a.json", 1)
    with pytest.raises(CollectionNotFound):
        load(world.tools, caller=OWNER, name="absent", src="a.json", tell=world.tell)
