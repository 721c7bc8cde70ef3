from llmanager.vdb.usecases.create import Creation, create
from llmanager.vdb.usecases.delete import delete
from llmanager.vdb.usecases.forget import forget_documents
from tests.unit.vdb.usecases.ingestion import DOCS, IngestWorld


def test_documents_are_forgotten_with_their_collection_and_no_earlier():
    world = IngestWorld()
    for n in range(120):
        world.add(f"{n}.txt", f"text {n}")
    create(world.vdbs, Creation("acme", "more"))
    world.ingest()
    world.ingest("1.txt", vdb="more")
    rows = len(world.table.scan(limit=1000).rows)

    assert forget_documents(world.table, world.vdbs) == 0
    assert len(world.table.scan(limit=1000).rows) == rows
    delete(world.vdbs, DOCS)
    assert forget_documents(world.table, world.vdbs) == 1
    assert len(world.table.scan(limit=1000).rows) == 2
    assert world.ingest("1.txt", vdb="more")["skipped"] == 1


def test_a_collection_made_anew_has_none_of_the_old_ones_documents():
    world = IngestWorld()
    world.add("a.txt", "one")
    world.ingest()
    delete(world.vdbs, DOCS)
    create(world.vdbs, Creation(*DOCS))
    assert world.ingest()["embedded"] == 1
