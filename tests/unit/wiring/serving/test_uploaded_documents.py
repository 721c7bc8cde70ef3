import pytest

from llmanager.files.errors import FileNotFound, SourceNotFound
from llmanager.files.usecases.delete import delete_file
from llmanager.vdb.entities import Document
from llmanager.vdb.ports import DocumentSource
from llmanager.wiring.serving.uploaded_documents import UploadedDocuments
from tests.unit.files.world import World


@pytest.fixture
def world():
    return World()


def test_files_are_documents_by_name_with_their_size(world):
    source: DocumentSource = UploadedDocuments(world.files)
    file = world.upload("docs/a.txt", b"hello")
    world.upload("docs/b.txt", b"hi")
    listed = list(source.list("acme", "docs"))
    assert listed == [Document("docs/a.txt", 5, file.id), Document("docs/b.txt", 2, listed[1].address)]
    assert b"".join(source.read("acme", listed[0])) == b"hello"


def test_what_was_listed_is_what_is_read_also_after_another_upload_took_the_name(world):
    source = UploadedDocuments(world.files)
    world.upload("a", b"old")
    [document] = source.list("acme", "a")
    world.upload("a", b"newer")
    assert b"".join(source.read("acme", document)) == b"old"


def test_what_is_not_there_or_anothers_is_told_at_once(world):
    source = UploadedDocuments(world.files)
    file = world.upload("a")
    [document] = source.list("acme", "a")
    with pytest.raises(SourceNotFound):
        source.list("rival", "a")
    with pytest.raises(FileNotFound):
        source.read("rival", document)
    delete_file(world.files, tenant="acme", file_id=file.id)
    with pytest.raises(FileNotFound):
        source.read("acme", document)
