"""The documents that an ingestion reads, where they are uploaded files."""

from collections.abc import Iterator

from llmanager.files.usecases.files import Files
from llmanager.files.usecases.find import named
from llmanager.vdb.entities import Document


class UploadedDocuments:
    """The DocumentSource over files: a document's name is its file's, its address the file's id.

    So what an ingestion has listed stays what it reads, also where another upload takes the name meanwhile.
    """

    def __init__(self, files: Files) -> None:
        self._files = files

    def list(self, tenant: str, src: str) -> Iterator[Document]:
        return (Document(file.filename, file.size_bytes, file.id) for file in named(self._files, tenant, src))

    def read(self, tenant: str, document: Document) -> Iterator[bytes]:
        return self._files.read(self._files.require(tenant, document.address))
